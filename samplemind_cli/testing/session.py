"""Runs the tests once: selects them, chooses the number of processes, and stores the results."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from samplemind_cli import processors
from samplemind_cli.child.python import Python, find_python
from samplemind_cli.testing import command, durations, history, junit, pytest_run
from samplemind_cli.testing.changed import LastRun, RerunPlan
from samplemind_cli.testing.command import RunOptions
from samplemind_cli.testing.dependencies import Look
from samplemind_cli.testing.project import Project, find_project
from samplemind_cli.testing.pytest_run import PytestOutcome, Selection

SLOW = 1.0  # seconds from which a test is named as slow
SHOWN = 5  # names in one message
NOTHING_RAN = 5  # pytest's exit code for it
TRACED = {"3.8", "3.9", "3.10", "3.11"}  # without sys.monitoring
SLOW_TO_RECORD = "recording what each test uses: this takes two to five times as long as pytest alone on Python {}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A project, its Python, and the options; `say` gets the messages."""

    project: Project
    python: Python
    options: RunOptions
    folder: Path
    env: Mapping[str, str]
    say: Callable[[str], None]
    ends: bool = False  # a signal ends it also while pytest runs

    @classmethod
    def at(
        cls, directory: Path, options: RunOptions, *, state_dir: str, env: Mapping[str, str], say: Callable[[str], None]
    ) -> "Session":
        """The session for the project at or above `directory`. Raises UsageError for what is missing or unsafe."""
        command.check(options)
        project = command.with_addopts(find_project(directory), env)
        python = find_python(project.root, env, *command.PACKAGES)
        cov = any(argument.startswith("--cov") for argument in options.arguments)
        python.require("pytest", *["pytest-cov"] * cov)
        rerun_from = str(directory / options.rerun_from) if options.rerun_from else None
        arguments = _from_root(options.arguments, directory, project.root)
        options = replace(options, arguments=arguments, rerun_from=rerun_from)
        folder = history.folder(state_dir, project.root, needed=options.changed)
        return cls(project=project, python=python, options=options, folder=folder, env=env, say=say)

    def run(self) -> int:
        """Run pytest once; its exit code."""
        return self.once().code

    def once(self) -> PytestOutcome:
        """Run pytest once, and run again in one process what failed in parallel."""
        selection = command.selection(self.project, self.options)
        memory = self._memory(selection) if self.options.changed else None
        plan = memory.plan() if memory else RerunPlan(())
        past = history.History(self.folder / "history.json")
        choice = self._choice(plan)
        if choice.cases == []:
            self.say(f"nothing failed in {self.options.rerun_from}")
            return PytestOutcome(0, {})
        parallel = self._parallel(past, selection, memory, plan)
        self.say(self._headline(plan, parallel=parallel))
        first = outcome = self._pytest(self.options, choice, parallel=parallel)
        if parallel and first.code not in {0, NOTHING_RAN} and not first.interrupted() and first.code < 128:  # noqa: PLR2004 - a signal
            outcome = self._again(first, choice)
        if outcome.seen:
            self._share(outcome)
            self._remember(first if parallel else outcome, outcome, selection, past, memory, plan, parallel=parallel)
            self._name_slow(outcome)
        return outcome

    def _memory(self, selection: str) -> LastRun:
        return LastRun(self.folder, selection, partial(Look, self.project.root, self.python.path, self.env))

    def _choice(self, plan: RerunPlan) -> Selection:
        cases = junit.failed_cases(Path(self.options.rerun_from)) if self.options.rerun_from else None
        seconds = durations.read(self.project.root) if self.options.shard else {}
        return Selection(
            skip=frozenset() if plan.reasons else plan.skip, shard=self.options.shard, seconds=seconds, cases=cases
        )

    def _pytest(self, options: RunOptions, choice: Selection, *, parallel: bool) -> PytestOutcome:
        outcome = pytest_run.run(
            self.project, self.python, options, choice, self.env, parallel=parallel, ends=self.ends
        )
        if missing := outcome.seen.get("missing"):
            self.say(f"not among the tests here: {_some(missing)}")
        return outcome

    def _again(self, first: PytestOutcome, choice: Selection) -> PytestOutcome:
        """Run again in one process what failed in parallel, or everything if the workers did not finish."""
        failed = first.failed()
        if first.complete() and failed and not command.covered(self.project, self.options):
            self.say(f"{len(failed)} failed in parallel; the same in one process:")
            alone = self._pytest(
                command.again(self.options, keep_reports=False), replace(choice, only=tuple(failed)), parallel=False
            )
            if alone.tests().keys() >= set(failed) or alone.interrupted() or self.options.serial:
                if only := sorted(set(failed) - set(alone.failed())) if alone.complete() else []:
                    self.say(f"fails only in parallel: {_some(only)}")
                return PytestOutcome(alone.code, _merged(first, alone))
        self.say(
            "the parallel run did not finish; running all in one process:" if not failed else "all in one process:"
        )
        alone = self._pytest(command.again(self.options, keep_reports=True), choice, parallel=False)
        if alone.complete() and (only := sorted(set(failed) - set(alone.failed()))):
            self.say(f"fails only in parallel: {_some(only)}")
        return alone

    def _parallel(self, past: history.History, selection: str, memory: LastRun | None, plan: RerunPlan) -> bool:
        """Whether to run in parallel: if requested, or if an earlier run showed that it changes no result."""
        if command.must_be_serial(self.options) or not self._has_xdist():
            return False
        if command.workers_given(self.options):
            return command.parallel_given(self.options)
        tests = past.selections.get(selection, self._at_most(past))
        if memory and memory.known and not plan.reasons:
            tests = [name for name in memory.names() if name not in plan.skip]
        elif self.options.failed:
            tests = history.last_failed(self.project.root)
        if not command.workers_of_project(self.project) and not past.same_in_parallel(tests):
            return False
        return past.parallel_pays(tests, processors.usable())

    def _has_xdist(self) -> bool:
        return command.has_plugin(self.project, self.options, self.python, self.env, "pytest-xdist", "xdist")

    def _at_most(self, past: history.History) -> list[str] | None:
        """The tests of an unknown selection at most: those of its files, or of the selection without arguments."""
        words = [word for word in self.options.arguments if not word.startswith("-")]
        named = [word for word in words if ".py" in word or os.path.exists(self.project.root / word)]
        if named:
            known = [test for test in past.seconds if test.startswith(tuple(named))]
            one_file = ".py" in named[0] and len({word.split("::")[0] for word in named}) == 1  # for one worker
            return known if known or one_file else None
        if any(word.startswith("-m") for word in self.options.arguments):
            return None
        return past.selections.get(command.selection(self.project, replace(self.options, arguments=())))

    def _headline(self, plan: RerunPlan, *, parallel: bool) -> str:
        tests = {"": "all tests", None: "tests"}.get(command.marker_filter(self.project, self.options), "")
        tests = tests or f"tests marked {command.marker_filter(self.project, self.options)!r}"
        tests = "tests that failed last" if self.options.failed else tests
        tests = f"tests that failed in {self.options.rerun_from}" if self.options.rerun_from else tests
        lines = [f"pytest {self.python.versions['pytest']} of {self.python.why}: {tests}"]
        if self.options.shard:
            by = durations.NAME if os.path.exists(self.project.root / durations.NAME) else "number of tests"
            lines[0] += ", shard {} of {}".format(*self.options.shard) + f" by {by}"
        if not command.workers_given(self.options):
            lines[0] += ", in parallel" if parallel else ", in one process"
        if parallel and self.env.get("PYTHONDONTWRITEBYTECODE"):
            lines.append("slower than necessary: PYTHONDONTWRITEBYTECODE is set: every worker recompiles all imports")
        if self.options.changed and plan.reasons:
            lines.append(f"all of them run, because of: {_some(plan.reasons)}")
            version = self.python.versions.get("python")
            lines += [SLOW_TO_RECORD.format(version)] if version in TRACED else []
        elif self.options.changed:
            lines.append(f"changed since the last run: {_some(plan.changes) or 'nothing'}")
        return "\n".join(lines)

    def _remember(  # noqa: PLR0913, PLR0917 - the state before and after
        self, first: PytestOutcome, outcome: PytestOutcome, selection: str, past: history.History,
        memory: LastRun | None, plan: RerunPlan, *, parallel: bool,
    ) -> None:  # fmt: skip
        try:
            if memory:
                memory.learn(outcome.seen, plan)
                self.say(f"ran {len(outcome.tests())} of {len({*memory.names(), *outcome.tests()})} known tests")
            if first.complete():
                part = (memory and not plan.reasons) or self.options.rerun_from
                past.add(None if part else selection, first.tests(), history.PARALLEL if parallel else history.ALONE)
        except OSError as error:  # a full disk or a read-only home is not the tests' failure
            self.say(f"cannot record this run in {self.folder}: {error.strerror}")

    def _share(self, outcome: PytestOutcome) -> None:
        """Write the shared durations if requested, and say how the shards were cut."""
        if cut := outcome.seen.get("cut"):
            self.say(f"the shards are split by {cut}; across machines that print the same, each test runs once")
        if not self.options.store_durations:
            return
        if not outcome.complete():
            self.say(f"{durations.NAME} was not changed: not all tests ran")
            return
        seconds = {name: test["seconds"] for name, test in outcome.tests().items()}
        try:
            self.say(f"wrote {durations.store(self.project.root, seconds)}: commit it; --shard splits by it")
        except OSError as error:
            self.say(f"cannot write {durations.NAME}: {error.strerror}")

    def _name_slow(self, outcome: PytestOutcome) -> None:
        slow = sorted(
            ((t["seconds"], name) for name, t in outcome.tests().items() if t["seconds"] >= SLOW), reverse=True
        )
        if slow and not any(argument.startswith("--durations") for argument in self.options.arguments):
            self.say("slowest: " + "; ".join(f"{seconds:.1f} s {name}" for seconds, name in slow[:3]))


def _merged(first: PytestOutcome, alone: PytestOutcome) -> dict[str, object]:
    """The record of a run, updated with the tests that ran again; both runs' dependencies count."""
    if not alone.seen:
        return {}
    everywhere = {kind: [*used, *alone.seen["everywhere"][kind]] for kind, used in first.seen["everywhere"].items()}
    tests = first.tests() | alone.tests()
    return {**first.seen, "everywhere": everywhere, "tests": tests, "complete": alone.complete()}


def _from_root(arguments: tuple[str, ...], directory: Path, root: Path) -> tuple[str, ...]:
    """The arguments with paths relative to the project's folder, where pytest is started, instead of `directory`."""
    if directory == root:
        return arguments

    def moved(argument: str) -> str:
        file, separator, test = argument.partition("::")
        exists = not argument.startswith("-") and os.path.exists(directory / file)
        return os.path.relpath(directory / file, root) + separator + test if exists else argument

    return tuple(map(moved, arguments))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
