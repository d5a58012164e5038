"""pytest's command line: a pure function of the project, what is installed and what was asked."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from samplemind_cli.child.python import Python
from samplemind_cli.errors import UsageError
from samplemind_cli.testing.project import Project

PACKAGES = ("pytest", "pytest-xdist", "pytest-cov")
KINDS = ("slow", "integration", "e2e")  # what is not `fast`
# These need the terminal, one process, or no tests at all.
ALONE = ("-s", "--capture=no", "--pdb", "--trace", "--co", "--collect-only", "--fixtures", "--markers", "--setup-plan")
# What changes how tests run or are told, and not which.
MANNER = re.compile(r"-[xvqsl]+|-r\w+|-n\w+|--(exitfirst|pdb|(maxfail|tb|color|durations|durations-min|junit-?xml)=.*)")
COVERAGE = "running part of the tests would give partial coverage"
JUNIT = ("--junit-xml", "--junitxml")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of `samplemind test`; `arguments` are pytest's own, `shard` is (K, N)."""

    all: bool = False
    changed: bool = False
    failed: bool = False
    serial: bool = False
    arguments: tuple[str, ...] = ()
    shard: tuple[int, int] | None = None
    rerun_from: str | None = None
    store_durations: bool = False


def shard(words: str) -> tuple[int, int]:
    """K and N of "K/N". Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", words)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"--shard takes K/N with K from 1 to N, not {words!r}", "samplemind test --shard 1/3")
    return int(found[1]), int(found[2])


def check(asked: RunOptions) -> None:
    """Raises UsageError where `--changed` could call a stale test green, and where shards would not fit together."""
    if asked.shard and (own := next(_of_this_machine(asked), "")):
        hint = "samplemind test --rerun-from junit.xml"
        raise UsageError(f"--shard cannot be combined with {own}: each machine remembers different failures", hint)
    if asked.store_durations and (asked.changed or asked.failed or asked.shard or asked.rerun_from):
        raise UsageError("--store-durations needs a run of all tests", "samplemind test --all --store-durations")
    if not asked.changed:
        return
    if asked.failed:
        raise UsageError("--changed already runs failed tests again", "leave out --failed")
    for argument in asked.arguments:
        if argument.startswith("--cov"):
            raise UsageError(f"--changed cannot be combined with {argument}: {COVERAGE}", "samplemind test --all --cov")
        if argument.startswith(("--testmon", "--no-testmon", "--tmnet")):
            raise UsageError(f"--changed chooses the tests itself, and {argument} does too", f"drop {argument}")


def _of_this_machine(asked: RunOptions) -> Iterator[str]:
    """The options by which pytest chooses among tests as it remembers them."""
    own = ("--lf", "--last-failed", "--sw", "--stepwise")
    return (word for word in (*["--failed"] * asked.failed, *asked.arguments) if word.startswith((*own, "--failed")))


def marker_filter(project: Project, asked: RunOptions) -> str | None:
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


def selection(project: Project, asked: RunOptions) -> str:
    """A short name for the set of tests asked for; the same words give the same name."""
    narrowing = [argument for argument in asked.arguments if not MANNER.fullmatch(argument)]
    ours = [str(part) for part in (asked.shard, asked.rerun_from) if part]
    words = (marker_filter(project, asked) or "", str(asked.failed), *ours, *narrowing)
    return blake2b("\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def must_be_serial(asked: RunOptions) -> bool:
    """Whether there can be one process only: asked for, or the arguments need it. pytest-benchmark needs it too."""
    return asked.serial or any(a in ALONE or a.startswith("--benchmark") for a in asked.arguments)


def workers_given(asked: RunOptions) -> bool:
    """Whether pytest's own -n is among the arguments, whatever its number."""
    return any(word.startswith(("-n", "--numprocesses")) for word in asked.arguments)


def parallel_given(asked: RunOptions) -> bool:
    """Whether the arguments ask for several workers."""
    return _asks_for_workers(asked.arguments)


def workers_of_project(project: Project) -> bool:
    """Whether its settings ask for workers."""
    return _asks_for_workers(project.addopts)


