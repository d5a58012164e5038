"""Runs pytest once with our plugin, and returns its exit code and the plugin's record."""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplemind_cli import child
from samplemind_cli.child.python import Python
from samplemind_cli.testing import command, history
from samplemind_cli.testing.command import RunOptions
from samplemind_cli.testing.project import Project

OBSERVER = Path(__file__).parent / "observer"
PATIENCE = 0.5  # seconds that pytest has to end after SIGTERM or SIGHUP, if that signal ends this process too
INTERRUPTED = 128 + 2  # the exit code of a Python that is interrupted before pytest has started


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which of the collected tests run; see observer/samplemind_observer/choice.py."""

    skip: frozenset[str] = frozenset()
    only: tuple[str, ...] | None = None
    shard: tuple[int, int] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    cases: list[tuple[str, str]] | None = None

    def is_all(self) -> bool:
        """Whether it selects all tests."""
        return not self.skip and self.only is None and self.shard is None and self.cases is None

    def text(self) -> str:
        """As JSON for the plugin."""
        rest = {"only": self.only, "shard": self.shard, "cases": self.cases}
        return json.dumps({"skip": sorted(self.skip), "seconds": dict(self.seconds), **rest})


@dataclass(frozen=True, slots=True)
class PytestOutcome:
    """pytest's exit code, and the observer's record, which is empty if pytest ended too early to write one."""

    code: int
    seen: dict[str, Any]

    def interrupted(self) -> bool:
        """Whether a person interrupted it."""
        return bool(self.seen.get("interrupted", self.code == INTERRUPTED))

    def complete(self) -> bool:
        """Whether every selected test ran."""
        return bool(self.seen.get("complete"))

    def tests(self) -> dict[str, dict[str, Any]]:
        """By node id: {"seconds", "outcome", "used"}, see observer/samplemind_observer/observer.py."""
        return dict(self.seen.get("tests", {}))

    def failed(self) -> list[str]:
        """The tests that failed."""
        return [name for name, test in self.tests().items() if test["outcome"] == "failed"]


def run(  # noqa: PLR0913 - all that one run depends on
    project: Project,
    python: Python,
    options: RunOptions,
    choice: Selection,
    env: Mapping[str, str],
    *,
    parallel: bool,
    ends: bool,
) -> PytestOutcome:
    """Run pytest once. `ends`: SIGTERM and SIGHUP also end this process, within a second."""
    with tempfile.TemporaryDirectory(prefix="samplemind-test-") as beside:
        record, chosen = Path(beside) / "record.json", Path(beside) / "choice.json"
        if not choice.is_all():
            chosen.write_text(choice.text(), "utf-8")
        argv = command.pytest_argv(
            project, python, options, parallel=parallel, record=str(record), env=env,
            choice=None if choice.is_all() else str(chosen),
        )  # fmt: skip
        paths = [str(OBSERVER), *filter(None, [env.get("PYTHONPATH")])]
        patience = PATIENCE if ends else None
        code = child.run(argv, {**env, "PYTHONPATH": os.pathsep.join(paths)}, project.root, patience=patience)
        return PytestOutcome(code, history.read(record))
