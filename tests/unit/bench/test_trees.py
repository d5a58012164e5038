import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest

from samplemind_cli.bench import git as gits
from samplemind_cli.bench import trees
from samplemind_cli.errors import UsageError


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "--quiet")
    (folder / "kept.txt").write_text("one")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=t", "-c", "user.email=t@t", "commit", "--quiet", "-m", "first")
    return folder


def git(folder, *words):
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout


@contextmanager
def ready(repository, version, setup, say):
    """The same version twice, laid out and prepared."""
    with trees.checkouts(repository, (version, version), "", say) as sides:
        yield tuple(trees.prepare(side, setup, say) for side in sides)


def test_the_working_tree_is_taken_with_its_changes_and_new_files_and_left_as_it_was(repository):
    (repository / "kept.txt").write_text("two")
    (repository / "new.txt").write_text("new")
    (repository / ".gitignore").write_text("ignored")
    (repository / "ignored").write_text("x")
    before = git(repository, "status", "--porcelain"), git(repository, "log", "--oneline", "--all")
    version = gits.resolve(repository, None)

    assert version.name == gits.WORKING_TREE
    assert git(repository, "show", f"{version.commit}:kept.txt") == "two"
    assert git(repository, "ls-tree", "--name-only", version.commit).split() == [".gitignore", "kept.txt", "new.txt"]
    assert (git(repository, "status", "--porcelain"), git(repository, "log", "--oneline", "--all")) == before


@pytest.mark.parametrize("name", ["nope", "--help", "HEAD:kept.txt"])
def test_what_is_no_revision_is_refused(repository, name):
    with pytest.raises(UsageError, match="git knows no revision"):
        gits.resolve(repository, name)


def test_a_revision_may_be_named_by_the_words_of_its_message(repository):
    assert gits.resolve(repository, ":/fir").commit == gits.resolve(repository, "HEAD").commit


def test_a_working_tree_that_git_would_refuse_to_commit_is_measured_or_the_way_round_is_told(repository):
    git(repository, "config", "core.autocrlf", "input")
    git(repository, "config", "core.safecrlf", "true")
    (repository / "new.txt").write_bytes(b"one\r\n")
    assert "new.txt" in git(repository, "ls-tree", "--name-only", gits.resolve(repository, None).commit)
    git(repository, "init", "--quiet", "nested")
    with pytest.raises(trees.SamplemindError, match="nested") as told:
        gits.resolve(repository, None)
    assert "bench ab REF REF" in told.value.hint


def test_outside_a_repository_there_is_nothing_to_compare(tmp_path):
    with pytest.raises(UsageError, match="in no git repository"):
        gits.repository_of(tmp_path)


def test_both_versions_are_laid_out_alike_and_gone_afterwards(repository):
    version = gits.resolve(repository, "HEAD")
    with ready(repository, version, None, print) as (a, b):
        assert (a.directory / "kept.txt").read_text() == "one"
        assert len(str(a.directory)) == len(str(b.directory))
        assert a.env["XDG_CACHE_HOME"] != b.env["XDG_CACHE_HOME"]
        folder = a.directory

    assert not folder.exists()
    assert git(repository, "worktree", "list").count("\n") == 1


def test_a_python_path_into_the_repository_leads_into_each_version(repository, tmp_path, monkeypatch):
    (repository / ".gitignore").write_text("ignored")
    (repository / "ignored").mkdir()
    (tmp_path / "link").symlink_to(repository)
    entries = [tmp_path / "link" / "src", repository, "", repository / "ignored", tmp_path / "elsewhere"]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, entries)))
    version = gits.resolve(repository, "HEAD")
    with ready(repository, version, "true", print) as sides:
        for side in sides:
            moved = [side.directory / "src", side.directory, *entries[2:]]
            assert side.env["PYTHONPATH"] == os.pathsep.join(map(str, moved))


