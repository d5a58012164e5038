"""A pytest plugin that records each test's duration, outcome and dependencies, and deselects tests.

Loaded by path into the project's own Python, so it imports only the standard library and pytest, any version from 3.9.
With `--samplemind-watch` it starts to observe when it is imported, before other plugins are.
"""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from . import calls, choice, observer, places, stalls, tracer, uses
from .choice import Deselection
from .observer import Observer, ProcessWatch
from .stalls import Stalls

# Coverage omits installed modules; by their real paths `--cov` would count these as the project's.
for _module in (sys.modules[__name__], calls, choice, observer, places, stalls, tracer, uses):
    _module.__file__ = str(Path(pytest.__file__).with_name(Path(str(_module.__file__)).name))
NAME = "samplemind_observations"


def own_environment() -> None:
    """Restore the user's PYTHONPATH: the tests and their programs must not see how this file was found."""
    first, _, others = os.environ.get("PYTHONPATH", "").partition(os.pathsep)
    if first and os.path.join(first, "") == places.HERE:
        os.environ.pop("PYTHONPATH")
        if others:
            os.environ["PYTHONPATH"] = others


own_environment()
watches = [ProcessWatch()] if "--samplemind-watch" in sys.argv else []


def pytest_addoption(parser: Any) -> None:
    """Options rather than environment variables: pytest inside a test does not inherit them."""
    group = parser.getgroup("samplemind")
    group.addoption("--samplemind-record", metavar="FILE", help="write what each test took to this file")
    group.addoption("--samplemind-watch", action="store_true", help="also write what each test used")
    group.addoption("--samplemind-patience", metavar="SECONDS", type=float, default=60.0, help="time until a stall")
    group.addoption("--samplemind-choice", metavar="FILE", help="run the tests that this file selects")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Register the observer once, if requested; a worker starts to observe here, the controller did before."""
    option = config.option
    if not option.samplemind_record or config.pluginmanager.has_plugin(NAME):
        return
    if option.samplemind_watch and any(getattr(option, name, False) for name in ("setuponly", "setupplan")):
        raise pytest.UsageError("--changed would count as passed what --setup-only and --setup-plan do not run")
    if option.samplemind_watch and not watches:
        watches.append(ProcessWatch())
    chooses = Deselection(option.samplemind_choice) if option.samplemind_choice else None
    if chooses:
        config.pluginmanager.register(chooses, f"{NAME}_choice")
    if getattr(option, "numprocesses", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Stalls(option.samplemind_patience, partial(_say, config)), f"{NAME}_stalls")
    config.pluginmanager.register(Observer(config, chooses, watches[0] if option.samplemind_watch else None), NAME)


def _say(config: Any, words: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter:
        reporter.ensure_newline()
        reporter.write_line(words, yellow=True)
        reporter.flush()  # in a pipe it would appear only with the next test's result
