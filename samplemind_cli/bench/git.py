"""What git knows of a project: revisions, the working tree as a commit, and where one stands."""

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
    """A revision to measure: what it was called, and its commit."""

    name: str
    commit: str


@dataclass(frozen=True, slots=True)
class Repository:
    """What is measured in a folder: `root` is one for all worktrees of a repository, else the folder itself.

    `commit` is None outside a repository and before its first commit; `changed`: a tracked file differs from it.
    """

    root: Path
    commit: str | None = None
    changed: bool = False


def project(directory: Path) -> Repository:
    """What is in `directory`, also where there is no git."""
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
    """The commit that a name means; None is the working tree as it is, untracked files included.

    Raises UsageError.
    """
    if name is None:
        return Version(WORKING_TREE, snapshot(repository))
    look = ("rev-parse", "--verify", "--quiet", "--end-of-options")
    done = run(repository, *look, name)
    if done.returncode == 0:  # behind `:/words` all that follows is words, so what it names is looked at by itself
        done = run(repository, *look, f"{done.stdout.strip()}^{{commit}}")
    if done.returncode:
        raise UsageError(f"git knows no revision {name!r} here", "git log --oneline lists some")
    return Version(name, done.stdout.strip())


def repository_of(directory: Path) -> Path:
    """The top folder of the git repository around `directory`. Raises UsageError when there is none."""
    done = run(directory, "rev-parse", "--show-toplevel")
    if done.returncode:
        problem = f"{directory} is in no git repository with files to compare: {done.stderr.strip()}"
        raise UsageError(problem, "cd to the project to be compared")
    return Path(done.stdout.removesuffix("\n"))


def snapshot(repository: Path) -> str:
    """A commit of every file that git would not ignore; the index and the branch stay as they are."""
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder, "index")
        own = run(repository, "rev-parse", "--git-path", "index").stdout.strip()
        if (repository / own).is_file():
            shutil.copy(repository / own, index)  # with it git need not read what has not changed
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
    """A git command's outcome, whatever it is. Raises SamplemindError where there is no git."""
    try:
        # The config that came with an unpacked archive would name a program for every look at the files.
        quiet = ("-c", "core.fsmonitor=false")
        done = ended(["git", *quiet, *words], {**outside_hooks(), **_kept(directory), **env}, directory)
    except (FileNotFoundError, PermissionError) as error:  # the latter: a folder of PATH is closed to us
        raise SamplemindError("git is not installed", "install git") from error
    out, err = os.fsdecode(done.stdout), os.fsdecode(done.stderr)
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


def _kept(directory: Path) -> dict[str, str]:
    """For a repository without its files, as git keeps those of submodules: git would go to where these were."""
    if os.path.isfile(directory / "HEAD") and os.path.isdir(directory / "objects"):
        return {"GIT_DIR": str(directory), "GIT_WORK_TREE": str(directory)}
    return {}


def outside_hooks(**changes: str) -> dict[str, str]:
    """The environment without what git tells its hooks: a worktree laid out with it would replace the user's index."""
    return {name: value for name, value in environment(**changes).items() if name not in OF_HOOKS}


def ended(argv: list[str], env: Mapping[str, str], directory: Path) -> "subprocess.CompletedProcess[bytes]":
    """What a command said; when we are ended it is too, or it would go on in a folder that is being removed."""
    with reaped(argv, subprocess.PIPE, env, directory) as child:
        out, err = child.communicate()
    return subprocess.CompletedProcess(argv, child.returncode, out, err)
