"""Two versions of a project side by side, ready to run: a folder each, and a Python environment of its own."""

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
TAIL = 1500  # characters of what an installation said


@dataclass(frozen=True, slots=True)
class Tree:
    """A version laid out: its top folder, the one in it to measure, and with which environment variables to run."""

    version: git.Version
    top: Path
    directory: Path
    env: Mapping[str, str]

    @property
    def project(self) -> Path:
        """The nearest folder that can be installed, from `directory` up to the top; `directory` where none can."""
        folders = [self.directory, *self.directory.parents]
        within = folders[: folders.index(self.top) + 1]
        packaged = (folder for folder in within if any((folder / name).is_file() for name in PACKAGED))
        return next(packaged, self.directory)


@contextmanager
def laid_out(
    repository: Path, versions: tuple[git.Version, git.Version], inside: str, say: Say
) -> Iterator[tuple[Tree, Tree]]:
    """Both versions, gone at the end. Their folders' names are of one length: a path is work, too.

    `inside` is the folder of the repository to measure; empty for its top. Raises SamplemindError.
    """
    with tempfile.TemporaryDirectory(prefix="samplemind-ab-") as folder, ExitStack() as undo:
        a, b = (
            _tree(repository, version, Path(folder, side), inside, undo, say)
            for side, version in zip("ab", versions, strict=True)
        )
        yield a, b


def prepared(tree: Tree, setup: str | None, say: Say) -> Tree:
    """The tree with its project installed, where it can be; or else with the shell command `setup` run in it.

    Raises SamplemindError when that fails.
    """
    if setup:
        say(f"{tree.version.name}: {setup}")
        _run(["/bin/sh", "-c", setup], tree.env, tree.directory, f"--setup in {tree.version.name}")
    elif any((tree.project / name).is_file() for name in PACKAGED):
        say(f"{tree.version.name}: installing it into an environment of its own")
        return replace(tree, env=_installed(tree.project, tree.top.with_name("env"), tree.env))
    return tree


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
    raise UsageError("there is no command to run", "samplemind bench ab REF -- COMMAND ARGUMENTS")


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


def _tree(  # noqa: PLR0913, PLR0917 - where from, what, where to, and how to take it away
    repository: Path, version: git.Version, folder: Path, inside: str, undo: ExitStack, say: Say
) -> Tree:
    top = folder / "tree"
    lay_out(repository, version, top, undo, say)
    directory = top / inside
    if not directory.is_dir():
        raise UsageError(f"there is no folder {inside} in {version.name}", "cd to one that both versions have")
    # Neither may live on what the other left in a cache, nor compile itself anew at each run.
    env = git.outside_hooks(XDG_CACHE_HOME=str(folder / "cache"), PYTHONDONTWRITEBYTECODE="")
    if "PYTHONPATH" in env:
        env["PYTHONPATH"] = os.pathsep.join(
            _moved(entry, repository, top) for entry in env["PYTHONPATH"].split(os.pathsep)
        )
    return Tree(version, top, directory, env)


def _moved(entry: str, repository: Path, tree: Path) -> str:
    """A folder of the repository as the tree has it: with the user's own, both would run what is in the working tree.

    One that git ignores belongs to no version, and stays what it is as any other folder does.
    """
    there, top = Path(entry).resolve(), repository.resolve()
    elsewhere = not entry or not there.is_relative_to(top)
    if elsewhere or git.run(repository, "check-ignore", "--quiet", str(there)).returncode == 0:
        return entry
    return str(tree / there.relative_to(top))


def _installed(directory: Path, home: Path, env: Mapping[str, str]) -> dict[str, str]:
    """`env` with a virtual environment in front that holds the project, made by uv where there is one."""
    python = home / "bin" / "python"
    fast = shutil.which("uv")
    own_cache = git.outside_hooks()  # both fetch the same packages; only what is measured gets a cache of its own
    if fast:
        _run([fast, "venv", "--quiet", "--python", sys.executable, str(home)], own_cache, directory, "uv venv")
        install = [fast, "pip", "install", "--quiet", "--python", str(python), str(directory)]
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
    """The file of our own pip that works for another Python: to give that one a pip takes seconds.

    `pip --python` runs it as well. pip's folder would do, but then takes what is installed here for installed there.
    """
    ours = find_spec("pip")
    file = Path(ours.origin).with_name("__pip-runner__.py") if ours and ours.origin else None
    return file if file and file.is_file() else None


def _run(argv: list[str], env: Mapping[str, str], directory: Path, what: str) -> None:
    done = git.ended(argv, env, directory)
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()[-TAIL:]
        raise SamplemindError(f"{what} ended with {done.returncode}: {said}", "--setup COMMAND installs it another way")
