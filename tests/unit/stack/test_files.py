"""Which compose files are in force."""

from pathlib import Path

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import files


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


@pytest.fixture
def project(tmp_path):
    """A project with a compose folder of its own."""
    folder = tmp_path / "My Shop" / "compose"
    folder.mkdir(parents=True)
    (folder / "compose.yaml").write_text("services: {web: {image: x}}\n")
    return folder.parent


def test_the_carried_files_serve_a_folder_without_its_own(settings, tmp_path):
    stack = files.located(settings, tmp_path)
    assert [file.name for file in stack.files] == ["compose.yaml"]
    assert stack.files[0].parent in files.CARRIED
    assert stack.project is None  # the file names it


def test_the_projects_own_folder_wins_from_below_too(settings, project):
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    assert files.located(settings, below).files == (project / "compose" / "compose.yaml",)


def test_a_project_is_called_like_the_folder_around_compose(settings, project):
    assert files.located(settings, project).project == "myshop"


def test_a_name_in_the_file_is_left_to_compose(settings, project):
    (project / "compose" / "compose.yaml").write_text("name: ${NAME:-x}\nservices: {}\n")
    assert files.located(settings, project).project is None


def test_an_override_follows_its_base(settings, project):
    (project / "compose" / "compose.override.yaml").write_text("services: {}\n")
    names = [file.name for file in files.located(settings, project).files]
    assert names == ["compose.yaml", "compose.override.yaml"]


def test_named_files_win_over_the_projects(tmp_path, project):
    for name in ("a.yaml", "b.yaml"):
        (project / name).write_text("services: {}\n")
    settings = Settings(compose_file="a.yaml:b.yaml", state_dir=str(tmp_path))
    assert files.located(settings, project).files == (project / "a.yaml", project / "b.yaml")


def test_a_named_file_that_is_absent_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match=r"there is no compose file .*nope\.yaml"):
        files.located(Settings(compose_file="nope.yaml"), tmp_path)


def test_remembered_ports_come_last(settings, project):
    ports = files.ports_file(settings, project / "compose" / "compose.yaml")
    ports.parent.mkdir()
    ports.write_text("services: {}\n")
    assert files.located(settings, project).files[-1] == ports


def test_a_folder_that_nobody_can_look_into_holds_nothing(project):
    settings = Settings(state_dir=f"/{'x' * 300}")  # as little to be looked into as another user's, for root too
    assert files.located(settings, project).files == (project / "compose" / "compose.yaml",)


@pytest.mark.parametrize("kind", ["nvidia", "cdi", "rocm"])
def test_every_gpu_has_its_overlay(settings, tmp_path, kind):
    assert files.located(settings, tmp_path, gpu=kind).files[-1].name == f"compose.gpu.{kind}.yaml"


def test_a_gpu_that_the_project_has_no_overlay_for_is_refused(settings, project):
    with pytest.raises(UsageError, match=r"compose\.gpu\.cdi\.yaml"):
        files.located(settings, project, gpu="cdi")


@pytest.mark.parametrize(
    ("engine", "overlays"), [("24.0.9", 1), ("25.0.0", 0), ("26.1.5+dfsg1", 0), ("dev", 0), ("", 0)]
)
def test_only_an_engine_before_25_gets_its_overlay(settings, tmp_path, engine, overlays):
    names = [file.name for file in files.located(settings, tmp_path, engine=engine).files[1:]]
    assert names == ["compose.engine24.yaml"] * overlays


def test_the_wheels_context_is_the_package(settings, tmp_path, monkeypatch):
    carried = tmp_path / "site-packages" / "samplemind_cli" / "compose"
    carried.mkdir(parents=True)
    (carried / "compose.yaml").write_text("name: samplemind\n")
    monkeypatch.setattr(files, "CARRIED", (carried, tmp_path / "site-packages" / "compose"))
    assert files.located(settings, tmp_path).variables == {"API_PACKAGE": "."}


@pytest.fixture
def root(project):
    """The same project, with a compose file in its root."""
    (project / "docker-compose.yaml").write_text("services: {web: {image: y}}\n")
    return project


def test_a_compose_file_in_the_root_wins_over_the_compose_folder_and_is_left_to_compose(settings, root):
    stack = files.located(settings, root)
    assert (stack.files, stack.project, stack.by_option) == ((root / "docker-compose.yaml",), None, False)
    below = root / "src"
    below.mkdir()
    assert files.located(settings, below).files == stack.files


