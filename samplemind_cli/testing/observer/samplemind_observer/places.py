"""Decides which files are the project's, and whether a test, pytest or the import system reads a file."""

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
# Modules of the standard library that read for their caller.
BETWEEN = {
    "pathlib.py", "_local.py", "_abc.py", "__init__.py", "subprocess.py", "glob.py", "os.py", "tokenize.py",
    "linecache.py", "inspect.py", "warnings.py", "_py_warnings.py", "codecs.py", "io.py", "genericpath.py",
    "posixpath.py", "fnmatch.py", "_collections_abc.py", "shutil.py", "tempfile.py", "configparser.py", "_os.py",
    "types.py", "contextlib.py",
}  # fmt: skip


LIBRARY = os.path.join(os.path.dirname(os.path.abspath(os.__file__)), "")


def installed() -> tuple[str, ...]:
    """The folders of Python itself and of packages, with symbolic links and resolved."""
    paths = sysconfig.get_paths()
    folders = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), LIBRARY, HERE}
    folders |= {os.path.realpath(folder) for folder in folders}
    return tuple(os.path.join(os.path.abspath(folder), "") for folder in folders)


INSTALLED = installed()


def _folders_of(*packages: str) -> tuple[str, ...]:
    """The folders of the installed ones among these packages; one that is developed here is the project."""
    specs = filter(None, map(importlib.util.find_spec, packages))
    folders = (os.path.join(os.path.dirname(spec.origin or ""), "") for spec in specs)
    return tuple(folder for folder in folders if folder.startswith(INSTALLED))


PYTEST = _folders_of("_pytest", "pluggy")
# Their own file access does not belong to the running test.
TOOLS = (HERE, *_folders_of("xdist", "execnet", "pytest_cov", "coverage"))


class ReadBy(enum.Enum):
    """Who reads: a test; code that reads for all tests and caches it; pytest and Python themselves."""

    TEST = 0
    ONCE = 1
    MACHINERY = 2


def caller(name: str, frame: FrameType | None = None, *between: str) -> ReadBy:
    """Who reads this file, by the nearest caller that does not read for its own caller."""
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
    """The absolute path of what is opened; None for a descriptor and for what is not a file on a disk."""
    if not isinstance(path, (str, bytes, os.PathLike)):
        return None
    name = os.fsdecode(path)
    if name.startswith("file:"):  # sqlite's URI
        name = name[5:].partition("?")[0]
    if not name or name.startswith((":", "<")):
        return None
    name = os.path.abspath(name)
    return None if name.startswith(NO_FILES) else name


class CodeFiles:
    """Finds the project's file of a code object, by the name it was compiled with."""

    def __init__(self, root: str) -> None:
        self.roots = tuple(os.path.join(folder, "") for folder in {os.path.abspath(root), os.path.realpath(root)})
        self.known: dict[str, str | None] = {}

    def mine(self, compiled: str) -> str | None:
        """The file; None if it is installed, or for code without a file."""
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
        """Whether a file is in a folder of packages, and is not linked from there into the project.

        An environment may be inside the root, and the root inside an environment.
        """
        real = os.path.realpath(name)
        return any(
            real.startswith(folder)
            and not any(root.startswith(folder) and real.startswith(root) for root in self.roots)
            for folder in INSTALLED
        )
