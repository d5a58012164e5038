# ruff: noqa: INP001 - the folder is on a path of its own
"""A pytest plugin: what other plugins do in every process, without need, left out. Loaded by path, as the observer.

testmon runs everything again when a package comes, goes or changes its version, and parses each one's whole description
for the two. It starts coverage, which notes who did so with the source of every caller, for an error that it never has.
Hypothesis is imported at the end, a seventh of a second, to say that it has nothing to say.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from importlib.metadata import Distribution


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Before testmon begins."""
    if getattr(config.option, "testmon", False):
        import coverage.collector
        import testmon.common

        coverage.collector.short_stack = lambda *_: "testmon"  # type: ignore[attr-defined]
        testmon.common.get_system_packages_raw = lambda: map(name_and_version, distributions())


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any) -> None:
    """Before the summary: Hypothesis has to say what it was asked for, and what it left in a worker's reports."""
    plugins = session.config.pluginmanager
    theirs, told = plugins.get_plugin("hypothesispytest"), plugins.get_plugin("terminalreporter")
    asked = getattr(session.config.option, "hypothesis_show_statistics", False)
    if theirs and told and not asked and "hypothesis" not in sys.modules:
        reports = [report for several in told.stats.values() for report in several]
        if not any(hasattr(report, "_hypothesis_failing_examples") for report in reports):
            plugins.unregister(theirs)


def name_and_version(package: Distribution) -> tuple[str, str]:
    """As the package's metadata say, or as importlib finds them."""
    header = (package.read_text("METADATA") or package.read_text("PKG-INFO") or "").partition("\n\n")[0]
    fields = dict(field.split(": ", 1) for field in header.splitlines() if field.startswith(("Name: ", "Version: ")))
    try:
        return fields["Name"], fields["Version"]
    except KeyError:
        return package.metadata["Name"], package.version
