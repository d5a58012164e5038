"""Turns the observer's record of a run into dependencies with their state."""

import os
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from samplemind_cli.testing.dependencies import ALL, MOVED, OF_THE_SHELL, Dependency, Look, surroundings
from samplemind_cli.testing.pieces import MODULE


class Lesson:
    """The dependencies in one record. `before` is the state before the run: what changed since is stale at once."""

    def __init__(self, look: Look, before: Look, seen: Mapping[str, Any], began: int) -> None:
        self.look, self.before, self.seen, self.began = look, before, seen, began
        self.around = seen["surroundings"]
        self.sources: dict[str, str] = {}
        look.beside = tuple(self.around["sources"])
        look.outputs = look.outputs | self.outputs()

    def outputs(self) -> set[str]:
        """Files that the tests have written."""
        return set(self.around["written"])

    def tests(self) -> dict[str, set[Dependency]]:
        """The dependencies of each test that ran to its end."""
        every = {name: test["used"] for name, test in self.seen["tests"].items() if test["used"]}
        return {name: self._dependencies(used) | self._module_of(name) for name, used in every.items()}

    def everywhere(self) -> set[Dependency]:
        """The dependencies that all tests share."""
        used = self.seen["everywhere"]
        runs = [(path, line) for path, line in used["runs"] if line or path not in self._apart]
        shared = self._dependencies({**used, "runs": runs})
        shared |= {self._of(kind, what) for kind, what in surroundings(self.look, self.around)}
        return shared | ({Dependency("blind", self.seen["blind"])} if self.seen["blind"] else set())

    @cached_property
    def _apart(self) -> set[str]:
        """The test files that no other file imports: their module's code concerns only their own tests."""
        ran = {path for path, _ in self.seen["everywhere"]["runs"]}
        homes = set(self.around["homes"])
        imported: dict[str, set[str]] = {}
        for path in ran:
            for word in self.look.code(path).imports:
                imported.setdefault(word, set()).add(path)
        return {home for home in homes if not imported.get(_stem(home), set()) - {home}}

    def _module_of(self, test: str) -> set[Dependency]:
        home = os.path.join(self.look.root, test.partition("::")[0])
        return self._code([(home, MODULE)]) if home in self._apart else set()

    def _dependencies(self, used: Mapping[str, Any]) -> set[Dependency]:
        dependencies = self._code(used["runs"])
        for kind, names in (("file", used["files"]), ("folder", used["folders"]), ("check", used["checks"])):
            dependencies |= {self._of(kind, name) for name in names}
        variables = set(used["variables"])
        variables -= OF_THE_SHELL if ALL in variables else set()
        dependencies |= {self._of("variables", name) for name in variables}
        dependencies |= {Dependency("servers", name) for name in used["servers"]}
        if used["programs"]:
            moved = any(map(self._moved, self.look.project_paths))
            value = MOVED if moved else self.look.project
            dependencies.add(Dependency("programs", ", ".join(used["programs"]), value))
        return dependencies

    def _of(self, kind: str, what: str) -> Dependency:
        moved = kind in {"file", "check"} and self._moved(what)
        value = MOVED if moved else self.look.now(kind, what)
        return Dependency(kind, what, value)

    def _code(self, runs: Iterable[tuple[str, int]]) -> set[Dependency]:
        dependencies = set()
        for path, line in runs:
            if not path.endswith(".py"):
                dependencies.add(self._of("file", path))
            elif self._moved(path):
                dependencies.add(Dependency("code", path, MOVED))
            else:
                self.sources[path] = self.look.contents.of(path)
                dependencies.add(Dependency("code", path, self.look.code(path).at(line)))
        return dependencies

    def _moved(self, path: str) -> bool:
        """Whether its content may have changed since the tests read it; False for one that they wrote themselves."""
        if path in self._moves:
            return self._moves[path]
        try:
            late = os.stat(path).st_ctime_ns > self.began
        except OSError:
            late = path in self.before.contents.now and self.before.contents.now[path] != ""
        same = self.before.contents.now.get(path) == self.look.contents.of(path)
        self._moves[path] = late and not same and self.look.contents.of(path) != "folder"
        return self._moves[path]

    @cached_property
    def _moves(self) -> dict[str, bool]:
        return {}


def _stem(path: str) -> str:
    return os.path.basename(path).removesuffix(".py")
