"""pytest's command line: a pure function of the project, the installed packages and the options."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

from samplemind_cli.child.python import Python
from samplemind_cli.errors import UsageError
from samplemind_cli.testing.project import Project

PACKAGES = ("pytest", "pytest-xdist", "pytest-cov")
KINDS = ("slow", "integration", "e2e")  # all but `fast`
# These need the terminal or one process, or run no tests.
ALONE = ("-s", "--capture=no", "--pdb", "--trace", "--co", "--collect-only", "--fixtures", "--markers", "--setup-plan")
# Arguments that change how tests run or are reported, and not which ones run.
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
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", words)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(f"--shard takes K/N with K from 1 to N, not {words!r}", "samplemind test --shard 1/3")
    return int(match[1]), int(match[2])


def check(options: RunOptions) -> None:
    """Raises UsageError if `--changed` might skip a stale test, or if shards might overlap or leave tests out."""
    if options.shard and (own := next(_of_this_machine(options), "")):
        hint = "samplemind test --rerun-from junit.xml"
        raise UsageError(f"--shard cannot be combined with {own}: each machine remembers different failures", hint)
    if options.store_durations and (options.changed or options.failed or options.shard or options.rerun_from):
        raise UsageError("--store-durations needs a run of all tests", "samplemind test --all --store-durations")
    if not options.changed:
        return
    if options.failed:
        raise UsageError("--changed already runs failed tests again", "leave out --failed")
    for argument in options.arguments:
        if argument.startswith("--cov"):
            raise UsageError(f"--changed cannot be combined with {argument}: {COVERAGE}", "samplemind test --all --cov")
        if argument.startswith(("--testmon", "--no-testmon", "--tmnet")):
            raise UsageError(f"--changed chooses the tests itself, and {argument} does too", f"drop {argument}")


def _of_this_machine(options: RunOptions) -> Iterator[str]:
    """The options that select tests by what pytest stored on this machine."""
    own = ("--lf", "--last-failed", "--sw", "--stepwise", "--failed")
    return (word for word in (*["--failed"] * options.failed, *options.arguments) if word.startswith(own))


def marker_filter(project: Project, options: RunOptions) -> str | None:
    """The expression for -m: `fast` by default, empty for no filter, None to leave it to pytest's settings.

    A named file or test runs whatever its markers; tests of a named folder do not.
    """
    if _given(options.arguments, "-m"):
        return None
    named = any(".py" in argument for argument in options.arguments if not argument.startswith("-"))
    if options.all or options.failed or named:
        return ""
    if "fast" in project.markers:
        return "fast"
    kinds = [kind for kind in KINDS if kind in project.markers]
    return " and ".join(f"not {kind}" for kind in kinds) if kinds and not _given(project.addopts, "-m") else None


def selection(project: Project, options: RunOptions) -> str:
    """A short name for the set of tests that the options select; the same options give the same name."""
    narrowing = [argument for argument in options.arguments if not MANNER.fullmatch(argument)]
    ours = [str(part) for part in (options.shard, options.rerun_from) if part]
    words = (marker_filter(project, options) or "", str(options.failed), *ours, *narrowing)
    return blake2b("\0".join(words).encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def must_be_serial(options: RunOptions) -> bool:
    """Whether only one process may run: by option, or because the arguments or pytest-benchmark need it."""
    return options.serial or any(a in ALONE or a.startswith("--benchmark") for a in options.arguments)


def workers_given(options: RunOptions) -> bool:
    """Whether pytest's own -n is among the arguments, whatever its number."""
    return any(word.startswith(("-n", "--numprocesses")) for word in options.arguments)


def parallel_given(options: RunOptions) -> bool:
    """Whether the arguments request several workers."""
    return _requests_workers(options.arguments)


def workers_of_project(project: Project) -> bool:
    """Whether the project's settings request several workers."""
    return _requests_workers(project.addopts)


