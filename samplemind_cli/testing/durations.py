"""The durations in the project's `.test_durations`, in pytest-split's format.

`--shard` uses no others: durations stored on one machine only would cut the shards differently there.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

from samplemind_cli import files, trust
from samplemind_cli.errors import UsageError

NAME = ".test_durations"
LARGEST = 50_000_000  # bytes: half a million tests


def read(root: Path) -> dict[str, float]:
    """Seconds by node id; empty if there is no such file. Raises UsageError for one that cannot be read."""
    file = root / NAME
    try:
        return {str(name): float(seconds) for name, seconds in json.loads(trust.content(file, LARGEST)).items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise UsageError(
            f"cannot read {file}: {error}", "samplemind test --all --store-durations, then commit it"
        ) from error


def store(root: Path, seconds: Mapping[str, float]) -> Path:
    """Write these; keep the others of test files that still exist. Returns the file. Raises OSError, UsageError."""
    kept = {name: took for name, took in read(root).items() if os.path.exists(root / name.partition("::")[0])}
    rounded = {name: round(took, 3) for name, took in (kept | dict(seconds)).items()}
    file = root / NAME
    files.write(file, (json.dumps(rounded, indent=4, sort_keys=True) + "\n").encode(), mode=0o644)
    return file