def test_names_and_overrides_are_taken_in_compose_s_own_order(settings, root):
    order = ["docker-compose.yaml", "docker-compose.yml", "compose.yml", "compose.yaml"]
    overrides = [
        "docker-compose.override.yaml",
        "docker-compose.override.yml",
        "compose.override.yaml",
        "compose.override.yml",
    ]
    for name, override in zip(order, overrides, strict=True):
        (root / name).touch()
        (root / override).touch()
        assert [file.name for file in files.located(settings, root).files] == [name, override]


@pytest.mark.parametrize("where", ["environment", ".env"])
def test_compose_file_wins_over_the_project_s_files_and_has_its_own_separator(settings, root, monkeypatch, where):
    for name in ("a.yaml", "b.yaml"):
        (root / name).touch()
    if where == ".env":
        (root / ".env").write_text("COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE='a.yaml,b.yaml' # ours\n")
    else:
        monkeypatch.setenv("COMPOSE_PATH_SEPARATOR", ",")
        monkeypatch.setenv("COMPOSE_FILE", "a.yaml,b.yaml")
    stack = files.located(settings, root)
    assert (stack.files, stack.by_option) == ((root / "a.yaml", root / "b.yaml"), False)
    named = Settings(compose_file="docker-compose.yaml", state_dir=settings.state_dir)
    assert files.located(named, root).files == (root / "docker-compose.yaml",)


def test_the_carried_stack_is_read_without_the_folders_env_file_though_that_names_it(settings, root):
    carried = files.CARRIED[1] / "compose.yaml"
    (root / ".env").write_text(f"COMPOSE_FILE={carried}\nREDIS_IMAGE=evil\n")
    stack = files.located(settings, root)
    assert (stack.files[0], stack.by_option) == (carried, True)


def test_a_compose_file_variable_that_leads_nowhere_is_named(settings, root, monkeypatch):
    monkeypatch.setenv("COMPOSE_FILE", "nope.yaml")
    with pytest.raises(UsageError, match=r"nope\.yaml") as raised:
        files.located(settings, root)
    assert "COMPOSE_FILE" in raised.value.hint


def test_a_project_name_of_the_env_file_wins_over_the_folder_s(settings, project):
    (project / ".env").write_text("COMPOSE_PROJECT_NAME=other\n")
    assert files.located(settings, project).project is None


def test_names_and_profiles_asked_for_are_passed_on(project, tmp_path):
    settings = Settings(compose_project="mine", compose_profiles=("a", "b"), state_dir=str(tmp_path))
    stack = files.located(settings, project)
    assert (stack.project, stack.profiles) == ("mine", ("a", "b"))


def test_ports_are_remembered_for_each_project_name_apart(project, tmp_path):
    base = project / "compose" / "compose.yaml"
    names = [files.ports_file(Settings(compose_project=name, state_dir=str(tmp_path)), base) for name in ("", "a", "b")]
    assert len(set(names)) == 3


def test_a_title_names_the_files_and_the_project(root, monkeypatch, settings, tmp_path):
    (root / "compose.override.yaml").touch()
    monkeypatch.chdir(root)
    title = files.located(settings, root).title("shop")
    assert title == "stack: docker-compose.yaml, compose.override.yaml (project shop)"
    assert files.located(settings, tmp_path).title().startswith("stack: samplemind's own, /")


def test_an_env_file_that_every_user_can_write_to_chooses_nothing_and_is_kept_from_compose(settings, root, capfd):
    (root / "a.yaml").touch()
    (root / ".env").write_text("COMPOSE_FILE=a.yaml\n")
    (root / ".env").chmod(0o666)
    below = root / "src"
    below.mkdir()
    (root / ".env").rename(below / ".env")
    (below / "a.yaml").touch()
    stack = files.located(settings, below)
    assert (stack.files, stack.by_option) == ((root / "docker-compose.yaml",), True)
    assert "every user can write" in capfd.readouterr().err


def test_a_compose_file_in_the_root_that_every_user_can_write_to_does_not_count(settings, root):
    (root / "docker-compose.yaml").chmod(0o666)
    assert files.located(settings, root).files == (root / "compose" / "compose.yaml",)


def test_nobody_finds_a_folder_whose_ports_are_another_stacks(settings):
    """Of a 32-bit checksum four letters in a folder's name choose every value."""
    names = {files.ports_file(settings, Path(f"/clone/{number}/compose.yaml")).name for number in range(200)}
    assert len(names) == 200
    assert all(len(name) == len("ports-.yaml") + 32 for name in names)
