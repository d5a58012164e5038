"""The durations and outcomes of earlier runs, in one process and in parallel."""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files
from samplemind_cli.errors import UsageError
from samplemind_cli.testing.fingerprints import digest

# Seconds that two workers need longer than one process to start and collect (2.3 s against 0.9 s, with no tests).
START = 1.4
ALONE, PARALLEL = "alone", "parallel"


def folder(state_dir: str, root: Path, *, needed: bool) -> Path:
    """The folder in which this project's history is stored; it is created.

    Raises UsageError if it is `needed` and cannot be written to.
    """
    path = Path(state_dir) / "tests" / digest(os.fsencode(root))
    with suppress(OSError):
        files.private_folder(state_dir, *path.parts[-2:])
    if needed and not os.access(path, os.W_OK | os.X_OK):
        problem = f"the tests' dependencies cannot be recorded: {path} is not writable"
        raise UsageError(problem, files.elsewhere())
    return path


def read(file: Path) -> dict[str, Any]:
    """A stored JSON object; empty if it is missing or broken."""
    try:
        document = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Store a document atomically. Raises OSError."""
    files.write(file, json.dumps(document).encode())


class History:
    """Seconds and outcomes of each test, and which tests each selection ran last."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = {}
        self.selections: dict[str, list[str]] = {}
        self.outcomes: dict[str, dict[str, str]] = {}
        with suppress(LookupError, TypeError, ValueError, AttributeError):  # `add` did not write it
            stored = read(file)
            self.seconds = {name: float(seconds) for name, seconds in stored["seconds"].items()}
            self.selections = {name: list(tests) for name, tests in stored["selections"].items()}
            self.outcomes = {name: dict(outcomes) for name, outcomes in stored.get("outcomes", {}).items()}

    def add(self, selection: str | None, tests: Mapping[str, Mapping[str, Any]], how: str = ALONE) -> None:
        """Store a run that was not cut short; `selection` is None for a part of one. Raises OSError."""
        self.seconds |= {name: round(test["seconds"], 4) for name, test in tests.items()}
        for name, test in tests.items():
            self.outcomes.setdefault(name, {})[how] = test.get("outcome", "passed")
        if selection:
            self.selections[selection] = sorted(tests)
        write(self.file, {"seconds": self.seconds, "selections": self.selections, "outcomes": self.outcomes})

    def same_in_parallel(self, tests: Iterable[str] | None) -> bool:
        """Whether each of these tests had the same outcome in parallel as alone; False if that is unknown."""
        known = [self.outcomes.get(name, {}) for name in tests or ()]
        return bool(known) and all(ALONE in how and how[ALONE] == how.get(PARALLEL) for how in known)

    def parallel_pays(self, tests: Iterable[str] | None, cpus: int) -> bool:
        """Whether workers that run a whole file each are faster than one process; for unknown tests they are."""
        if tests is None:
            return cpus > 1
        files: defaultdict[str, float] = defaultdict(float)
        for name in tests:
            files[name.split("::")[0]] += self.seconds.get(name, 0.0)
        alone = sum(files.values())
        return max([*files.values(), alone / cpus], default=0.0) + START < alone


def last_failed(root: Path) -> list[str]:
    """The failed tests in pytest's own cache."""
    return list(read(root / ".pytest_cache" / "v" / "cache" / "lastfailed"))
