"""Checks out a version of a repository: as a git worktree, with a worktree in it for each submodule."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from samplemind_cli.bench import git
from samplemind_cli.errors import SamplemindError

Say = Callable[[str], None]


def lay_out(repository: Path, version: git.Version, directory: Path, undo: ExitStack, say: Say) -> None:
    """Make the worktree, which `undo` removes. Raises SamplemindError.

    Submodules come from their repositories on this machine; nothing is fetched. Those of the working tree include
    uncommitted changes too.
    """
    _worktree(repository, version, directory, undo, say)
    for path, recorded in git.submodules(repository, version.commit).items():
        source = _source(repository, directory, path)
        if source is None:
            missing = f"the submodule {path} is not checked out here and stays empty"
            say(f"{version.name}: {missing}: git submodule update --init")
            continue
        current = version.name == git.WORKING_TREE and source == repository / path
        commit = git.snapshot(source) if current else recorded
        if git.run(source, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
            problem = f"{version.name} has the submodule {path} at {commit[:12]}, a commit that is not here"
            raise SamplemindError(problem, f"git -C {path} fetch --all")
        lay_out(source, git.Version(version.name, commit), directory / path, undo, say)


def _worktree(repository: Path, version: git.Version, directory: Path, undo: ExitStack, say: Say) -> None:
    undo.callback(git.run, repository, "worktree", "remove", "--force", str(directory))
    add = ("worktree", "add", "--quiet", "--detach", "--force", str(directory), version.commit)
    empty = directory.exists()  # the folder of a submodule
    done = git.run(repository, *add)
    left = any(directory.iterdir()) if empty else directory.exists()
    if done.returncode and left:  # git leaves the folder only if a hook failed
        say(f"{version.name}: the repository's post-checkout hook ended with {done.returncode}")
    elif done.returncode:
        raise SamplemindError(f"git cannot check out {version.name}: {done.stderr.strip()}", "git worktree prune")


def _source(repository: Path, tree: Path, path: str) -> Path | None:
    """The repository of a submodule: checked out here, or kept by git since it was; None if there is none."""
    if (repository / path / ".git").exists():
        return repository / path
    query = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    listed = (entry.partition("\n") for entry in git.run(tree, *query).stdout.split("\0"))
    name = {place: key for key, _, place in listed}.get(path, "").removeprefix("submodule.").removesuffix(".path")
    common = git.run(repository, "rev-parse", "--git-common-dir").stdout.removesuffix("\n")
    stored = repository / common / "modules" / name
    inside = name and ".." not in name.split("/")  # as git itself requires
    return stored if inside and (stored / "HEAD").is_file() else None
