"""Which files are the project's, and on whose behalf a file is read: a test's, or pytest's and the import system's."""

from __future__ import annotations

import enum
import importlib.util
import os
import site
import sys
import sysconfig
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import FrameType

NOT_DATA = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "node_modules"}
NO_FILES = ("/proc/", "/dev/", "/sys/")
CODE = (".py", ".pyc", ".so", ".pyd")
HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # on sys.path
# The standard library's go-betweens: what they read is read by their caller.
BETWEEN = {
    "pathlib.py", "_local.py", "_abc.py", "__init__.py", "subprocess.py", "glob.py", "os.py", "tokenize.py",
    "linecache.py", "inspect.py", "warnings.py", "_py_warnings.py", "codecs.py", "io.py", "genericpath.py",
    "posixpath.py", "fnmatch.py", "_collections_abc.py", "shutil.py", "tempfile.py", "configparser.py", "_os.py",
    "types.py", "contextlib.py",
}  # fmt: skip


LIBRARY = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")


def installed() -> tuple[str, ...]:
    """Where Python itself and packages are installed, also by the names behind symbolic links."""
    paths = sysconfig.get_paths()
    found = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    found |= {*site.getsitepackages(), site.getusersitepackages(), LIBRARY, HERE}
    found |= {os.path.realpath(folder) for folder in found}
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in found)


INSTALLED = installed()


def _folders_of(*packages: str) -> tuple[str, ...]:
    """Of those that are installed: one that is developed here is no machinery."""
    specs = filter(None, map(importlib.util.find_spec, packages))
    found = (os.path.join(os.path.dirname(spec.origin or ""), "") for spec in specs)
    return tuple(folder for folder in found if folder.startswith(INSTALLED))


PYTEST = _folders_of("_pytest", "pluggy")
# Their own file access says nothing about the test that happens to be running.
TOOLS = (HERE, *_folders_of("xdist", "execnet", "pytest_cov", "coverage"))


class ReadBy(enum.Enum):
    """Who reads: a test; code that reads for all tests and keeps it; pytest and Python themselves."""

    TEST = 0
    ONCE = 1
    MACHINERY = 2


def caller(name: str, frame: FrameType | None = None, *between: str) -> ReadBy:
    """On whose behalf this file is read, by the nearest caller that is no go-between."""
    frame = frame or sys._getframe(3)
    kept = False
    while frame.f_back:
        file = frame.f_code.co_filename
        base = os.path.basename(file)
        if file.startswith(LIBRARY) and base == "traceback.py":
            return ReadBy.MACHINERY
        if file.startswith("<frozen ") and "import" in file:  # importlib, zipimport
            return ReadBy.MACHINERY if name.endswith(CODE) or os.path.isdir(name) or not name else ReadBy.ONCE
        if base in between and file.startswith(LIBRARY):
            return ReadBy.MACHINERY
        if not (file.startswith("<frozen ") or (file.startswith(LIBRARY) and _goes_between(file, base))):
            break
        kept = kept or base == "linecache.py"
        frame = frame.f_back
    if file.startswith(TOOLS):
        return ReadBy.MACHINERY
    if file.startswith(PYTEST) and (
        not name or name.endswith(CODE) or os.path.isdir(name) or base in {"cacheprovider.py", "stepwise.py"}
    ):
        return ReadBy.MACHINERY
    return ReadBy.ONCE if kept else ReadBy.TEST


def _goes_between(file: str, base: str) -> bool:
    return "site-packages" not in file and base in BETWEEN and (base != "__init__.py" or os.sep + "pathlib" in file)


def whole(path: Any) -> str | None:
    """The whole path of what is opened; None for a number and for what is no file on a disk."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    name = os.fsdecode(path)
    if name.startswith("file:"):  # sqlite's own way to write it
        name = name[5:].partition("?")[0]
    if not name or name.startswith((":", "<")):
        return None
    name = os.path.abspath(name)
    return None if name.startswith(NO_FILES) else name


class CodeFiles:
    """Whose file a code object comes from, by the name it was compiled with."""

    def __init__(self, root: str) -> None:
        self.roots = tuple(os.path.join(folder, "") for folder in {os.path.abspath(root), os.path.realpath(root)})
        self.known: dict[str, str | None] = {}

    def mine(self, compiled: str) -> str | None:
        """The file when it is not installed; None for code without a file."""
        if compiled not in self.known:
            self.known[compiled] = self._mine(compiled)
        return self.known[compiled]

    def _mine(self, compiled: str) -> str | None:
        if compiled.startswith("<"):
            return None
        name = os.path.abspath(compiled)
        while not os.path.isfile(name):  # in an archive, or compiled from text
            if os.path.dirname(name) == name or os.path.isdir(name):
                return None
            name = os.path.dirname(name)
        return None if self.is_installed(name) else name

    def is_installed(self, name: str) -> bool:
        """Whether it lies with the packages, and no link leads from there to a project.

        An environment may lie in the root, and the root in an environment.
        """
        real = os.path.realpath(name)
        return any(
            real.startswith(folder)
            and not any(root.startswith(folder) and real.startswith(root) for root in self.roots)
            for folder in INSTALLED
        )
