"""What one process of pytest saw of the tests, and the record of it.

Written to the file of `--samplemind-record` when the session ends:

    {"complete", "interrupted", "missing": [case], "cut": digest, "blind": reason or null,
     "tests": {node id: {"seconds", "outcome", "used": USED}}, "everywhere": USED, "surroundings": SURROUNDINGS}
    USED: {"files", "folders", "checks": [path], "runs": [[file, first line]],
     "programs", "servers", "variables": [name]}
    SURROUNDINGS: {"path", "sources": [folder], "imports": {folder: [name]}, "settings": [file],
     "folders": [of tests], "homes": [file of tests], "written": [file]}; `sources` are folders that are not installed

`everywhere` is what ran or was read outside of any single test: imports, collection, fixtures wider than a function,
functions that keep their result. Every test may depend on it. Paths are whole; a line of 0 is the module itself.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .calls import Monitor
from .places import HERE, INSTALLED
from .tracer import Tracer
from .uses import Uses, nothing, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .choice import Deselection

NAME = "samplemind_observations"
SETS = ("folders", "homes", "settings", "written", "path", "sources")


class ProcessWatch:
    """What this process uses, from the moment this file is imported if the command line asks for it."""

    def __init__(self) -> None:
        self.uses = Uses(os.getcwd())
        self.calls: Monitor | Tracer = (Monitor if hasattr(sys, "monitoring") else Tracer)(self.uses)
        sys.addaudithook(self.uses.audit)
        self.blind = self.calls.start()


class Observer:
    """What one process (the session, or one xdist worker) saw."""

    def __init__(self, config: Any, choice: Deselection | None, watch: ProcessWatch | None) -> None:
        self.record = config.option.samplemind_record
        self.choice = choice
        self.watch = watch
        self.everywhere = self.watch.uses.everywhere if self.watch else nothing()
        self.blind = self.watch.blind if self.watch else None
        self.tests: dict[str, dict[str, Any]] = {}
        self.items: dict[str, dict[str, set[Any]]] = {}
        self.surroundings: dict[str, Any] = {"imports": {}, **{kind: set() for kind in SETS}}
        self.complete, self.interrupted = True, False

    def for_all(self) -> Any:
        """What is used meanwhile belongs to every test."""
        return self.watch.uses.attributed(self.everywhere) if self.watch else nullcontext()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """What is used until its end belongs to this test."""
        if not self.watch:
            yield
            return
        used = self.items[item.nodeid] = nothing()
        if not isinstance(item, pytest.Function):  # a doctest, or another plugin's: the file is the test
            used["files"].add(str(item.path))
        with self.watch.uses.attributed(used):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        """A fixture wider than a function works once and for many tests: what it uses belongs to all."""
        with nullcontext() if fixturedef.scope == "function" else self.for_all():
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_generate_tests(self) -> Iterator[None]:
        """Parameters and their names may be computed by the project."""
        with self.for_all():
            yield

    def pytest_collection_finish(self, session: Any) -> None:
        """Where the tests are: a new conftest.py there would count."""
        for item in session.items if self.watch else ():
            self.surroundings["homes"].add(str(item.path))
            self.surroundings["folders"].add(os.path.dirname(str(item.path)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Hand over what the test used; a report's attributes travel from an xdist worker."""
        outcome: Any = yield
        if self.watch and call.when == "teardown":
            if not self.watch.calls.intact():
                self.items[item.nodeid]["programs"].add("another tracer")
            outcome.get_result().samplemind_used = plain(self.items.pop(item.nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Sum up set-up, call and teardown."""
        test = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "outcome": "passed", "used": None})
        test["seconds"] += report.duration
        if test["outcome"] != "failed" and report.outcome != "passed":
            test["outcome"] = report.outcome
        test["used"] = getattr(report, "samplemind_used", test["used"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Take over what a worker saw; one that crashed leaves the rest unknown."""
        seen = getattr(node, "workeroutput", {}).get("samplemind")
        self.complete = self.complete and not error and seen is not None
        if not seen:
            return
        for kind, found in seen["everywhere"].items():
            self.everywhere[kind].update(tuple(x) if isinstance(x, list) else x for x in found)
        self.blind = self.blind or seen["blind"]
        for kind in SETS:
            self.surroundings[kind].update(seen["surroundings"][kind])
        for folder, names in seen["surroundings"]["imports"].items():
            self.surroundings["imports"].setdefault(folder, set()).update(names)
        if self.choice:
            self.choice.left_out, self.choice.missing = seen["left_out"], seen["missing"]
            self.choice.cut = seen["cut"]

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Tell Ctrl-C from errors while the tests were collected and from -x with workers: interrupts to pytest."""
        self.interrupted = type(excinfo.value) is KeyboardInterrupt or isinstance(excinfo.value, pytest.exit.Exception)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Tell a whole run from one that was cut short; nothing to run because nothing changed is no error."""
        if self.watch:
            self.see(session.config)
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["samplemind"] = self.told()
            return
        # 5: nothing was selected. A test cut short by Ctrl-C, -x or a crash leaves the rest unknown.
        stopped = session.shouldstop or session.shouldfail or int(exitstatus) not in (0, 1, 5)
        self.complete = self.complete and not stopped
        if int(exitstatus) == pytest.ExitCode.NO_TESTS_COLLECTED and self.choice and self.choice.left_out:
            session.exitstatus = pytest.ExitCode.OK

    def pytest_unconfigure(self, config: Any) -> None:
        """Write the record, after the last worker."""
        if not hasattr(config, "workerinput"):
            self.watch = None
            seen = {"tests": self.tests, "complete": self.complete, "interrupted": self.interrupted, **self.told()}
            Path(self.record).write_text(json.dumps(seen), encoding="utf-8")

    def see(self, config: Any) -> None:
        """Note what was imported and from where, the plugins, the settings and this Python."""
        around, uses = self.surroundings, self.watch.uses  # type: ignore[union-attr]
        for name, module in list(sys.modules.items()):
            self.see_module(uses, name, getattr(module, "__file__", None))
        for plugin in config.pluginmanager.get_plugins():  # a new hook in one is called by nobody that was seen
            file = getattr(plugin, "__file__", None) or getattr(
                sys.modules.get(type(plugin).__module__), "__file__", None
            )
            if file and os.path.isfile(file):
                self.everywhere["files"].add(os.path.abspath(file))
        for name, folders in uses.imports:
            for folder in folders:
                whole = os.path.abspath(folder or ".")
                around["imports"].setdefault(whole, set()).add(name)
        around["path"].update(os.path.abspath(folder or ".") for folder in sys.path)
        around["path"].discard(os.path.dirname(HERE))
        around["imports"].pop(os.path.dirname(HERE), None)
        around["settings"].update(filter(None, [config.inipath and str(config.inipath)]))
        around["sources"].update(
            folder for folder in around["path"] if not uses.files.is_installed(os.path.join(folder, NAME))
        )
        for name, module in list(sys.modules.items()):
            if name.startswith("__editable__"):  # setuptools' way to link a package into an environment
                around["sources"].update(map(str, getattr(module, "MAPPING", {}).values()))
        around["written"].update(uses.written)

    def see_module(self, uses: Uses, name: str, file: str | None) -> None:
        """A module of the project ran; one that is installed is a file. A new one in front would count."""
        if file and os.path.isabs(file) and os.path.isfile(file) and not uses.generated(file):
            mine = file.endswith(".py") and not uses.files.is_installed(file)
            self.everywhere["runs" if mine else "files"].add((file, 0) if mine else file)
        parent = name.rpartition(".")[0]
        if not parent or not (file or "").startswith(INSTALLED):
            uses.imported(name)

    def told(self) -> dict[str, Any]:
        """What one process has to tell another, as JSON knows it."""
        around = {kind: sorted(found) for kind, found in self.surroundings.items() if kind != "imports"}
        around["imports"] = {folder: sorted(names) for folder, names in self.surroundings["imports"].items()}  # type: ignore[assignment]
        return {
            "everywhere": plain(self.everywhere),
            "blind": self.blind,
            "surroundings": around,
            "left_out": self.choice.left_out if self.choice else 0,
            "missing": self.choice.missing if self.choice else [],
            "cut": self.choice.cut if self.choice else "",
        }
