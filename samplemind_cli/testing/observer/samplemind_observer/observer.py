"""Observes the tests of one pytest process.

The record, written to the file of `--samplemind-record` at the end of the session:

    {"complete", "interrupted", "missing": [case], "cut": digest, "blind": reason or null,
     "tests": {node id: {"seconds", "outcome", "used": USED}}, "everywhere": USED, "surroundings": SURROUNDINGS}
    USED: {"files", "folders", "checks": [path], "runs": [[file, first line]],
     "programs", "servers", "variables": [name]}
    SURROUNDINGS: {"path", "sources": [folder], "imports": {folder: [name]}, "settings": [file],
     "folders": [of tests], "homes": [file of tests], "written": [file]}; `sources` are folders that are not installed

`everywhere` is what ran or was read outside of a single test: imports, collection, fixtures wider than a function,
functions that cache their result. Every test may depend on it. Paths are absolute; line 0 is the module itself.
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
    """Observes what this process uses."""

    def __init__(self) -> None:
        self.uses = Uses(os.getcwd())
        self.calls: Monitor | Tracer = (Monitor if hasattr(sys, "monitoring") else Tracer)(self.uses)
        sys.addaudithook(self.uses.audit)
        self.blind = self.calls.start()


class Observer:
    """The record of one process: the session, or one xdist worker."""

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
        """Attribute to all tests what is used in this block."""
        return self.watch.uses.attributed(self.everywhere) if self.watch else nullcontext()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """Attribute to this test what is used until its end."""
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
        """Attribute to all tests what a fixture wider than a function uses, as it runs once for many."""
        with nullcontext() if fixturedef.scope == "function" else self.for_all():
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_generate_tests(self) -> Iterator[None]:
        """Attribute to all tests what the project's code for parameters and their names uses."""
        with self.for_all():
            yield

    def pytest_collection_finish(self, session: Any) -> None:
        """Record the folders of the tests: a new conftest.py there would count."""
        for item in session.items if self.watch else ():
            self.surroundings["homes"].add(str(item.path))
            self.surroundings["folders"].add(os.path.dirname(str(item.path)))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Iterator[None]:
        """Put what the test used into its report, whose attributes xdist sends to the controller."""
        outcome: Any = yield
        if self.watch and call.when == "teardown":
            if not self.watch.calls.intact():
                self.items[item.nodeid]["programs"].add("another tracer")
            outcome.get_result().samplemind_used = plain(self.items.pop(item.nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Add up set-up, call and teardown."""
        test = self.tests.setdefault(report.nodeid, {"seconds": 0.0, "outcome": "passed", "used": None})
        test["seconds"] += report.duration
        if test["outcome"] != "failed" and report.outcome != "passed":
            test["outcome"] = report.outcome
        test["used"] = getattr(report, "samplemind_used", test["used"])

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """Merge a worker's record; after a crash the rest is unknown."""
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
        """Distinguish Ctrl-C from collection errors, and from -x with workers, which pytest treats as interrupts."""
        self.interrupted = type(excinfo.value) is KeyboardInterrupt or isinstance(excinfo.value, pytest.exit.Exception)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Decide whether the run was complete; no tests because nothing has changed is not an error."""
        if self.watch:
            self.see(session.config)
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["samplemind"] = self.as_json()
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
            seen = {"tests": self.tests, "complete": self.complete, "interrupted": self.interrupted, **self.as_json()}
            Path(self.record).write_text(json.dumps(seen), encoding="utf-8")

    def see(self, config: Any) -> None:
        """Record the imported modules and their folders, the plugins, the settings and this Python."""
        around, uses = self.surroundings, self.watch.uses  # type: ignore[union-attr]
        for name, module in list(sys.modules.items()):
            self.see_module(uses, name, getattr(module, "__file__", None))
        for plugin in config.pluginmanager.get_plugins():  # no recorded code calls a new hook in one
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
            if name.startswith("__editable__"):  # setuptools links an editable package by such a module
                around["sources"].update(map(str, getattr(module, "MAPPING", {}).values()))
        around["written"].update(uses.written)

    def see_module(self, uses: Uses, name: str, file: str | None) -> None:
        """Record a module: the project's as code that ran, an installed one as a file; and where it was searched."""
        if file and os.path.isabs(file) and os.path.isfile(file) and not uses.generated(file):
            mine = file.endswith(".py") and not uses.files.is_installed(file)
            self.everywhere["runs" if mine else "files"].add((file, 0) if mine else file)
        parent = name.rpartition(".")[0]
        if not parent or not (file or "").startswith(INSTALLED):
            uses.imported(name)

    def as_json(self) -> dict[str, Any]:
        """The part of the record that a worker sends to the controller, as JSON."""
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
