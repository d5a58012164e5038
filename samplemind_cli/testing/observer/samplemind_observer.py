# ruff: noqa: PTH100, PTH118, PTH119, PTH206, INP001 - every opened file passes here, unresolved; the folder is on a path of its own
"""A pytest plugin: how long each test took and, when asked, what it used that coverage cannot see.

Loaded by path into the project's own Python, so it imports only the standard library and pytest, any version from 3.9.
Written to the file of `--samplemind-record` when the session ends:

    {"complete", "interrupted", "tests": {node id: {"seconds", "failed", "used": USED}}, "everywhere": USED}
    USED: {"reads": [file], "listings": [folder], "runs": [[file, first line]], "starts": [program]}

`everywhere` is what ran or was read outside of any single test: imports, collection, fixtures wider than a function.
Every test may depend on it. Paths are relative to pytest's root; a `runs` line of 0 is the module itself.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from functools import partial
from importlib.machinery import SourceFileLoader
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from _pytest.assertion.rewrite import AssertionRewritingHook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    Used = dict[str, set[Any]]

# Coverage leaves out what is installed, wherever this file lies: `--cov` would count it as the project's.
__file__ = str(Path(pytest.__file__).with_name(Path(__file__).name))
NAME = "samplemind_observations"
# Their own file access says nothing about the test that happens to be running.
MACHINERY = ("importlib", "_pytest", "testmon", "coverage", "xdist", "execnet", "linecache", "inspect.py")
BETWEEN = ("pathlib.py", "_local.py", "subprocess.py", "glob.py", "os.py", "<frozen os>", "tokenize.py")
NOT_DATA = {".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis", "node_modules"}
# Programs that never run the project's code.
HARMLESS = {"git", "uname", "ldconfig", "file", "hostname", "tput", "stty"}
STARTERS = {"subprocess.Popen", "os.system", "os.posix_spawn", "os.spawn", "os.exec", "os.fork", "os.forkpty"}


def nothing() -> Used:
    """What a test uses before it begins."""
    return {"reads": set(), "listings": set(), "runs": set(), "starts": set()}


class Observer:
    """What one process (the session, or one xdist worker) saw."""

    def __init__(self, root: Path, record: str, *, watch: bool) -> None:
        # A path may be written with or without the symbolic links above the root.
        self.roots = {os.path.join(folder, "") for folder in (os.path.abspath(root), os.path.realpath(root))}
        self.record = record
        self.watch = watch
        self.everywhere = nothing()
        self.current = self.everywhere
        self.mine: dict[str | None, bool] = {}
        self.handlers: dict[str, Any] = {
            "open": self.opened,
            "os.listdir": self.listed,
            "os.scandir": self.listed,
            "sqlite3.connect": self.opened,
            **{event: partial(self.started, event) for event in STARTERS},
        }
        self.written: set[str] = set()
        self.tests: dict[str, dict[str, Any]] = {}
        self.complete = True
        self.interrupted = False

    def start(self) -> None:
        """Look at every file and process from now on, and at what runs while a module of the project is imported."""
        sys.addaudithook(self.audit)
        for loader in (SourceFileLoader, AssertionRewritingHook):
            loader.exec_module = self.observed(loader.exec_module)  # type: ignore[method-assign]
        unwrapped = BaseProcess.start

        def start(process: Any) -> None:  # the `spawn` method raises no audit event
            self.current["starts"].add("multiprocessing")
            unwrapped(process)

        BaseProcess.start = start  # type: ignore[assignment,method-assign]

    def observed(self, execute: Any) -> Any:
        """A loader's exec_module: a module is made once, so what it does belongs to every test."""

        def executed(loader: Any, module: Any) -> None:
            mine = self.inside(getattr(module, "__file__", None)) is not None
            with self.attributed(self.everywhere if mine else self.current, profiled=mine):
                execute(loader, module)

        return executed

    @contextmanager
    def attributed(self, used: Used, *, profiled: bool) -> Iterator[None]:
        """For a while, what is used belongs to this test, or to all of them; calls are noted for all only."""
        before, profile = self.current, sys.getprofile()
        self.current = used
        sys.setprofile(self.profile if profiled else None)
        try:
            yield
        finally:
            self.current = before
            sys.setprofile(profile)

    def profile(self, frame: FrameType, event: str, _argument: Any) -> None:
        """sys.setprofile's function: note each function of the project that is called."""
        if event != "call":
            return
        file = frame.f_globals.get("__file__")
        if file not in self.mine:
            self.mine[file] = self.inside(file) is not None
        if self.mine[file]:
            code = frame.f_code  # an audit event in itself (so is id()), and there are millions of frames
            name = self.inside(code.co_filename)
            if name is not None:
                self.everywhere["runs"].add((name, 0 if code.co_name == "<module>" else code.co_firstlineno))

    def audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        """sys.addaudithook's function."""
        handler = self.handlers.get(event)
        if handler is not None:
            handler(*arguments)

    def opened(self, path: Any, mode: str | None = None, flags: int = 0) -> None:
        """Note a file that is read; one that this process wrote before is no dependency."""
        name = self.inside(path)
        if name is None:
            return
        if flags & (os.O_WRONLY | os.O_RDWR) or (mode and set(mode) & set("wax+")):
            self.written.add(name)
        elif name not in self.written and not by_machinery():
            self.current["reads"].add(name)

    def listed(self, path: Any = None) -> None:
        """Note a folder whose names are read."""
        name = self.inside(path if path is not None else ".")
        if name is not None and not by_machinery():
            self.current["listings"].add(name)

    def started(self, event: str, program: Any = None, *_rest: Any) -> None:
        """Note a program that may run the project's code; os.system gives a whole command line, fork nothing."""
        if event == "os.system":
            program = event
        name = os.path.basename(os.fsdecode(program)) if isinstance(program, (str, bytes)) else event
        if name not in HARMLESS and not by_machinery():
            self.current["starts"].add(name)

    def inside(self, path: Any) -> str | None:
        """The path relative to the root, or None when it lies outside or is nobody's data."""
        if not isinstance(path, (str, bytes, os.PathLike)):
            return None
        whole = os.path.abspath(os.fsdecode(path))
        root = next((root for root in self.roots if (whole + os.sep).startswith(root)), None)
        if root is None or os.path.basename(whole).startswith("<"):  # "<string>": code that has no file
            return None
        name = whole[len(root) :]
        skip = NOT_DATA.intersection(name.split(os.sep)) or whole.startswith(os.path.join(sys.prefix, ""))
        return None if skip or name.startswith((".coverage", ".testmondata")) else name

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """What is used until its end belongs to this test."""
        if not self.watch:
            yield
            return
        with self.attributed(nothing(), profiled=False):
            item.samplemind_used = self.current
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """A fixture wider than a function works once and for many tests: what it uses belongs to all."""
        if not self.watch or fixturedef.scope == "function":
            yield
            return
        with self.attributed(self.everywhere, profiled=True):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_generate_tests(self) -> Iterator[None]:
        """Parameters and their names may be computed by the project."""
        with self.attributed(self.everywhere, profiled=self.watch):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_collection_modifyitems(self) -> Iterator[None]:
        """So may the choice of tests."""
        with self.attributed(self.everywhere, profiled=self.watch):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Hand over what the test used; a report's attributes travel from an xdist worker."""
        outcome: Any = yield
        if self.watch and call.when == "teardown":
            outcome.get_result().samplemind_used = plain(item.samplemind_used)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Sum up set-up, call and teardown."""
        test = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "failed": False, "used": None})
        test["seconds"] += report.duration
        test["failed"] = test["failed"] or report.outcome == "failed"
        test["used"] = getattr(report, "samplemind_used", test["used"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Take over what a worker saw; one that crashed leaves the rest unknown."""
        seen = getattr(node, "workeroutput", {}).get("samplemind")
        self.complete = self.complete and not error and seen is not None
        for kind, found in (seen or {}).items():
            self.everywhere[kind].update(tuple(x) if isinstance(x, list) else x for x in found)

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Tell Ctrl-C from an error while the tests were collected: to pytest both are interrupts."""
        self.interrupted = not isinstance(excinfo.value, pytest.Session.Interrupted)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Stop looking, and tell a whole run from one that was cut short."""
        if self.watch:
            self.see_modules()
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["samplemind"] = plain(self.everywhere)
            return
        # 5: nothing was selected. A test cut short by Ctrl-C, -x or a crash leaves the rest unknown.
        stopped = session.shouldstop or session.shouldfail or int(exitstatus) not in (0, 1, 5)
        self.complete = self.complete and not stopped

    def pytest_unconfigure(self, config: Any) -> None:
        """Write the record, after the last worker."""
        if not hasattr(config, "workerinput"):
            self.write()

    def see_modules(self) -> None:
        """Note what was imported, extension modules included, even before anybody looked."""
        for module in list(sys.modules.values()):
            name = self.inside(getattr(module, "__file__", None))
            if name is not None and name.endswith(".py"):
                self.everywhere["runs"].add((name, 0))
            elif name is not None:
                self.everywhere["reads"].add(name)

    def write(self) -> None:
        """The record, as told at the top of this file."""
        seen = {
            "complete": self.complete,
            "interrupted": self.interrupted,
            "tests": self.tests,
            "everywhere": plain(self.everywhere),
        }
        Path(self.record).write_text(json.dumps(seen), encoding="utf-8")


