"""What `--changed` runs: the tests of which a dependency is not as it was, and all where nothing is known."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplemind_cli.testing import history
from samplemind_cli.testing.dependencies import Dependency, Look
from samplemind_cli.testing.fingerprints import Contents
from samplemind_cli.testing.learning import Lesson

FORMAT = 2
UNKNOWN = "these tests have not been recorded yet"
Used = dict[str, set[Dependency]]


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """`reasons` to run everything; else all but the tests in `skip`. `changes`: why any of them runs."""

    reasons: tuple[str, ...]
    skip: frozenset[str] = frozenset()
    changes: tuple[str, ...] = ()


@dataclass(slots=True)
class Remembered:
    """What is remembered: by test, and for all of them; `failed` ones run again."""

    tests: Used = field(default_factory=dict)
    everywhere: set[Dependency] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    beside: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Remembered":
        """Raises LookupError, TypeError, ValueError or AttributeError for what `document` did not make."""
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
        """As JSON knows it, each dependency once."""
        numbers: dict[Dependency, int] = {}
        tests = {name: sorted(_numbered(used, numbers)) for name, used in self.tests.items()}
        everywhere = sorted(_numbered(self.everywhere, numbers))
        table = [[d.kind, d.what, d.value] for d in numbers]
        rest = {"sources": self.sources, "outputs": sorted(self.outputs), "beside": self.beside}
        known = {"dependencies": table, "tests": tests, "everywhere": everywhere, "failed": sorted(self.failed)}
        return {"format": FORMAT, **known, **rest}


class LastRun:
    """What one selection's tests depended on when they last ran, and what that looks like now."""

    def __init__(self, folder: Path, selection: str, look_at: Callable[[Contents], Look]) -> None:
        self.file = folder / f"{selection}.json"
        self.look_at = look_at
        self.contents = Contents(folder / "contents.json")
        self.known: Remembered | None = None
        document = history.read(self.file)
        try:
            self.known = Remembered.of(document) if document.get("format") == FORMAT else None
        except (LookupError, TypeError, AttributeError, ValueError):  # it is not as `learn` writes it
            return

    def plan(self) -> RerunPlan:
        """Compare everything that is remembered with what it looks like now."""
        self.began = time.time_ns()
        self.look = self._look(self.contents)
        try:
            plan = self._plan(self.known) if self.known else RerunPlan((UNKNOWN,))
        except (TypeError, AttributeError, ValueError):
            self.known, plan = None, RerunPlan((UNKNOWN,))
        if plan.reasons:  # to tell afterwards a file that a test only touched from one that has changed
            for path in self.look.project_paths:
                self.contents.of(path)
        return plan

    def _plan(self, known: Remembered) -> RerunPlan:
        stale = {d: found for d in known.everywhere.union(*known.tests.values()) if (found := self.look.stale(d))}
        reasons = {reason for dependency in known.everywhere & stale.keys() for reason in stale[dependency]}
        tests = {name for name, used in known.tests.items() if name in known.failed or not used.isdisjoint(stale)}
        changes = {
            reason for name in tests for dependency in known.tests[name] & stale.keys() for reason in stale[dependency]
        }
        return RerunPlan(tuple(sorted(reasons)), frozenset(known.tests.keys() - tests), tuple(sorted(changes)))

    def names(self) -> Iterable[str]:
        """The tests that are known."""
        return self.known.tests if self.known else ()

    def learn(self, seen: Mapping[str, Any], plan: RerunPlan) -> None:
        """Remember what a run used. A run of everything that was cut short leaves the next one everything to do.

        Raises OSError; what was remembered then stays, and asks for more tests rather than for fewer.
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
        history.write(self.file, new.document())

    @staticmethod
    def _added(known: Remembered, new: Remembered, plan: RerunPlan) -> Remembered:
        """What is known of the tests that did not have to run stays; of one that had to and did not, nothing."""
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
        if self.known:
            look.sources, look.outputs = self.known.sources, frozenset(self.known.outputs)
            look.beside = tuple(self.known.beside)
        return look


def _numbered(used: Iterable[Dependency], numbers: dict[Dependency, int]) -> Iterable[int]:
    return [numbers.setdefault(dependency, len(numbers)) for dependency in used]


def _frozen(value: Any) -> Any:
    return tuple((name, was) for name, was in value) if isinstance(value, list) else str(value)
