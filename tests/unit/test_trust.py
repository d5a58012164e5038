"""What other users of the machine put into folders that we look at: left out, and told."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from samplemind_cli import hot, paths, trust
from samplemind_cli.models import lock
from samplemind_cli.settings import Settings
from samplemind_cli.stack import files

STRANGER = 4321
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")


@pytest.fixture
def home(tmp_path):
    folder = tmp_path / "home"
    (folder / "shared" / "mine").mkdir(parents=True)
    return folder


@pytest.fixture
def env(home):
    return {"HOME": str(home)}


@pytest.fixture
def planted(home):
    """A project's file in a folder above the current one."""
    file = home / "shared" / paths.PROJECT_FILE
    file.write_text('ollama_model = "planted"')
    return file


@pytest.fixture
def load(home, env):
    def model(**more):
        return Settings.load({**env, **more}, home / "shared" / "mine").ollama_model

    return model


ATTACKS = {
    "everybody may write to the folder": lambda file: file.parent.chmod(0o777),
    "everybody may write to the file": lambda file: file.chmod(0o666),
    "a stranger's file": lambda file: os.chown(file, STRANGER, STRANGER),
    "a stranger's folder": lambda file: os.chown(file.parent, STRANGER, STRANGER),
    "a link to a stranger's file": lambda file: link(file, lambda target: os.chown(target, STRANGER, -1)),
    "a link into a folder that everybody may write to": lambda file: link(file, lambda t: t.parent.chmod(0o777)),
    "a stranger's link to a file of ours": lambda file: os.lchown(link(file, lambda _: None), STRANGER, -1),
}
attacks = pytest.mark.parametrize(
    "attack",
    [pytest.param(attack, id=name, marks=as_root if "strange" in name else ()) for name, attack in ATTACKS.items()],
)


def link(file, attack):
    """Make the file a link to one with the same content in another folder, which is attacked."""
    target = file.parents[1] / "elsewhere" / "target"
    target.parent.mkdir()
    file.rename(target)
    file.symlink_to(target)
    attack(target)
    return file


@attacks
def test_settings_that_another_user_could_have_written_do_not_count_and_are_told(load, planted, attack, capsys):
    assert load() == "planted"
    attack(planted)

    assert load() == Settings().ollama_model
    told = capsys.readouterr().err
    assert f"{planted} is ignored: " in told
    assert f"SAMPLEMIND_TRUSTED_FOLDERS={planted.parent}" in told


@attacks
def test_a_folder_that_the_user_trusts_counts_whoever_owns_it(load, planted, attack):
    attack(planted)

    assert load(SAMPLEMIND_TRUSTED_FOLDERS=str(planted.parent)) == "planted"


def test_a_trusted_folder_is_meant_with_all_below_it_and_nothing_beside_it(load, planted):
    planted.parent.chmod(0o777)

    assert load(SAMPLEMIND_TRUSTED_FOLDERS=str(planted.parents[1])) == "planted"
    for other in (f"{planted.parent}d", str(planted.parent / "mine"), "shared", "."):
        assert load(SAMPLEMIND_TRUSTED_FOLDERS=other) != "planted"


@attacks
def test_a_users_own_settings_that_another_user_could_have_written_do_not_count(home, env, attack):
    file = home / ".config" / "samplemind" / paths.USER_FILE
    file.parent.mkdir(parents=True)
    file.write_text('ollama_host = "192.0.2.1"')
    assert Settings.load(env, home).ollama_host == "192.0.2.1"
    attack(file)

    assert Settings.load(env, home).ollama_host == Settings().ollama_host


@attacks
def test_compose_files_that_another_user_could_have_written_do_not_count(home, env, attack, monkeypatch):
    monkeypatch.setenv("HOME", env["HOME"])
    file = home / "shared" / "compose" / "compose.yaml"
    file.parent.mkdir()
    file.write_text("services: {}\n")
    settings = Settings(state_dir=str(home))
    assert files.located(settings, home / "shared" / "mine").files == (file,)
    attack(file)

    assert files.located(settings, home / "shared" / "mine").files[0].parent in files.CARRIED
    trusting = Settings(state_dir=str(home), trusted_folders=(str(home),))
    assert files.located(trusting, home / "shared" / "mine").files == (file,)