def test_a_hook_that_fails_after_a_checkout_is_told_and_ends_nothing_as_what_git_cannot_lay_out_does(repository):
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 2\n")  # as Git LFS's own where git-lfs is not installed
    hook.chmod(0o755)
    version, told = gits.resolve(repository, "HEAD"), []
    with ready(repository, version, None, told.append) as sides:
        assert [(side.directory / "kept.txt").read_text() for side in sides] == ["one"] * 2
    assert told == ["HEAD: the repository's post-checkout hook ended with 2"] * 2
    (repository / ".git" / "info").mkdir(exist_ok=True)
    (repository / ".git" / "info" / "attributes").write_text("* filter=broken")
    git(repository, "config", "filter.broken.smudge", "false")
    git(repository, "config", "filter.broken.required", "true")
    with (
        pytest.raises(trees.SamplemindError, match="smudge filter broken failed"),
        ready(repository, version, None, told.append),
    ):
        pass


def test_setup_runs_in_each_version_and_its_failure_is_told_with_its_words(repository):
    version = gits.resolve(repository, "HEAD")
    with ready(repository, version, "echo built > out", lambda _: None) as sides:
        assert [(side.directory / "out").read_text() for side in sides] == ["built\n"] * 2
    with (
        pytest.raises(trees.SamplemindError, match="no luck"),
        ready(repository, version, "echo no luck >&2; exit 3", lambda _: None),
    ):
        pass
    assert git(repository, "worktree", "list").count("\n") == 1


@pytest.mark.parametrize(
    ("files", "command"),
    [
        (["shop/__init__.py", "shop/__main__.py"], ["python", "-m", "shop", "--help"]),
        (["src/shop/__init__.py", "tests/__init__.py"], ["python", "-c", "import shop"]),
    ],
)
def test_by_default_the_projects_own_start_is_measured(tmp_path, files, command):
    for name in files:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    assert trees.default_command(tmp_path) == command


def test_without_a_package_a_command_must_be_named(tmp_path):
    with pytest.raises(UsageError) as raised:
        trees.default_command(tmp_path)
    assert "-- COMMAND" in raised.value.hint


def test_a_program_is_found_on_the_trees_own_path_or_in_the_tree(tmp_path):
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    tree = trees.Tree(gits.Version("v", "0"), tmp_path, tmp_path, {"PATH": str(tool.parent)})

    assert trees.locate(["tool", "-x"], tree)[0] == [str(tool), "-x"]
    assert trees.locate(["./bin/tool"], tree)[0] == [str(tmp_path / "bin" / "tool")]
    assert Path(trees.locate(["/bin/sh"], tree)[0][0]) == Path("/bin/sh")
    with pytest.raises(UsageError, match="there is no nope for v"):
        trees.locate(["nope"], tree)


def test_a_git_hook_s_index_is_not_replaced_by_a_version_laid_out(repository, monkeypatch):
    git(repository, "checkout", "--quiet", "--detach")
    (repository / "staged.txt").write_text("mine")
    git(repository, "add", ".")
    (repository / "kept.txt").write_text("not staged")
    before = git(repository, "status", "--porcelain")
    with monkeypatch.context() as hook:
        hook.setenv("GIT_DIR", str(repository / ".git"))
        hook.setenv("GIT_INDEX_FILE", str(repository / ".git" / "index"))
        version = gits.resolve(repository, "HEAD")
        with ready(repository, version, "true", lambda _: None) as sides:
            assert all("GIT_INDEX_FILE" not in side.env for side in sides)
        told = []  # a build backend may ask git for the version
        hook.setattr(trees, "_run", lambda _argv, env, *_: told.append(env))
        trees._install(repository, repository / "env", {})
        assert told
        assert not any("GIT_INDEX_FILE" in env for env in told)
    assert git(repository, "status", "--porcelain") == before


@pytest.mark.parametrize("name", [b"not-utf-8-\xff", b"line\n"])
def test_a_repository_of_any_name_is_found(repository, name):
    there = repository.rename(repository.with_name(os.fsdecode(name)))
    assert gits.repository_of(there) == there
