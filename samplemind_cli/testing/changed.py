"""What `--changed` must run although testmon would not: what coverage cannot see, remembered and compared.

testmon follows the lines a test runs. It does not see data files, other processes, what runs at import or collection
(constants, decorators, conftest hooks), nor what a shared fixture did before the second test. The observer does.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplemind_cli.testing import fingerprints as look
from samplemind_cli.testing import history

FORMAT = 1
MOVED = "changed while the tests ran"
UNKNOWN = "nothing is known of these tests yet"


@dataclass(frozen=True, slots=True)
class Plan:
    """`reasons` to run everything; else `tests` run beside testmon's own. `files` changed since the last run."""

    reasons: tuple[str, ...]
    tests: frozenset[str] = frozenset()
    files: tuple[str, ...] = ()


class Memory:
    """What one selection's tests used when they last ran, beside testmon's data for them."""

    def __init__(self, folder: Path, selection: str, root: Path) -> None:
        self.root = root
        self.file = folder / f"{selection}.json"
        self.testmon_data = folder / f"{selection}.testmondata"
        found = history.read(self.file)
        self.known: dict[str, Any] = found if found.get("format") == FORMAT and self._has_testmon_data() else {}
        self.before = look.snapshot(root)
        self.code: dict[str, dict[int, str]] = {}
        self.project = look.digest(repr(sorted(self.before.items())).encode())

    def plan(self) -> Plan:
        """Compare the project with what was remembered, and mark in testmon's data what must run again."""
        try:
            return self._plan() if self.known else Plan((UNKNOWN,))
        except (LookupError, TypeError, AttributeError, ValueError):  # it is not as `learn` writes it
            self.known = {}
            return Plan((UNKNOWN,))

    def _plan(self) -> Plan:
        files = look.changes({k: tuple(v) for k, v in self.known["files"].items()}, self.before)
        reasons = self.stale(self.known["everywhere"])
        tests = frozenset(name for name, used in self.known["tests"].items() if self.stale(used))
        if tests and not reasons and not self._demand(tests):
            reasons = ["testmon's data cannot be read"]
        return Plan(tuple(reasons), tests, tuple(files))

    def stale(self, used: Mapping[str, Any]) -> list[str]:
        """What of it is no longer as it was."""
        found = [name for name, was in used["reads"].items() if look.of_file(self.root / name) != was]
        found += [f"{name}/" for name, was in used["listings"].items() if look.of_folder(self.root / name) != was]
        for name, was in used["code"].items():
            if not set(was) <= set(self._code(name).values()):
                found.append(name)
        if used["project"] not in (None, self.project):
            found.append(f"a file, and {', '.join(used['starts'])} was started")
        return found

    def affected(self, plan: Plan) -> list[str]:
        """At most these tests will run: the demanded ones, and all that testmon links with a changed file."""
        query = (
            "SELECT t.test_name, f.filename FROM test_execution t"
            " JOIN test_execution_file_fp l ON l.test_execution_id = t.id JOIN file_fp f ON f.id = l.fingerprint_id"
        )
        try:
            with closing(sqlite3.connect(self.testmon_data)) as data:
                linked = {test for test, file in data.execute(query) if file in plan.files}
        except sqlite3.Error:
            return list(self.known["tests"])
        return sorted(linked | plan.tests)

    def _has_testmon_data(self) -> bool:
        """Whether there is any. What is broken is removed: testmon would fail on it at every run."""
        if not self.testmon_data.exists():
            return False
        try:
            with closing(sqlite3.connect(self.testmon_data)) as data:
                return bool(data.execute("SELECT * FROM sqlite_master").fetchall())
        except sqlite3.Error as error:
            if error.sqlite_errorcode in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}:
                self.testmon_data.unlink()
            return False

    def _demand(self, tests: frozenset[str]) -> bool:
        """Have testmon run these: it always runs a failed test again."""
        query = "UPDATE test_execution SET failed = 1 WHERE test_name = ?"
        try:
            with closing(sqlite3.connect(self.testmon_data)) as data, data:
                data.executemany(query, [(name,) for name in tests])
        except sqlite3.Error:
            return False
        return True

    def learn(self, seen: Mapping[str, Any], plan: Plan) -> None:
        """Remember what a run used. A run of everything that was cut short leaves the next one everything to do.

        Raises OSError; what was remembered then stays, and asks for more tests rather than for fewer.
        """
        for file in self.testmon_data.parent.glob(f"{self.testmon_data.name}*"):  # SQLite lets others read them
            file.chmod(0o600)
        if plan.reasons and not seen["complete"]:
            return
        moved = set(look.changes(self.before, look.snapshot(self.root)))
        homes = {name.split("::")[0] for name in (*self.known.get("tests", ()), *seen["tests"])}
        used = {name: test["used"] for name, test in seen["tests"].items() if test["used"]}
        tests = {name: self._fingerprint(what, homes, moved) for name, what in used.items()}
        everywhere = self._fingerprint(seen["everywhere"], homes, moved)
        if not plan.reasons:
            gone = plan.tests if seen["complete"] else frozenset()
            tests = {name: was for name, was in self.known["tests"].items() if name not in gone} | tests
            everywhere = _merged(self.known["everywhere"], everywhere)
        history.write(self.file, {"format": FORMAT, "files": self.before, "tests": tests, "everywhere": everywhere})

    def _fingerprint(self, used: Mapping[str, Any], homes: set[str], moved: set[str]) -> dict[str, Any]:
        """Digests of all that was used. What changed while the tests ran matches nothing: it is stale next time."""
        reads, code = set(used["reads"]), defaultdict[str, list[str]](list)
        for name, line in used["runs"]:
            if name.endswith("conftest.py"):  # a new hook there is called by nobody we could have seen
                reads.add(name)
            elif name in moved:
                code[name] = [MOVED]
            elif line or name not in homes:  # testmon follows the module part of a file of tests
                code[name] += [self._code(name)[line]] if line in self._code(name) else []
        return {
            "reads": {name: MOVED if name in moved else look.of_file(self.root / name) for name in sorted(reads)},
            "listings": {name: look.of_folder(self.root / name) for name in used["listings"]},
            "code": code,
            "starts": used["starts"],
            "project": self.project if used["starts"] else None,
        }

    def _code(self, name: str) -> dict[int, str]:
        if name not in self.code:
            self.code[name] = look.of_code(self.root / name)
        return self.code[name]


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    code = {
        name: sorted({*old["code"].get(name, ()), *new["code"].get(name, ())}) for name in old["code"] | new["code"]
    }
    return {
        "reads": new["reads"] | old["reads"],
        "listings": new["listings"] | old["listings"],
        "code": code,
        "starts": sorted({*old["starts"], *new["starts"]}),
        "project": old["project"] or new["project"],
    }