@pytest.mark.parametrize("name", [".env", "compose.override.yaml", "compose.gpu.nvidia.yaml"])
def test_a_compose_folder_counts_only_with_every_file_that_compose_reads_there(home, env, name, monkeypatch):
    monkeypatch.setenv("HOME", env["HOME"])
    folder = home / "shared" / "compose"
    folder.mkdir()
    for file in ("compose.yaml", name):
        (folder / file).write_text("")
    (folder / name).chmod(0o666)

    assert files.located(Settings(state_dir=str(home)), folder).files[0].parent in files.CARRIED


def test_the_lock_of_models_does_not_lie_beside_settings_that_do_not_count(planted, monkeypatch, env):
    monkeypatch.setenv("HOME", env["HOME"])
    mine = planted.parent / "mine"
    assert lock.path(mine).parent == planted.parent
    planted.chmod(0o666)

    assert lock.path(mine).parent == mine


@attacks
def test_a_repeated_question_is_another_one_once_the_settings_no_longer_count(home, env, planted, attack, monkeypatch):
    monkeypatch.chdir(home / "shared" / "mine")
    before = hot.Question(["hi"], env).folder
    identity = hot.identity
    monkeypatch.setattr(hot, "identity", lambda path, **_: Path(path).name)  # as a forged inode and ctime would
    same = hot.Question(["hi"], env).folder
    attack(planted)

    assert hot.Question(["hi"], env).folder != same
    monkeypatch.setattr(hot, "identity", identity)
    assert hot.Question(["hi"], env).folder != before


def test_members_of_the_files_group_are_trusted_as_git_does(load, planted):
    planted.chmod(0o664)
    planted.parent.chmod(0o775)

    assert load() == "planted"


def test_a_file_of_ours_in_a_sticky_folder_counts(load, planted):
    planted.parent.chmod(0o1777)

    assert load() == "planted"


@as_root
def test_who_became_root_by_sudo_is_still_trusted(load, planted):
    os.chown(planted, STRANGER, STRANGER)

    assert load(SUDO_UID=str(STRANGER)) == "planted"
    assert load(SUDO_UID="1") == load(SUDO_UID="x") == Settings().ollama_model


def test_sudos_user_counts_only_for_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)

    assert trust._ours({"SUDO_UID": str(STRANGER)}) == {0, 1000}


def test_a_file_above_one_that_does_not_count_is_still_found(load, home, planted):
    planted.chmod(0o666)
    (home / paths.PROJECT_FILE).write_text('ollama_model = "above"')

    assert load() == "above"


def test_the_search_ends_at_the_home(home, env):
    assert trust.folders(str(home / "shared"), env) == [str(home / "shared"), str(home)]


def test_the_search_ends_at_a_home_that_is_reached_by_a_link(home, tmp_path):
    (tmp_path / "link").symlink_to(home)

    assert trust.folders(str(home / "shared"), {"HOME": str(tmp_path / "link")})[-1] == str(home)


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_the_search_ends_at_the_top_of_the_repository_or_worktree(home, env, make):
    make(home / "shared" / ".git")

    assert trust.folders(str(home / "shared" / "mine"), env)[-1] == str(home / "shared")


def test_the_search_ends_at_the_border_of_the_file_system(home, env, monkeypatch):
    original = trust._device_inode
    monkeypatch.setattr(trust, "_device_inode", lambda f: (7, 7) if f == str(home) else original(f))

    assert trust.folders(str(home / "shared" / "mine"), env)[-1] == str(home / "shared")


def test_outside_of_the_home_the_search_ends_at_the_root():
    assert trust.folders("/nowhere/at/all", {"HOME": "/home/of/nobody"})[-1] == "/"


def test_what_is_left_out_is_told_once(load, planted, capsys):
    planted.chmod(0o666)
    load()
    load()

    assert capsys.readouterr().err.count("is ignored") == 1


def test_a_warning_names_a_planted_folder_without_obeying_it(home, env, capsys):
    folder = home / "\x1b]0;owned\x07"
    folder.mkdir()
    (folder / paths.PROJECT_FILE).touch()
    (folder / paths.PROJECT_FILE).chmod(0o666)
    Settings.load(env, folder)

    assert "\x1b" not in capsys.readouterr().err


def test_a_planted_file_costs_the_hot_path_no_import(env, planted):
    planted.chmod(0o666)
    code = (
        "import os, sys; from samplemind_cli import hot; before = set(sys.modules); hot.Question([], os.environ);"
        "print(*set(sys.modules) - before)"
    )
    root = str(Path(hot.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=planted.parent,
        capture_output=True,
        text=True,
        check=True,
        env={**env, "PYTHONPATH": root},
    )

    assert "samplemind_cli.output" not in done.stdout


def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="it is a pipe"):
        trust.content(tmp_path / "pipe")
