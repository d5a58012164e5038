import json
import os
import subprocess

import pytest

from samplemind_cli.bench import baselines, board, git, report
from samplemind_cli.errors import SamplemindError, UsageError

A, B = "a" * 40, "b" * 40


def document(seconds):
    found = report.document([board.Score(board.ScoreRow("time", "time", "s"), (seconds,) * 20)])
    return {**found, "command": ["true"], "directory": "/", "parameters": {}}


@pytest.fixture
def saved(tmp_path):
    """A saved of the project in a folder, at a commit."""
    return lambda commit=A, changed=False, root=tmp_path: baselines.Baselines(
        str(tmp_path / "state"), git.Repository(root, commit, changed)
    )


def seconds(found):
    return [document["rows"][0]["now"] for document in found]


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_what_is_kept_is_its_users_alone_under_any_umask_and_whole(saved, tmp_path, mask):
    before = os.umask(mask)
    try:
        file = saved().save("main", document(1.0))
    finally:
        os.umask(before)

    modes = {path: path.stat().st_mode & 0o777 for path in (tmp_path / "state").rglob("*")}
    assert modes.pop(file) == 0o600
    assert set(modes.values()) == {0o700}
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert json.loads(file.read_bytes())["commit"] == A


def test_a_folder_that_was_open_to_others_is_closed_and_that_of_the_user_stays(saved, tmp_path):
    (tmp_path / "state").mkdir(mode=0o755)
    (tmp_path / "state").chmod(0o755)
    (tmp_path / "state" / "bench").mkdir()
    (tmp_path / "state" / "bench").chmod(0o755)
    saved().save("main", document(1.0))

    assert (tmp_path / "state" / "bench").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o755


def test_one_is_kept_of_each_commit_and_each_of_what_is_not_committed(saved):
    for commit, changed, value in ((A, False, 1.0), (B, False, 2.0), (A, False, 3.0), (A, True, 4.0), (A, True, 5.0)):
        saved(commit, changed).save("main", document(value))
    for value in (6.0, 7.0):
        saved(None).save("none", document(value))

    assert seconds(saved().all("main")) == [2.0, 3.0, 4.0, 5.0]
    assert seconds(saved().all("none")) == [6.0, 7.0]
    assert seconds([saved().find("main")]) == [5.0]
    assert saved().names() == ["main", "none"]


def test_that_of_a_commit_is_found_by_any_name_of_the_commit(tmp_path):
    git_in(tmp_path, "init", "--quiet")
    for value in (1.0, 2.0):
        git_in(tmp_path, "-c", "user.name=t", "-c", "user.email=t", "commit", "--quiet", "--allow-empty", "-m", "x")
        baselines.Baselines(str(tmp_path / "state"), git.project(tmp_path)).save("main", document(value))
    saved = baselines.Baselines(str(tmp_path / "state"), git.project(tmp_path))

    assert seconds([saved.find("main"), saved.find("main@HEAD~1")]) == [2.0, 1.0]
    with pytest.raises(UsageError, match="git knows no revision 'nope'"):
        saved.find("main@nope")


def test_worktrees_share_what_is_kept_and_other_projects_do_not(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    git_in(project, "init", "--quiet")
    git_in(project, "-c", "user.name=t", "-c", "user.email=t", "commit", "--quiet", "--allow-empty", "-m", "x")
    git_in(project, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    (project / "sub").mkdir()

    roots = {git.project(folder).root for folder in (project, project / "sub", tmp_path / "tree")}
    assert len(roots) == 1
    assert git.project(tmp_path) == git.Repository(tmp_path)
    assert git.project(project).commit == git_in(project, "rev-parse", "HEAD").strip()


def test_a_tracked_file_that_was_changed_is_no_longer_the_commit(tmp_path):
    git_in(tmp_path, "init", "--quiet")
    assert git.project(tmp_path).commit is None
    (tmp_path / "file").write_text("1")
    git_in(tmp_path, "add", ".")
    git_in(tmp_path, "-c", "user.name=t", "-c", "user.email=t", "commit", "--quiet", "-m", "x")
    (tmp_path / "new").write_text("1")
    assert git.project(tmp_path).changed is False
    (tmp_path / "file").write_text("2")
    assert git.project(tmp_path).changed is True


@pytest.mark.parametrize("name", ["feature/x", "..", ".", "ä b", "a.b"])
def test_any_short_name_is_one_folder(saved, name):
    saved().save(saved().checked(name), document(1.0))

    assert saved().names() == [name]
    assert saved().find(name)["name"] == name


@pytest.mark.parametrize("name", ["", "a@b", "x" * 300])
def test_what_cannot_be_a_name_is_refused(saved, name):
    with pytest.raises(UsageError, match="cannot be the name"):
        saved().checked(name)


def test_a_name_under_which_nothing_is_kept_is_told_with_those_that_are(saved):
    with pytest.raises(UsageError) as told:
        saved().find("main")
    assert told.value.hint == "samplemind bench run --save main -- COMMAND"
    saved().save("other", document(1.0))
    with pytest.raises(UsageError) as told:
        saved().find("main")
    assert told.value.hint == "kept: other"


def test_a_broken_file_is_told_and_the_others_are_there(saved):
    file = saved().save("main", document(1.0))
    saved(B).save("main", document(2.0))
    file.write_text("{")

    broken, whole = saved().all("main")
    assert isinstance(broken, UsageError)
    assert seconds([whole]) == [2.0]


def test_where_nothing_can_be_kept_the_way_out_is_named(saved, tmp_path):
    (tmp_path / "state").write_text("a file")

    with pytest.raises(SamplemindError, match="cannot keep the measurement") as told:
        saved().save("main", document(1.0))
    assert "XDG_STATE_HOME" in told.value.hint


def git_in(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout
