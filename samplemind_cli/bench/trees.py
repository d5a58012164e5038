"""Two versions of a project side by side: a git worktree each, and a Python environment of its own."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.settings import environment

WORKING_TREE = "the working tree"
IDENTITY = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "bench"), ("EMAIL", ""))
}
OF_HOOKS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}
PACKAGED = ("pyproject.toml", "setup.py")
TAIL = 1500  # characters of what an installation said


@dataclass(frozen=True, slots=True)
class Version:
    """A revision to measure: what it was called, and its commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Tree:
    """A version laid out to run: where, and with which environment variables."""

    version: Version
    directory: Path
    env: Mapping[str, str]


def resolve(repository: Path, name: str | None) -> Version:
    """The commit that a name means; None is the working tree as it is, untracked files included.

    Raises UsageError.
    """
    if name is None:
        return Version(WORKING_TREE, _snapshot(repository))
    look = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    done = _git(repository, *look, name)
    if done.returncode == 0:  # behind `:/words` all that follows is words, so what it names is looked at by itself
        done = _git(repository, *look, f"{done.stdout.strip()}^{{commit}}")
    if done.returncode:
        raise UsageError(f"git knows no revision {name!r} here", "git log --oneline lists some")
    return Version(name, done.stdout.strip())


def repository_of(directory: Path) -> Path:
    """The top folder of the git repository around `directory`. Raises UsageError when there is none."""
    done = _git(directory, "rev-parse", "--show-toplevel")
    if done.returncode:
        problem = f"{directory} is in no git repository with files to compare: {done.stderr.strip()}"
        raise UsageError(problem, "cd to the project to be compared")
    return Path(done.stdout.removesuffix("\n"))


@contextmanager
def laid_out(
    repository: Path, versions: tuple[Version, Version], setup: str | None, say: Callable[[str], None]
) -> Iterator[tuple[Tree, Tree]]:
    """Both versions, ready to run, gone at the end. Their folders' names are of one length: a path is work, too.

    `setup` is a shell command to run in each instead of installing it. Raises SamplemindError when that fails.
    """
    with tempfile.TemporaryDirectory(prefix="samplemind-ab-") as folder:
        try:
            a, b = (
                _tree(repository, version, Path(folder, side), setup, say)
                for side, version in zip("ab", versions, strict=True)
            )
            yield a, b
        finally:
            for side in "ab":
                _git(repository, "worktree", "remove", "--force", str(Path(folder, side, "tree")))


def default_command(tree: Path) -> list[str]:
    """What to measure when nothing was named: the start of the project's own command, or else its import.

    Raises UsageError where neither can be told from the files.
    """
    for root in (tree / "src", tree):
        for init in sorted(root.glob("[!_.]*/__init__.py")):
            name = init.parent.name
            if name not in ("tests", "test", "docs"):
                runs = init.with_name("__main__.py").is_file()
                return ["python", "-m", name, "--help"] if runs else ["python", "-c", f"import {name}"]
    raise UsageError("nothing says what to run", "samplemind bench ab REF -- COMMAND ARGUMENTS")


def located(argv: Sequence[str], tree: Tree) -> tuple[list[str], Mapping[str, str], Path]:
    """A command as `measure.command` takes it, its program looked for on the tree's own PATH.

    Raises UsageError when it is not there.
    """
    program = shutil.which(argv[0], path=tree.env.get("PATH"))
    if os.sep in argv[0]:
        program = str(tree.directory / argv[0])  # an absolute path stays what it is
    if program is None:
        raise UsageError(f"there is no {argv[0]} for {tree.version.name}", "check its name")
    return [program, *argv[1:]], tree.env, tree.directory


def _tree(repository: Path, version: Version, folder: Path, setup: str | None, say: Callable[[str], None]) -> Tree:
    directory = folder / "tree"
    done = _git(repository, "worktree", "add", "--quiet", "--detach", "--force", str(directory), version.commit)
    if done.returncode and directory.exists():  # of what fails, git leaves the folder after a hook only
        say(f"{version.name}: the repository's post-checkout hook ended with {done.returncode}")
    elif done.returncode:
        raise SamplemindError(f"git cannot lay out {version.name}: {done.stderr.strip()}", "git worktree prune")
    # Neither may live on what the other left in a cache, nor compile itself anew at each run.
    env = _outside_hooks(XDG_CACHE_HOME=str(folder / "cache"), PYTHONDONTWRITEBYTECODE="")
    if "PYTHONPATH" in env:
        env["PYTHONPATH"] = os.pathsep.join(
            _moved(entry, repository, directory) for entry in env["PYTHONPATH"].split(os.pathsep)
        )
    if setup:
        say(f"{version.name}: {setup}")
        _run(["/bin/sh", "-c", setup], env, directory, f"--setup in {version.name}")
    elif any((directory / name).is_file() for name in PACKAGED):
        say(f"{version.name}: installing it into an environment of its own")
        env = _installed(directory, folder / "env", env)
    return Tree(version, directory, env)