def has_plugin(  # noqa: PLR0913, PLR0917 - all that it depends on
    project: Project, options: RunOptions, python: Python, env: Mapping[str, str], package: str, name: str
) -> bool:
    """Whether a plugin is installed and pytest will load it: settings, arguments and variables may disable it."""
    if not python.versions.get(package):
        return False
    words = [*project.addopts, *options.arguments]
    plugins = _values(words, "-p")
    modules = env.get("PYTEST_PLUGINS", "").split(",")
    if f"no:{name}" in plugins:
        return False
    autoload = not env.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") and "--disable-plugin-autoload" not in words
    return autoload or any(word.split(".")[0] in {name, f"pytest_{name}"} for word in (*plugins, *modules))


def pytest_argv(  # noqa: PLR0913 - a pure function of all it depends on
    project: Project, python: Python, options: RunOptions, *, parallel: bool, record: str, choice: str | None = None,
    env: Mapping[str, str] | None = None,
) -> list[str]:  # fmt: skip
    """The whole command line. `record` and `choice`: the observer's files."""
    argv = [str(python.path), "-m", "pytest", "-p", "samplemind_observer", f"--samplemind-record={record}"]
    argv += [f"--samplemind-choice={choice}"] if choice else []
    expression = marker_filter(project, options)
    if expression is not None:
        argv += ["-m", expression]
    if options.failed:
        argv += ["--last-failed", "--last-failed-no-failures=none"]
    if options.changed:
        argv += ["--samplemind-watch"]
        argv += ["--no-cov"] if has_plugin(project, options, python, env or {}, "pytest-cov", "pytest_cov") else []
    xdist = has_plugin(project, options, python, env or {}, "pytest-xdist", "xdist")
    return [*argv, *(_workers(project, options, parallel=parallel) if xdist else []), *options.arguments]


def again(options: RunOptions, *, keep_reports: bool) -> RunOptions:
    """The options for a second run in one process; without `keep_reports` it must not overwrite the JUnit file."""
    kept, skip = [], False
    for word in options.arguments:
        option = word in {"-n", "--numprocesses", "--dist", "--maxprocesses"}
        report = not keep_reports and word in JUNIT
        if not (skip or option or report or _is_value(word, keep_reports=keep_reports)):
            kept.append(word)
        skip = option or report
    return replace(options, arguments=tuple(kept), serial=True)


def _is_value(word: str, *, keep_reports: bool) -> bool:
    """Whether it is an option and its value in one word, which a second run leaves out."""
    ours = ("--numprocesses=", "--dist=", "--maxprocesses=") + (
        () if keep_reports else tuple(f"{name}=" for name in JUNIT)
    )
    return word.startswith(ours) or re.fullmatch(r"-n=?(\d+|auto|logical)", word) is not None


def covered(project: Project, options: RunOptions) -> bool:
    """Whether coverage is measured, which alone may fail the run."""
    return _given((*project.addopts, *options.arguments), "--cov")


def with_addopts(project: Project, env: Mapping[str, str]) -> Project:
    """The project with PYTEST_ADDOPTS added to its settings. Raises UsageError."""
    try:
        words = shlex.split(env.get("PYTEST_ADDOPTS", ""))
    except ValueError as error:
        raise UsageError(f"cannot read PYTEST_ADDOPTS: {error}", "unset PYTEST_ADDOPTS") from error
    return replace(project, addopts=(*project.addopts, *words))


def _workers(project: Project, options: RunOptions, *, parallel: bool) -> list[str]:
    if workers_given(options):
        return []
    if not parallel:
        return ["-n", "0"]
    own = (*project.addopts, *options.arguments)
    workers = [] if workers_of_project(project) else ["-n", "auto"]
    return workers if any(word.startswith("--dist") for word in own) else [*workers, "--dist", "loadfile"]


def _requests_workers(words: Sequence[str]) -> bool:
    """Whether the last -n is for more than one process."""
    numbers = [*_values(words, "-n"), *_values(words, "--numprocesses")]
    return bool(numbers) and numbers[-1] not in {"0", "1"}


def _values(words: Sequence[str], option: str) -> list[str]:
    """The values of an option, written as one word or two."""
    following = [*words[1:], ""]
    return [
        following[place] if word == option else word.removeprefix(option).removeprefix("=")
        for place, word in enumerate(words)
        if word.startswith(option)
    ]


def _given(words: Sequence[str], option: str) -> bool:
    return any(word.startswith(option) for word in words)