def has_plugin(  # noqa: PLR0913, PLR0917 - all that decides it
    project: Project, asked: RunOptions, python: Python, env: Mapping[str, str], package: str, name: str
) -> bool:
    """Whether pytest will load an installed plugin: settings, arguments and variables may keep it out."""
    if not python.versions.get(package):
        return False
    words = [*project.addopts, *asked.arguments]
    plugins = _options(words, "-p")
    modules = env.get("PYTEST_PLUGINS", "").split(",")
    if f"no:{name}" in plugins:
        return False
    autoload = not env.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") and "--disable-plugin-autoload" not in words
    return autoload or any(word.split(".")[0] in {name, f"pytest_{name}"} for word in (*plugins, *modules))


def pytest_argv(  # noqa: PLR0913 - a pure function of all it depends on
    project: Project, python: Python, asked: RunOptions, *, parallel: bool, record: str, choice: str | None = None,
    env: Mapping[str, str] | None = None,
) -> list[str]:  # fmt: skip
    """The whole command line. `record` and `choice`: the observer's files."""
    argv = [str(python.path), "-m", "pytest", "-p", "samplemind_observer", f"--samplemind-record={record}"]
    argv += [f"--samplemind-choice={choice}"] if choice else []
    expression = marker_filter(project, asked)
    if expression is not None:
        argv += ["-m", expression]
    if asked.failed:
        argv += ["--last-failed", "--last-failed-no-failures=none"]
    if asked.changed:
        argv += ["--samplemind-watch"]
        argv += ["--no-cov"] if has_plugin(project, asked, python, env or {}, "pytest-cov", "pytest_cov") else []
    xdist = has_plugin(project, asked, python, env or {}, "pytest-xdist", "xdist")
    return [*argv, *(_workers(project, asked, parallel=parallel) if xdist else []), *asked.arguments]


def again(asked: RunOptions, *, keep_reports: bool) -> RunOptions:
    """The same in one process. A part of the tests must not overwrite the JUnit file of all."""
    kept, skip = [], False
    for word in asked.arguments:
        option = word in {"-n", "--numprocesses", "--dist", "--maxprocesses"}
        report = not keep_reports and word in JUNIT
        if not (skip or option or report or _is_value(word, keep_reports=keep_reports)):
            kept.append(word)
        skip = option or report
    return replace(asked, arguments=tuple(kept), serial=True)


def _is_value(word: str, *, keep_reports: bool) -> bool:
    """Whether it is an option with its value that a second run leaves out."""
    ours = ("--numprocesses=", "--dist=", "--maxprocesses=") + (
        () if keep_reports else tuple(f"{name}=" for name in JUNIT)
    )
    return word.startswith(ours) or re.fullmatch(r"-n=?(\d+|auto|logical)", word) is not None


def covered(project: Project, asked: RunOptions) -> bool:
    """Whether coverage is measured, and may fail the run by itself."""
    return _given((*project.addopts, *asked.arguments), "--cov")


def with_addopts(project: Project, env: Mapping[str, str]) -> Project:
    """Its settings, with what PYTEST_ADDOPTS adds to every command line. Raises UsageError."""
    try:
        words = shlex.split(env.get("PYTEST_ADDOPTS", ""))
    except ValueError as error:
        raise UsageError(f"cannot read PYTEST_ADDOPTS: {error}", "unset PYTEST_ADDOPTS") from error
    return replace(project, addopts=(*project.addopts, *words))


def _workers(project: Project, asked: RunOptions, *, parallel: bool) -> list[str]:
    if workers_given(asked):
        return []
    if not parallel:
        return ["-n", "0"]
    own = (*project.addopts, *asked.arguments)
    workers = [] if workers_of_project(project) else ["-n", "auto"]
    return workers if any(word.startswith("--dist") for word in own) else [*workers, "--dist", "loadfile"]


def _asks_for_workers(words: Sequence[str]) -> bool:
    """Whether the last -n is for more than one process at a time."""
    found = [*_options(words, "-n"), *_options(words, "--numprocesses")]
    return bool(found) and found[-1] not in {"0", "1"}


def _options(words: Sequence[str], option: str) -> list[str]:
    """The values of an option, written in one word or in two."""
    following = [*words[1:], ""]
    return [
        following[place] if word == option else word.removeprefix(option).removeprefix("=")
        for place, word in enumerate(words)
        if word.startswith(option)
    ]


def _given(words: Sequence[str], option: str) -> bool:
    return any(word.startswith(option) for word in words)
