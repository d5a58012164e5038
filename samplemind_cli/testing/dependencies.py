"""A test's dependencies, and their present state to compare them with."""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from samplemind_cli.testing.fingerprints import Contents, digest, of_files, of_folder, project_files, repository
from samplemind_cli.testing.parsed import ParsedFiles
from samplemind_cli.testing.pieces import Pieces

MOVED = "changed while the tests ran"
ALL, ALWAYS = "*", "^"  # every variable; those that Python and pytest read before the observer starts
READ_EARLY = ("PYTHON", "PYTEST_", "LC_", "LANG", "TZ", "LD_", "TMPDIR")
HARMLESS = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONPYCACHEPREFIX"}
# Variables that differ between shells, and pytest's own.
OF_THE_SHELL = {"_", "SHLVL", "PWD", "OLDPWD", "COLUMNS", "LINES", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", *HARMLESS}
# If one of these appears, disappears or changes, pytest's root or settings may change.
SETTINGS = (
    "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py",
)  # fmt: skip
BESIDE_TESTS = (*SETTINGS, "conftest.py", "__init__.py")
PACKAGES = (".dist-info", ".egg-info", ".egg-link", ".pth")
ABOUT_PACKAGES = ("METADATA", "RECORD", "PKG-INFO", "entry_points.txt", "direct_url.json")


@dataclass(frozen=True, slots=True)
class Dependency:
    """`what` is a path, or a name as the kind requires; `value` is its state when the test ran: a text, or pairs."""

    kind: str
    what: str
    value: Any = ""


class Look:
    """The state of the project, its surroundings and this environment at one moment."""

    def __init__(self, root: Path, python: Path, env: Mapping[str, str], contents: Contents) -> None:
        self.root, self.python, self.env, self.contents = root, python, env, contents
        self.sources: Mapping[str, str] = {}  # files of code, as they were when the tests ran
        self.outputs: frozenset[str] = frozenset()  # files that tests write: they are not the project's
        self.beside: tuple[str, ...] = ()  # folders with code outside of the repository
        self.parsed = ParsedFiles()
        self.pieces: dict[str, Pieces] = {}
        self.values: dict[tuple[str, str], Any] = {}
        self.kinds: dict[str, Callable[[str], Any]] = {
            "file": contents.of,
            "folder": of_folder,
            "check": self._presence,
            "variables": self._variables,
            "imports": self._imports,
            "packages": self._packages,
            "conftests": self._conftests,
            "programs": lambda _: self.project,
            "python": lambda _: f"{self.python} {os.path.realpath(self.python)}",
        }

    def now(self, kind: str, what: str) -> Any:
        """The present state, by kind."""
        if (kind, what) not in self.values:
            self.values[kind, what] = self.kinds[kind](what)
        return self.values[kind, what]

    def code(self, path: str) -> Pieces:
        """The pieces of a file."""
        if path not in self.pieces:
            self.pieces[path] = self.parsed.of(path, self.contents)
        return self.pieces[path]

    def stale(self, dependency: Dependency) -> list[str]:
        """The names to show for what has changed; empty if nothing has."""
        kind, what, value = dependency.kind, dependency.what, dependency.value
        if kind == "code":
            same = self.contents.of(what) == self.sources.get(what) or value in self.code(what).by_line.values()
            return [] if value != MOVED and same else [self.name(what)]
        if kind in {"servers", "blind"}:
            return [f"what {what} answers" if kind == "servers" else what]
        now = self.now(kind, what)
        if now == value:
            return []
        if kind == "variables":
            return [f"${name}" for name in sorted({name for name, _ in set(now) ^ set(value)})]
        names = {
            "folder": f"{self.name(what)}/",
            "imports": f"a module in {self.name(what.partition(chr(0))[0])}/",
            "packages": f"packages in {self.name(what)}",
            "conftests": "a conftest.py was added or removed",
            "programs": f"a file, and {what} was started",
            "python": "Python",
        }
        return [names.get(kind, self.name(what))]

    def name(self, path: str) -> str:
        """A path as it is shown: relative to the root, unless it is far away."""
        relative = os.path.relpath(path, self.root)
        return path if relative.startswith(os.path.join("..", "..", "..")) else relative

    @cached_property
    def project(self) -> str:
        """The digest of all that a program may use: the project's files, git's state, the environment."""
        git = [str(repository(self.root) / ".git" / name) for name in ("HEAD", "logs/HEAD", "packed-refs")]
        files = of_files(self.contents, [*self.project_paths, *git])
        return digest((files + json.dumps(self._variables(ALL))).encode())

    @cached_property
    def project_paths(self) -> frozenset[str]:
        """The files of the whole repository, and of other folders with code on Python's path."""
        folders = {repository(self.root), *map(Path, self.beside)}
        paths = {os.path.join(folder, name) for folder in folders for name in project_files(folder)}
        return frozenset(paths - self.outputs)

    def _presence(self, path: str) -> str:
        state = self.contents.of(path)
        return state if state in {"", "folder"} else f"file {os.access(path, os.R_OK)} {os.access(path, os.X_OK)}"

    def _variables(self, what: str) -> tuple[tuple[str, str], ...]:
        if what not in {ALL, ALWAYS}:
            names = [what] if what in self.env else []
        else:
            early = READ_EARLY if what == ALWAYS else ("",)
            names = [name for name in self.env if name.startswith(early) and name not in OF_THE_SHELL]
        return tuple((name, digest(self.env[name].encode("utf-8", "surrogateescape"))) for name in sorted(names))

    def _imports(self, what: str) -> str:
        """The digest of the files and folders that could be one of these modules."""
        folder, *names = what.split("\0")
        return digest(os.fsencode("\n".join(sorted(e for e in _entries(folder) if e.partition(".")[0] in names))))

    def _packages(self, folder: str) -> str:
        """The digest of the packages that are installed there or linked into it."""
        packages = [os.path.join(folder, name) for name in _entries(folder) if name.endswith(PACKAGES)]
        inside = [os.path.join(path, name) for path in packages for name in ABOUT_PACKAGES]
        return of_files(self.contents, [*packages, *inside])

    def _conftests(self, root: str) -> str:
        names = (name for name in project_files(Path(root)) if os.path.basename(name) == "conftest.py")
        return digest(os.fsencode("\n".join(sorted(names))))


def surroundings(look: Look, seen: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    """The kind and name of everything around the tests that may change the result of any of them."""
    yield from (("variables", ALWAYS), ("python", "Python"), ("conftests", str(look.root)))
    folders = {str(look.root)}
    for place in map(Path, seen["folders"]):
        folders |= {str(place), *(str(path) for path in place.parents if look.root in path.parents)}
    for folder in sorted(folders):
        yield from (("file", os.path.join(folder, name)) for name in BESIDE_TESTS)
        yield from (("file", str(path / "conftest.py")) for path in Path(folder).glob("test*/"))
    for above in look.root.parents:
        yield from (("file", str(above / name)) for name in SETTINGS)
    yield from (("file", path) for path in seen["settings"])
    for where, names in seen["imports"].items():
        yield "imports", "\0".join([where, *sorted({*names, "__init__"})])
    yield from (("packages", folder) for folder in seen["path"])
    yield "file", os.path.realpath(look.python)
    yield "file", str(look.python.parents[1] / "pyvenv.cfg")


def _entries(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
