"""Two versions of a project, ready to run: each in a folder and a Python environment of its own."""

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from samplemind_cli.bench import git
from samplemind_cli.bench.worktrees import Say, lay_out
from samplemind_cli.errors import SamplemindError, UsageError

PACKAGED = ("pyproject.toml", "setup.py")
TAIL = 1500  # characters of an installation's output


@dataclass(frozen=True, slots=True)
class Tree:
    """A version checked out: its top folder, the folder in it to measure, and its environment variables."""

    version: git.Version
    top: Path
    directory: Path
    env: Mapping[str, str]

    @property
    def project(self) -> Path:
        """The nearest folder that can be installed, from `directory` up to the top; `directory` if none can."""
        folders = [self.directory, *self.directory.parents]
        within = folders[: folders.index(self.top) + 1]
        packaged = (folder for folder in within if any((folder / name).is_file() for name in PACKAGED))
        return next(packaged, self.directory)


@contextmanager
def checkouts(
    repository: Path, versions: tuple[git.Version, git.Version], inside: str, say: Say
) -> Iterator[tuple[Tree, Tree]]:
    """Both versions, removed at the end. Their paths have the same length, as that affects the time.

    `inside`: the folder of the repository to measure; "" for its top. Raises SamplemindError.
    """
    with tempfile.TemporaryDirectory(prefix="samplemind-ab-") as folder, ExitStack() as undo:
        a, b = (
            _tree(repository, version, Path(folder, side), inside, undo, say)
            for side, version in zip("ab", versions, strict=True)
        )
        yield a, b


def prepare(tree: Tree, setup: str | None, say: Say) -> Tree:
    """The tree after the shell command `setup`, or else with its project installed, if it can be.

    Raises SamplemindError if that fails.
    """
    if setup:
        say(f"{tree.version.name}: {setup}")
        _run(["/bin/sh", "-c", setup], tree.env, tree.directory, f"--setup in {tree.version.name}")
    elif any((tree.project / name).is_file() for name in PACKAGED):
        say(f"{tree.version.name}: installing it into an environment of its own")
        return replace(tree, env=_install(tree.project, tree.top.with_name("env"), tree.env))
    return tree


def default_command(tree: Path) -> list[str]:
    """The default command: the start of the project's own command, or else its import. Raises UsageError."""
    for root in (tree / "src", tree):
        for init in sorted(root.glob("[!_.]*/__init__.py")):
            name = init.parent.name
            if name not in ("tests", "test", "docs"):
                runs = init.with_name("__main__.py").is_file()
                return ["python", "-m", name, "--help"] if runs else ["python", "-c", f"import {name}"]
    raise UsageError("there is no command to run", "samplemind bench ab REF -- COMMAND ARGUMENTS")


def locate(argv: Sequence[str], tree: Tree) -> tuple[list[str], Mapping[str, str], Path]:
    """The arguments of `measure.command`, with the program from the tree's own PATH. Raises UsageError."""
    program = shutil.which(argv[0], path=tree.env.get("PATH"))
    if os.sep in argv[0]:
        program = str(tree.directory / argv[0])  # an absolute path is unchanged
    if program is None:
        raise UsageError(f"there is no {argv[0]} for {tree.version.name}", "check its name")
    return [program, *argv[1:]], tree.env, tree.directory


def _tree(  # noqa: PLR0913, PLR0917 - where from, what, where to, and how to take it away
    repository: Path, version: git.Version, folder: Path, inside: str, undo: ExitStack, say: Say
) -> Tree:
    top = folder / "tree"
    lay_out(repository, version, top, undo, say)
    directory = top / inside
    if not directory.is_dir():
        raise UsageError(f"there is no folder {inside} in {version.name}", "cd to one that both versions have")
    # Neither may use the other's cache, nor compile its modules at each run.
    env = git.outside_hooks(XDG_CACHE_HOME=str(folder / "cache"), PYTHONDONTWRITEBYTECODE="")
    if "PYTHONPATH" in env:
        env["PYTHONPATH"] = os.pathsep.join(
            _in_tree(entry, repository, top) for entry in env["PYTHONPATH"].split(os.pathsep)
        )
    return Tree(version, top, directory, env)


def _in_tree(entry: str, repository: Path, tree: Path) -> str:
    """The tree's copy of a folder of the repository, as with the user's own both versions would run the working tree.

    A folder that git ignores belongs to no version, and is unchanged, like any other folder.
    """
    there, top = Path(entry).resolve(), repository.resolve()
    outside = not entry or not there.is_relative_to(top)
    if outside or git.run(repository, "check-ignore", "--quiet", str(there)).returncode == 0:
        return entry
    return str(tree / there.relative_to(top))


def _install(directory: Path, home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with a new virtual environment that contains the project; made by uv if it is installed."""
    python = home / "bin" / "python"
    uv = shutil.which("uv")
    own_cache = git.outside_hooks()  # installers may share the user's cache; only measured runs have their own
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], own_cache, directory, "uv venv")
        install = [uv, "pip", "install", "--quiet", "--python", str(python), str(directory)]
    else:
        runner = _pip_runner()
        bare, pip = (["--without-pip"], [str(runner)]) if runner else ([], ["-m", "pip"])
        _run([sys.executable, "-P", "-m", "venv", *bare, str(home)], own_cache, directory, "python -m venv")
        options = ["--quiet", "--disable-pip-version-check", "--no-compile"]  # the rehearsal compiles what is imported
        install = [str(python), *pip, "install", *options, str(directory)]
    _run(install, own_cache, directory, " ".join(install))
    path = f"{home / 'bin'}{os.pathsep}{env.get('PATH', os.defpath)}"
    return {**env, "PATH": path, "VIRTUAL_ENV": str(home)}


def _pip_runner() -> Path | None:
    """Our own pip's runner, which works with another Python: installing a pip there takes seconds.

    `pip --python` uses it too. Running pip's folder instead would mistake our packages for that Python's.
    """
    spec = find_spec("pip")
    file = Path(spec.origin).with_name("__pip-runner__.py") if spec and spec.origin else None
    return file if file and file.is_file() else None


def _run(argv: list[str], env: Mapping[str, str], directory: Path, what: str) -> None:
    done = git.run_reaped(argv, env, directory)
    if done.returncode:
        tail = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-TAIL:]
        raise SamplemindError(f"{what} ended with {done.returncode}: {tail}", "--setup COMMAND installs it another way")
