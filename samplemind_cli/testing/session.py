"""Run the tests once, or again and again as files change."""

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samplemind_cli import child, processors
from samplemind_cli.child.python import Python, find_python
from samplemind_cli.testing import command, fingerprints, history, keyboard
from samplemind_cli.testing.changed import Memory, Plan
from samplemind_cli.testing.command import Asked
from samplemind_cli.testing.project import Project, find_project

OBSERVER = Path(__file__).parent / "observer"
PAUSE = 0.3  # seconds between two looks at the files, and at least
REST = 4  # times as long as a look took
SLOW = 1.0  # seconds from which a test is worth naming
SHOWN = 5  # names in one line of talk
INTERRUPTED = 128 + 2  # before pytest was there to tell
KEYS = "Enter: again, a: all, f: failed, q: end"
# What a key changes in what was asked, for one run.
CHOICES: dict[str, dict[str, Any]] = {
    "\n": {},
    "a": {"all": True, "changed": False, "failed": False},
    "f": {"all": False, "changed": False, "failed": True},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A project, the Python for it, and what was asked; `say` gets the lines of talk."""

    project: Project
    python: Python
    asked: Asked
    folder: Path
    env: Mapping[str, str]
    say: Callable[[str], None]

    @classmethod
    def at(
        cls, directory: Path, asked: Asked, *, state_dir: str, env: Mapping[str, str], say: Callable[[str], None]
    ) -> "Session":
        """The session for the project at or above `directory`. Raises UsageError for what is missing or unsafe."""
        command.check(asked)
        project = find_project(directory)
        python = find_python(project.root, env, *command.PACKAGES)
        covered = any(argument.startswith("--cov") for argument in asked.arguments)
        testmon, cov = ["pytest-testmon"] * asked.changed, ["pytest-cov"] * covered
        python.require("pytest", *testmon, *cov)
        asked = replace(asked, arguments=_from_root(asked.arguments, directory, project.root))
        folder = history.folder(state_dir, project.root, needed=asked.changed)
        return cls(project=project, python=python, asked=asked, folder=folder, env=env, say=say)

    def run(self) -> int:
        """Run pytest once; its exit code."""
        return self._once()[0]

    def _once(self) -> tuple[int, bool]:
        """The same, and whether a person ended it."""
        selection = command.selection(self.project, self.asked)
        memory = Memory(self.folder, selection, self.project.root) if self.asked.changed else None
        plan = memory.plan() if memory else Plan(())
        past = history.History(self.folder / "history.json")
        parallel = self._parallel(past, selection, memory, plan)
        self.say(self._headline(plan, parallel=parallel))
        with tempfile.TemporaryDirectory(prefix="samplemind-test-") as beside:
            record = Path(beside) / "record.json"
            argv = command.pytest_argv(
                self.project, self.python, self.asked,
                parallel=parallel, record=str(record), everything=bool(plan.reasons),
            )  # fmt: skip
            code = child.run(argv, self._environment(memory), self.project.root)
            seen = history.read(record)
        if seen:
            try:
                self._remember(seen, selection, past, memory, plan)
            except OSError as error:  # a full disk or a read-only home is not the tests' failure
                self.say(f"cannot remember this run in {self.folder}: {error.strerror}")
            self._name_slow(seen["tests"])
        return code, seen.get("interrupted", code == INTERRUPTED)

    def watch(self) -> int:
        """Run, wait for a change or a key, run again, until `q` or Ctrl-C; the exit code of the last run."""
        session = self
        while True:
            before = fingerprints.snapshot(self.project.root)
            code, ended = session._once()
            if ended:
                return code
            # Tests may write files of their own; a Python file that changed meanwhile was changed by a person.
            after = fingerprints.snapshot(self.project.root)
            changed, pressed = [name for name in fingerprints.changes(before, after) if name.endswith(".py")], ""
            try:
                with keyboard.keys() as key:
                    self.say(f"waiting for a change; {KEYS if keyboard.listens() else 'Ctrl-C ends'}")
                    if not changed:
                        changed, pressed = next_change(self.project.root, after, key)
            except KeyboardInterrupt:
                return code
            if pressed == "q" and not changed:
                return code
            if changed:
                self.say(f"changed: {_some(changed)}")
            session = replace(self, asked=replace(self.asked, **CHOICES.get(pressed, {})))

    def _parallel(self, past: history.History, selection: str, memory: Memory | None, plan: Plan) -> bool:
        if not self.python.versions.get("pytest-xdist") or command.must_be_serial(self.asked):
            return False
        tests = past.selections.get(selection, self._at_most(past))
        if memory and not plan.reasons:
            tests = memory.affected(plan)
        elif self.asked.failed:
            tests = history.last_failed(self.project.root)
        return past.parallel_pays(tests, processors.usable())

    def _at_most(self, past: history.History) -> list[str] | None:
        """What a choice that nobody has timed is a part of: the files named, or the same without its words."""
        words = [word for word in self.asked.arguments if not word.startswith("-")]
        named = [word for word in words if ".py" in word or os.path.exists(self.project.root / word)]
        if named:
            known = [test for test in past.seconds if test.startswith(tuple(named))]
            one_file = ".py" in named[0] and len({word.split("::")[0] for word in named}) == 1  # for one worker
            return known if known or one_file else None
        if any(word.startswith("-m") for word in self.asked.arguments):
            return None
        return past.selections.get(command.selection(self.project, replace(self.asked, arguments=())))

    def _environment(self, memory: Memory | None) -> dict[str, str]:
        paths = [str(OBSERVER), *filter(None, [self.env.get("PYTHONPATH")])]
        env = {**self.env, "PYTHONPATH": os.pathsep.join(paths)}
        if memory:
            # The tracer of Python 3.12+ (sysmon) skips lines it has seen: 1 of 12 affected tests was run.
            env |= {"COVERAGE_CORE": "ctrace", "TESTMON_DATAFILE": str(memory.testmon_data)}
        return env

    def _headline(self, plan: Plan, *, parallel: bool) -> str:
        tests = {"": "all tests", None: "tests"}.get(command.marker_filter(self.project, self.asked), "")
        tests = tests or f"tests marked {command.marker_filter(self.project, self.asked)!r}"
        tests = "tests that failed last" if self.asked.failed else tests
        lines = [f"pytest {self.python.versions['pytest']} of {self.python.why}: {tests}"]
        if not command.workers_given(self.asked):
            lines[0] += ", in parallel" if parallel else ", in one process"
        if parallel and self.env.get("PYTHONDONTWRITEBYTECODE"):
            lines.append("slower than need be: PYTHONDONTWRITEBYTECODE has every worker compile all it imports anew")
        if self.asked.changed and plan.reasons:
            lines.append(f"all of them run, because of: {_some(plan.reasons)}")
        elif self.asked.changed:
            lines.append(f"changed since the last run: {_some(plan.files) or 'nothing'}")
        return "\n".join(lines)

    def _remember(
        self, seen: Mapping[str, Any], selection: str, past: history.History, memory: Memory | None, plan: Plan
    ) -> None:
        if memory:
            memory.learn(seen, plan)
            self.say(f"ran {len(seen['tests'])} of {len({*memory.known.get('tests', ()), *seen['tests']})} known tests")
        if seen["complete"]:
            past.add(None if memory and not plan.reasons else selection, seen["tests"])

    def _name_slow(self, tests: Mapping[str, Mapping[str, Any]]) -> None:
        slow = sorted(((t["seconds"], name) for name, t in tests.items() if t["seconds"] >= SLOW), reverse=True)
        if slow and not any(argument.startswith("--durations") for argument in self.asked.arguments):
            self.say("slowest: " + "; ".join(f"{seconds:.1f} s {name}" for seconds, name in slow[:3]))


def next_change(root: Path, known: fingerprints.Snapshot, key: Callable[[float], str]) -> tuple[list[str], str]:
    """Wait for files that differ from what is known, or for a key that means something: those files, and the key."""
    pause = PAUSE
    while True:
        pressed = key(pause)
        began = time.monotonic()
        changed = fingerprints.changes(known, fingerprints.snapshot(root))
        if changed or pressed in (*CHOICES, "q"):
            return changed, pressed
        pause = max(PAUSE, REST * (time.monotonic() - began))


def _from_root(arguments: tuple[str, ...], directory: Path, root: Path) -> tuple[str, ...]:
    """Paths as seen from the project's folder, where pytest is started, whatever folder they were typed in."""
    if directory == root:
        return arguments

    def moved(argument: str) -> str:
        file, separator, test = argument.partition("::")
        exists = not argument.startswith("-") and os.path.exists(directory / file)
        return os.path.relpath(directory / file, root) + separator + test if exists else argument

    return tuple(map(moved, arguments))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
