"""Asks git about a project: revisions, the working tree as a commit, submodules."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.settings import environment

WORKING_TREE = "the working tree"
IDENTITY = {
    f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "bench"), ("EMAIL", ""))
}
OF_HOOKS = {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"}


@dataclass(frozen=True, slots=True)
class Version:
    """A revision to measure: its name as given, and its commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Repository:
    """The project in a folder. `root`: the same for all worktrees of a repository; outside of one, the folder.

    `commit`: None outside a repository and before its first commit; `changed`: a tracked file differs from it.
    """

    root: Path
    commit: str | None = None
    changed: bool = False


def project(directory: Path) -> Repository:
    """The project in `directory`, also without git."""
    try:
        common = run(directory, "rev-parse", "--git-common-dir")
    except SamplemindError:
        return Repository(directory)
    if common.returncode:
        return Repository(directory)
    root = (directory / common.stdout.removesuffix("\n")).resolve()
    head = run(directory, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
    if head.returncode:
        return Repository(root)
    changed = run(directory, "status", "--porcelain", "--untracked-files=no").stdout
    return Repository(root, head.stdout.strip(), bool(changed))


def resolve(repository: Path, name: str | None) -> Version:
    """The commit that a name refers to; None: the working tree, untracked files included. Raises UsageError."""
    if name is None:
        return Version(WORKING_TREE, snapshot(repository))
    look = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    done = run(repository, *look, name)
    if done.returncode == 0:  # in `:/words` a suffix would belong to the words, so it is applied to the result
        done = run(repository, *look, f"{done.stdout.strip()}^{{commit}}")
    if done.returncode:
        raise UsageError(f"git knows no revision {name!r} here", "git log --oneline lists some")
    return Version(name, done.stdout.strip())


def repository_of(directory: Path) -> Path:
    """The top folder of the git repository of `directory`. Raises UsageError if there is none."""
    done = run(directory, "rev-parse", "--show-toplevel")
    if done.returncode:
        problem = f"{directory} is in no git repository with files to compare: {done.stderr.strip()}"
        raise UsageError(problem, "cd to the project to be compared")
    return Path(done.stdout.removesuffix("\n"))


def snapshot(repository: Path) -> str:
    """A commit of every file that git does not ignore; the index and the branch are not changed."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        own = run(repository, "rev-parse", "--git-path", "index").stdout.strip()
        if (repository / own).is_file():
            shutil.copy(repository / own, index)  # with it git does not read unchanged files
        env = {**IDENTITY, "GIT_INDEX_FILE": str(index)}
        tree = ""
        for words in (("-c", "core.safecrlf=false", "add", "--all"), ("write-tree",)):
            done = run(repository, *words, **env)
            if done.returncode:
                problem = f"git cannot record the working tree: {done.stderr.strip()}"
                raise SamplemindError(problem, "fix that, or name two revisions: samplemind bench ab REF REF")
            tree = done.stdout.strip()
        return run(repository, "commit-tree", tree, "-m", WORKING_TREE, **env).stdout.strip()


def submodules(repository: Path, commit: str) -> dict[str, str]:
    """The commit of each submodule of a commit, by its path."""
    listed = run(repository, "ls-tree", "-r", "-z", "--full-tree", commit).stdout.split("\0")
    entries = (entry.partition("\t") for entry in listed if entry.startswith("160000 "))
    return {path: about.split()[2] for about, _, path in entries}


def run(directory: Path, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """The outcome of a git command, whatever its exit code. Raises SamplemindError if git is not installed."""
    try:
        # The config in an unpacked archive could name a program that git runs.
        quiet = ("-c", "core.fsmonitor=false")
        done = run_reaped(["git", *quiet, *words], {**outside_hooks(), **_of_submodule(directory), **env}, directory)
    except (FileNotFoundError, PermissionError) as error:  # the latter: a folder of PATH is not readable
        raise SamplemindError("git is not installed", "install git") from error
    out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _of_submodule(directory: Path) -> dict[str, str]:
    """Variables for a repository without files, as git keeps those of submodules: else git would look for the files."""
    if os.path.isfile(directory / "HEAD") and os.path.isdir(directory / "objects"):
        return {"GIT_DIR": str(directory), "GIT_WORK_TREE": str(directory)}
    return {}


def outside_hooks(**changes: str) -> dict[str, str]:
    """The environment without git's variables for hooks, with which a new worktree would replace the user's index."""
    return {name: value for name, value in environment(**changes).items() if name not in OF_HOOKS}


def run_reaped(argv: list[str], env: Mapping[str, str], directory: Path) -> "subprocess.CompletedProcess[bytes]":
    """Run a command to its end. It is ended with us, as it would go on in a folder that is being removed."""
    with reaped(argv, subprocess.PIPE, env, directory) as child:
        out, err = child.communicate()
    return subprocess.CompletedProcess(argv, child.returncode, out, err)