def plain(used: Used) -> dict[str, list[Any]]:
    """The same as JSON knows it."""
    return {kind: sorted(found) for kind, found in used.items()}


def by_machinery() -> bool:
    """Whether the nearest caller that is not one of the standard library's go-betweens is machinery."""
    frame = sys._getframe(3)  # noqa: SLF001 - the only way to the caller
    while frame.f_back and frame.f_code.co_filename.endswith(BETWEEN):
        frame = frame.f_back
    return any(part in frame.f_code.co_filename for part in MACHINERY)


def pytest_addoption(parser: Any) -> None:
    """Options rather than environment variables: pytest inside a test does not inherit them."""
    group = parser.getgroup("samplemind")
    group.addoption("--samplemind-record", metavar="FILE", help="write what each test took to this file")
    group.addoption("--samplemind-watch", action="store_true", help="also write what each test used")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: Any) -> None:
    """Before the first conftest.py is imported: what that import reads belongs to every test."""
    observe(early_config, early_config.known_args_namespace)


def pytest_configure(config: Any) -> None:
    """In an xdist worker plugins come too late for the hook above; the controller has seen the conftest.py files."""
    observe(config, config.option)


def observe(config: Any, options: Any) -> None:
    """Register the observer once, if asked to."""
    if options.samplemind_record and not config.pluginmanager.has_plugin(NAME):
        if options.samplemind_watch and any(getattr(options, name, False) for name in ("setuponly", "setupplan")):
            raise pytest.UsageError("--changed would take for passed what --setup-only and --setup-plan do not run")
        observer = Observer(config.rootpath, options.samplemind_record, watch=options.samplemind_watch)
        config.pluginmanager.register(observer, NAME)
        if options.samplemind_watch:
            observer.start()
