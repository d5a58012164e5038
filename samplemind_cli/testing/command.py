"""pytest's command line: a pure function of the project, what is installed and what was asked."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from samplemind_cli.child.python import Python
from samplemind_cli.errors import UsageError
from samplemind_cli.testing.project import Project

PACKAGES = ("pytest", "pytest-xdist", "pytest-testmon", "pytest-cov")
KINDS = ("slow", "integration", "e2e")  # what is not `fast`
# These need the terminal, one process, or no tests at all.
ALONE = ("-s", "--capture=no", "--pdb", "--trace", "--co", "--collect-only", "--fixtures", "--markers", "--setup-plan")
# What changes how tests run or are told, and not which.
MANNER = re.compile(r"-[xvqsl]+|-r\w+|-n\w+|--(exitfirst|pdb|(maxfail|tb|color|durations|durations-min|junit-?xml)=.*)")
COVERAGE = "a part of the tests gives a part of the coverage, and branch coverage stops testmon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options of `samplemind test`; `arguments` are pytest's own."""

    all: bool = False
    changed: bool = False
    failed: bool = False
    serial: bool = False
    arguments: tuple[str, ...] = ()


def check(asked: Asked) -> None:
    """Raises UsageError where `--changed` could call a stale test green."""
    if not asked.changed:
        return
    if asked.failed:
        raise UsageError("--changed runs failed tests again already", "leave out --failed")
    for argument in asked.arguments:
        if argument.startswith("--cov"):
            raise UsageError(f"--changed cannot go with {argument}: {COVERAGE}", "samplemind test --all --cov")
        if argument.startswith(("--testmon", "--no-testmon", "--tmnet")):
            raise UsageError(f"--changed chooses testmon's options itself, {argument} included", f"drop {argument}")


def marker_filter(project: Project, asked: Asked) -> str | None:
    """The expression for -m: `fast` by default, empty for no filter, None to leave it to pytest's settings.

    A file or a test that is named is run whatever its markers; a folder is not.
    """
    if _given(asked.arguments, "-m"):
        return None
    named = any(".py" in argument for argument in asked.arguments if not argument.startswith("-"))
    if asked.all or asked.failed or named:
        return ""
    if "fast" in project.markers:
        return "fast"
    kinds = [kind for kind in KINDS if kind in project.markers]
    return " and ".join(f"not {kind}" for kind in kinds) if kinds and not _given(project.addopts, "-m") else None


def selection(project: Project, asked: Asked) -> str:
    """A short name for the set of tests asked for; the same words give the same name."""
    narrowing = [argument for argument in asked.arguments if not MANNER.fullmatch(argument)]
    words = (marker_filter(project, asked) or "", str(asked.failed), *narrowing)
    return blake2b("\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def must_be_serial(asked: Asked) -> bool:
    """Whether there can be one process only: asked for, or the arguments need it. pytest-benchmark needs it too."""
    return asked.serial or any(a in ALONE or a.startswith("--benchmark") for a in asked.arguments)


def workers_given(asked: Asked) -> bool:
    """Whether pytest's own -n is among the arguments."""
    return _given(asked.arguments, "-n") or any(a.startswith("--numprocesses") for a in asked.arguments)


def pytest_argv(  # noqa: PLR0913 - a pure function of all it depends on
    project: Project, python: Python, asked: Asked, *, parallel: bool, record: str, everything: bool = True
) -> list[str]:
    """The whole command line. `record`: the observer's file; `everything`: whether --changed may deselect nothing."""
    ours = ["-p", "samplemind_brief", "-p", "samplemind_observer", f"--samplemind-record={record}"]
    argv = [str(python.path), "-m", "pytest", *ours]
    expression = marker_filter(project, asked)
    if expression is not None:
        argv += ["-m", expression]
    if asked.failed:
        argv += ["--last-failed", "--last-failed-no-failures=none"]
    if asked.changed:
        argv += ["--samplemind-watch", *_testmon(python, everything=everything)]
    return [*argv, *_workers(project, python, asked, parallel=parallel), *asked.arguments]


def _testmon(python: Python, *, everything: bool) -> list[str]:
    # Without forceselect any -m, -k, --lf or node id silently turns the selection off. Coverage may come from addopts.
    select = "--testmon-noselect" if everything else "--testmon-forceselect"
    no_cov = ["--no-cov"] if python.versions.get("pytest-cov") else []
    return ["--testmon", select, *no_cov]


def _workers(project: Project, python: Python, asked: Asked, *, parallel: bool) -> list[str]:
    if not python.versions.get("pytest-xdist") or workers_given(asked):
        return []
    if not parallel:
        return ["-n", "0"]
    own = (*project.addopts, *asked.arguments)
    workers = [] if _given(project.addopts, "-n") else ["-n", "auto"]
    return workers if any(word.startswith("--dist") for word in own) else [*workers, "--dist", "loadfile"]


def _given(words: Sequence[str], option: str) -> bool:
    return any(word.startswith(option) for word in words)
