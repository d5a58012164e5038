"""The versions of Python and of packages: here, or run by its path with a project's own Python, 3.8 or newer."""

from __future__ import annotations

import json
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def versions(packages: Sequence[str]) -> dict[str, str | None]:
    """The version of "python" and of each package; None: not installed."""
    installed: dict[str, str | None] = {"python": "{}.{}".format(*sys.version_info), **dict.fromkeys(packages)}
    for package in packages:
        try:
            installed[package] = version(package)
        except PackageNotFoundError:
            continue
    return installed


if __name__ == "__main__":
    sys.stdout.write(json.dumps(versions(sys.argv[1:])))
