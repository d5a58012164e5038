# ruff: noqa: INP001 - the folder is on a path of its own
"""A pytest plugin: what testmon does at each start, in each process, in a fraction of its time.

It runs everything again when a package comes, goes or changes its version, and parses each one's whole description for
the two. It starts coverage, which notes who did so with the source of every caller, for an error that it never has.
Loaded by path into the project's own Python, as the observer.
"""

from __future__ import annotations

from importlib.metadata import distributions
from typing import TYPE_CHECKING

import coverage.collector
import pytest
import testmon.common

if TYPE_CHECKING:
    from importlib.metadata import Distribution


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Before testmon begins."""
    coverage.collector.short_stack = lambda *_: "testmon"  # type: ignore[attr-defined]
    testmon.common.get_system_packages_raw = lambda: map(name_and_version, distributions())


def name_and_version(package: Distribution) -> tuple[str, str]:
    """As the package's metadata say, or as importlib finds them."""
    header = (package.read_text("METADATA") or package.read_text("PKG-INFO") or "").partition("\n\n")[0]
    fields = dict(field.split(": ", 1) for field in header.splitlines() if field.startswith(("Name: ", "Version: ")))
    try:
        return fields["Name"], fields["Version"]
    except KeyError:
        return package.metadata["Name"], package.version
