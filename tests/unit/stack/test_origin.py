import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import origin as module
from samplemind_cli.stack.files import CARRIED, Stack, located, ports_file
from samplemind_cli.stack.origin import StackOrigin, engine_elsewhere, is_loopback, origin, scope, started_from


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


OURS = CARRIED[1] / "compose.yaml"  # a checkout's


def test_the_stack_that_comes_with_samplemind_is_known_by_where_its_files_lie(settings, tmp_path):
    ports = ports_file(settings, OURS)
    assert origin(settings, [OURS, OURS.with_name("compose.gpu.rocm.yaml"), ports]) == StackOrigin("", carried=True)
    assert origin(settings, located(settings, tmp_path).files).carried


def test_one_file_that_is_not_ours_makes_it_a_projects(settings, tmp_path):
    evil = tmp_path / "shop" / "compose.yaml"
    assert not origin(settings, [OURS, evil]).carried
    assert origin(settings, [evil, OURS]) == StackOrigin(str(tmp_path / "shop"), carried=False)
    assert not origin(settings, [tmp_path / "state" / "ports-1.yaml"]).carried
    assert not origin(settings, [ports_file(settings, OURS)]).carried


def test_the_ports_of_another_stack_make_ours_a_projects(settings, tmp_path):
    theirs = ports_file(settings, tmp_path / "shop" / "compose.yaml")
    assert not origin(settings, [OURS, theirs]).carried


def test_a_copy_of_our_files_is_a_projects(settings, tmp_path):
    copy = tmp_path / "samplemind_cli" / "compose" / "compose.yaml"
    assert origin(settings, [copy]) == StackOrigin(str(tmp_path / "samplemind_cli"), carried=False)


def test_a_link_is_taken_for_what_it_leads_to(settings, tmp_path):
    link = tmp_path / "compose.yaml"
    link.symlink_to(OURS)
    assert origin(settings, [link]).carried


def test_a_projects_folder_is_above_its_compose_folder(settings, tmp_path):
    assert origin(settings, [tmp_path / "shop" / "compose" / "compose.yaml"]).folder == str(tmp_path / "shop")


def test_a_repository_that_is_called_compose_is_not_its_parents_project(settings, tmp_path, monkeypatch):
    clone = tmp_path / "compose"
    (clone / ".git").mkdir(parents=True)
    (clone / "compose.yaml").write_text("services: {ollama: {image: evil}}\n")
    assert located(settings, tmp_path).files[0].parent in CARRIED
    for directory in (tmp_path, clone):
        monkeypatch.chdir(directory)
        assert origin(settings, [clone / "compose.yaml"]).folder == str(clone)
    assert scope(settings, located(settings)) == str(clone)


def test_an_unpacked_folder_that_is_called_compose_counts_for_itself_once_entered(settings, tmp_path, monkeypatch):
    folder = tmp_path / "compose"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert origin(settings, [folder / "compose.yaml"]).folder == str(folder)
    (tmp_path / ".git").mkdir()
    assert origin(settings, [folder / "compose.yaml"]).folder == str(tmp_path)


@pytest.mark.parametrize("says", ["COMPOSE_FILE=../compose.yaml:evil.yaml", "COMPOSE_FILE=../compose.yaml", "X=y"])
def test_what_a_clone_makes_of_the_files_above_it_counts_in_the_clone_alone(settings, tmp_path, monkeypatch, says):
    clone = tmp_path / "clone"
    clone.mkdir()
    for file in (tmp_path / "compose.yaml", clone / "evil.yaml"):
        file.write_text("services: {ollama: {image: '${X:-x}'}}\n")
    monkeypatch.chdir(clone)
    assert scope(settings, located(settings)) == str(tmp_path)
    (clone / ".env").write_text(f"{says}\n")
    stack = located(settings)
    assert stack.files[0].resolve() == tmp_path / "compose.yaml"
    assert scope(settings, stack) == str(clone)


def test_what_a_clone_makes_of_a_neighbours_files_counts_in_the_clone_alone(settings, tmp_path, monkeypatch):
    for name in ("shop", "clone"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "base.yaml").write_text("services: {}\n")
    monkeypatch.chdir(tmp_path / "clone")
    (tmp_path / "clone" / "compose.yaml").symlink_to(tmp_path / "shop" / "base.yaml")
    assert scope(settings, located(settings)) == str(tmp_path / "clone")
    (tmp_path / "clone" / ".env").write_text("COMPOSE_FILE=../shop/base.yaml:base.yaml\n")
    assert scope(settings, located(settings)) == str(tmp_path / "clone")
    both = Stack(files=(tmp_path / "shop" / "base.yaml", tmp_path / "other" / "base.yaml"))
    assert scope(settings, both) == str(tmp_path / "clone")


@pytest.mark.parametrize("linked", ["compose.yaml", "compose", "named"])
def test_a_link_to_our_files_fills_them_in_with_nothing_that_lies_beside_it(settings, tmp_path, monkeypatch, linked):
    monkeypatch.chdir(tmp_path)
    link = tmp_path / ("compose" if linked == "compose" else "compose.yaml")
    link.symlink_to(OURS.parent if linked == "compose" else OURS)
    (tmp_path / ".env").write_text(f"OLLAMA_IMAGE=evil\n{'COMPOSE_FILE=compose.yaml' if linked == 'named' else ''}\n")
    stack = located(settings)
    assert (stack.files, stack.by_option) == ((OURS,), True)
    assert origin(settings, stack.files).carried


def test_the_files_of_a_container_are_told_by_composes_label():
    label = "com.docker.compose.project.config_files"
    assert [*map(str, started_from({"Labels": {label: "/a/compose.yaml,/b.yaml"}}))] == ["/a/compose.yaml", "/b.yaml"]
    assert started_from({"Labels": None}) == started_from({}) == started_from({"Labels": {label: ""}}) == []


@pytest.mark.parametrize(
    ("endpoint", "elsewhere"),
    [
        ("unix:///var/run/docker.sock", ""),
        ("npipe:////./pipe/docker_engine", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://localhost:2375", ""),
        ("tcp://[::1]:2375", ""),
        ("ssh://me:secret@far", "ssh://far"),
        ("tcp://10.0.0.7:2376", "tcp://10.0.0.7"),
        ("tcp://127.0.0.1.evil.example:2375", "tcp://127.0.0.1.evil.example"),
    ],
)
def test_an_engine_is_elsewhere_when_its_endpoint_is(endpoint, elsewhere, monkeypatch):
    monkeypatch.setattr(module, "docker_command", lambda *_: ["echo", endpoint])
    assert engine_elsewhere() == elsewhere
    monkeypatch.setenv("DOCKER_HOST", endpoint)
    monkeypatch.setattr(module, "docker_command", lambda *_: pytest.fail("the environment says it"))
    assert engine_elsewhere() == elsewhere


@pytest.mark.parametrize("host", ["", "0.0.0.0", "6.6.6.6", "localhost.evil.example", "1.0.0.127", "::", "127.1"])
def test_what_is_not_exactly_loopback_is_not(host):
    assert not is_loopback(host)
