"""Selects the tests for `--changed`: those with a changed dependency, or all if nothing is known."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplemind_cli.testing import history
from samplemind_cli.testing.dependencies import Dependency, Look
from samplemind_cli.testing.fingerprints import Contents
from samplemind_cli.testing.learning import Lesson
from samplemind_cli.testing.parsed import ParsedFiles

FORMAT = 2
UNKNOWN = "these tests have not been recorded yet"
Used = dict[str, set[Dependency]]


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """`reasons`: why all tests run; if empty, all but those in `skip` do, because of `changes`."""

    reasons: tuple[str, ...]
    skip: frozenset[str] = frozenset()
    changes: tuple[str, ...] = ()


@dataclass(slots=True)
class Remembered:
    """The stored dependencies: of each test, and of all of them (`everywhere`); `failed` tests run again."""

    tests: Used = field(default_factory=dict)
    everywhere: set[Dependency] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    beside: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Remembered":
        """Raises LookupError, TypeError, ValueError or AttributeError for JSON that `document` did not make."""
        table = [Dependency(kind, what, _frozen(value)) for kind, what, value in document["dependencies"]]
        return cls(
            tests={name: {table[number] for number in numbers} for name, numbers in document["tests"].items()},
            everywhere={table[number] for number in document["everywhere"]},
            failed=set(document["failed"]),
            sources=dict(document["sources"]),
            outputs=set(document["outputs"]),
            beside=list(document["beside"]),
        )

    def document(self) -> dict[str, Any]:
        """As JSON, with each dependency once."""
        numbers: dict[Dependency, int] = {}
        tests = {name: sorted(_numbered(used, numbers)) for name, used in self.tests.items()}
        everywhere = sorted(_numbered(self.everywhere, numbers))
        table = [[d.kind, d.what, d.value] for d in numbers]
        rest = {"sources": self.sources, "outputs": sorted(self.outputs), "beside": self.beside}
        known = {"dependencies": table, "tests": tests, "everywhere": everywhere, "failed": sorted(self.failed)}
        return {"format": FORMAT, **known, **rest}


class LastRun:
    """The dependencies of one selection's tests when they last ran, compared with their state now."""

    def __init__(self, folder: Path, selection: str, look_at: Callable[[Contents], Look]) -> None:
        self.file = folder / f"{selection}.json"
        self.look_at = look_at
        self.contents = Contents(folder / "contents.json")
        self.parsed = ParsedFiles(folder / "parsed.json")
        self.known: Remembered | None = None
        document = history.read(self.file)
        try:
            self.known = Remembered.of(document) if document.get("format") == FORMAT else None
        except (LookupError, TypeError, AttributeError, ValueError):  # `learn` did not write it
            return

    def plan(self) -> RerunPlan:
        """Compare every stored dependency with its state now."""
        self.began = time.time_ns()
        self.look = self._look(self.contents)
        try:
            plan = self._plan(self.known) if self.known else RerunPlan((UNKNOWN,))
        except (TypeError, AttributeError, ValueError):
            self.known, plan = None, RerunPlan((UNKNOWN,))
        if plan.reasons:  # to distinguish later a file that a test only touched from one that has changed
            for path in self.look.project_paths:
                self.contents.of(path)
        return plan

    def _plan(self, known: Remembered) -> RerunPlan:
        stale = {d: names for d in known.everywhere.union(*known.tests.values()) if (names := self.look.stale(d))}
        reasons = {reason for dependency in known.everywhere & stale.keys() for reason in stale[dependency]}
        tests = {name for name, used in known.tests.items() if name in known.failed or not used.isdisjoint(stale)}
        changes = {
            reason for name in tests for dependency in known.tests[name] & stale.keys() for reason in stale[dependency]
        }
        return RerunPlan(tuple(sorted(reasons)), frozenset(known.tests.keys() - tests), tuple(sorted(changes)))

    def names(self) -> Iterable[str]:
        """The known tests."""
        return self.known.tests if self.known else ()

    def learn(self, seen: Mapping[str, Any], plan: RerunPlan) -> None:
        """Store what a run used. After a run of everything that was cut short, the next one runs everything again.

        Raises OSError; the old record then stays, and selects too many tests rather than too few.
        """
        if plan.reasons and not seen["complete"]:
            return
        fresh = self._look(self.contents.again())
        lesson = Lesson(fresh, self.look, seen, self.began)
        new = Remembered(
            tests=lesson.tests(),
            everywhere=lesson.everywhere(),
            failed={name for name, test in seen["tests"].items() if test["outcome"] == "failed"},
            sources=lesson.sources,
            outputs=lesson.outputs(),
            beside=seen["surroundings"]["sources"],
        )
        if self.known and not plan.reasons:
            new = self._added(self.known, new, plan)
        fresh.contents.save()
        self.parsed.save()
        history.write(self.file, new.document())

    @staticmethod
    def _added(known: Remembered, new: Remembered, plan: RerunPlan) -> Remembered:
        """Keep what is known of the tests that were skipped; forget a test that should have run and did not."""
        kept = {name: used for name, used in known.tests.items() if name in plan.skip}
        return Remembered(
            tests=kept | new.tests,
            everywhere=known.everywhere | new.everywhere,
            failed=new.failed,
            sources=known.sources | new.sources,
            outputs=known.outputs | new.outputs,
            beside=sorted({*known.beside, *new.beside}),
        )

    def _look(self, contents: Contents) -> Look:
        look = self.look_at(contents)
        look.parsed = self.parsed
        if self.known:
            look.sources, look.outputs = self.known.sources, frozenset(self.known.outputs)
            look.beside = tuple(self.known.beside)
        return look


def _numbered(used: Iterable[Dependency], numbers: dict[Dependency, int]) -> Iterable[int]:
    return [numbers.setdefault(dependency, len(numbers)) for dependency in used]


def _frozen(value: Any) -> Any:
    return tuple((name, was) for name, was in value) if isinstance(value, list) else str(value)
