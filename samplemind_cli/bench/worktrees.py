"""A version of a repository in a folder of its own: a git worktree, with one for each of its submodules in it."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from samplemind_cli.bench import git
from samplemind_cli.errors import SamplemindError

Say = Callable[[str], None]


def lay_out(repository: Path, version: git.Version, directory: Path, undo: ExitStack, say: Say) -> None:
    """Make the worktree; `undo` takes it away. Raises SamplemindError.

    Submodules come out of their repositories on this machine, nothing is fetched. In the working tree they are as they
    are too, with what is not committed.
    """
    _worktree(repository, version, directory, undo, say)
    for path, recorded in git.submodules(repository, version.commit).items():
        source = _source(repository, directory, path)
        if source is None:
            missing = f"the submodule {path} is not checked out here and stays empty"
            say(f"{version.name}: {missing}: git submodule update --init")
            continue
        as_it_is = version.name == git.WORKING_TREE and source == repository / path
        commit = git.snapshot(source) if as_it_is else recorded
        if git.run(source, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
            problem = f"{version.name} has the submodule {path} at {commit[:12]}, a commit that is not here"
            raise SamplemindError(problem, f"git -C {path} fetch --all")
        lay_out(source, git.Version(version.name, commit), directory / path, undo, say)


def _worktree(repository: Path, version: git.Version, directory: Path, undo: ExitStack, say: Say) -> None:
    undo.callback(git.run, repository, "worktree", "remove", "--force", str(directory))
    add = ("worktree", "add", "--quiet", "--detach", "--force", str(directory), version.commit)
    empty = directory.exists()  # as the folder of a submodule is
    done = git.run(repository, *add)
    left = any(directory.iterdir()) if empty else directory.exists()
    if done.returncode and left:  # of what fails, git leaves the folder after a hook only
        say(f"{version.name}: the repository's post-checkout hook ended with {done.returncode}")
    elif done.returncode:
        raise SamplemindError(f"git cannot check out {version.name}: {done.stderr.strip()}", "git worktree prune")


def _source(repository: Path, tree: Path, path: str) -> Path | None:
    """Where the repository of a submodule is: checked out here, or kept by git from when it was."""
    if (repository / path / ".git").exists():
        return repository / path
    named = ("config", "--file", ".gitmodules", "-z", "--get-regexp", r"^submodule\..*\.path$")
    listed = (entry.partition("\n") for entry in git.run(tree, *named).stdout.split("\0"))
    name = {place: key for key, _, place in listed}.get(path, "").removeprefix("submodule.").removesuffix(".path")
    common = git.run(repository, "rev-parse", "--git-common-dir").stdout.removesuffix("\n")
    kept = repository / common / "modules" / name
    inside = name and ".." not in name.split("/")  # as git itself demands it
    return kept if inside and (kept / "HEAD").is_file() else None