def _moved(entry: str, repository: Path, tree: Path) -> str:
    """A folder of the repository as the tree has it: with the user's own, both would run what is in the working tree.

    One that git ignores belongs to no version, and stays what it is as any other folder does.
    """
    there, top = Path(entry).resolve(), repository.resolve()
    elsewhere = not entry or not there.is_relative_to(top)
    if elsewhere or _git(repository, "check-ignore", "--quiet", str(there)).returncode == 0:
        return entry
    return str(tree / there.relative_to(top))


def _installed(directory: Path, home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with a virtual environment in front that holds the project, made by uv where there is one."""
    python = home / "bin" / "python"
    fast = shutil.which("uv")
    own_cache = _outside_hooks()  # both fetch the same packages; only what is measured gets a cache of its own
    if fast:
        _run([fast, "venv", "--quiet", "--python", sys.executable, str(home)], own_cache, directory, "uv venv")
        install = [fast, "pip", "install", "--quiet", "--python", str(python), str(directory)]
    else:
        runner = _pip_runner()
        bare, pip = (["--without-pip"], [str(runner)]) if runner else ([], ["-m", "pip"])
        _run([sys.executable, "-m", "venv", *bare, str(home)], own_cache, directory, "python -m venv")
        options = ["--quiet", "--disable-pip-version-check", "--no-compile"]  # the rehearsal compiles what is imported
        install = [str(python), *pip, "install", *options, str(directory)]
    _run(install, own_cache, directory, " ".join(install))
    path = f"{home / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    return {**env, "PATH": path, "VIRTUAL_ENV": str(home)}


def _pip_runner() -> Path | None:
    """The file of our own pip that works for another Python: to give that one a pip takes seconds.

    `pip --python` runs it as well. pip's folder would do, but then takes what is installed here for installed there.
    """
    ours = find_spec("pip")
    file = Path(ours.origin).with_name("__pip-runner__.py") if ours and ours.origin else None
    return file if file and file.is_file() else None


def _snapshot(repository: Path) -> str:
    """A commit of every file that git would not ignore; the index and the branch stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        own = _git(repository, "rev-parse", "--git-path", "index").stdout.strip()
        if (repository / own).is_file():
            shutil.copy(repository / own, index)  # with it git need not read what has not changed
        env = {**IDENTITY, "GIT_INDEX_FILE": str(index)}
        tree = ""
        for words in (("-c", "core.safecrlf=false", "add", "--all"), ("write-tree",)):
            done = _git(repository, *words, **env)
            if done.returncode:
                problem = f"git cannot take in the working tree: {done.stderr.strip()}"
                raise SamplemindError(problem, "mend that, or name two revisions: samplemind bench ab REF REF")
            tree = done.stdout.strip()
        return _git(repository, "commit-tree", tree, "-m", WORKING_TREE, **env).stdout.strip()


def _git(directory: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    try:
        done = _ended(["git", *words], {**_outside_hooks(), **env}, directory)
    except (FileNotFoundError, PermissionError) as error:  # the latter: a folder of PATH is closed to us
        raise SamplemindError("git is not installed", "install git") from error
    out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _outside_hooks(**changes: str) -> dict[str, str]:
    """The environment without what git tells its hooks: a worktree laid out with it would replace the user's index."""
    return {name: value for name, value in environment(**changes).items() if name not in OF_HOOKS}


def _run(argv: list[str], env: Mapping[str, str], directory: Path, what: str) -> None:
    done = _ended(argv, env, directory)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-TAIL:]
        raise SamplemindError(f"{what} ended with {done.returncode}: {said}", "--setup COMMAND installs it another way")


def _ended(argv: list[str], env: Mapping[str, str], directory: Path) -> "subprocess.CompletedProcess[bytes]":
    """What a command said; when we are ended it is too, or it would go on in a folder that is being removed."""
    with reaped(argv, subprocess.PIPE, env, directory) as child:
        out, err = child.communicate()
    return subprocess.CompletedProcess(argv, child.returncode, out, err)
