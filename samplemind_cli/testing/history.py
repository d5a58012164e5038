"""What tests took before, and how they ended alone and in parallel."""

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

# Seconds by which two workers start and collect later than one process (0.9 s against 2.3 s, nothing to run).
START = 1.4
ALONE, PARALLEL = "alone", "parallel"


def folder(state_dir: str, root: Path, *, needed: bool) -> Path:
    """Where the memory of this project's tests lies; made when missing.

    Raises UsageError when it is `needed` and cannot be written to.
    """
    path = Path(state_dir) / "tests" / digest(os.fsencode(root))
    with suppress(OSError):
        files.private_folder(state_dir, *path.parts[-2:])
    if needed and not os.access(path, os.W_OK | os.X_OK):
        problem = f"the tests' dependencies cannot be recorded: {path} is not writable"
        raise UsageError(problem, files.elsewhere())
    return path


def read(file: Path) -> dict[str, Any]:
    """A remembered document; empty when there is none or it is broken."""
    try:
        found = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def write(file: Path, document: Mapping[str, Any]) -> None:
    """Store it whole or not at all. Raises OSError."""
    files.write(file, json.dumps(document).encode())


class History:
    """Seconds and outcomes of each test, and which tests each selection ran last."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.seconds: dict[str, float] = {}
        self.selections: dict[str, list[str]] = {}
        self.outcomes: dict[str, dict[str, str]] = {}
        with suppress(LookupError, TypeError, ValueError, AttributeError):  # it is not as `add` writes it
            remembered = read(file)
            self.seconds = {name: float(seconds) for name, seconds in remembered["seconds"].items()}
            self.selections = {name: list(tests) for name, tests in remembered["selections"].items()}
            self.outcomes = {name: dict(outcomes) for name, outcomes in remembered.get("outcomes", {}).items()}

    def add(self, selection: str | None, tests: Mapping[str, Mapping[str, Any]], how: str = ALONE) -> None:
        """Remember a run that was not cut short; None: these were a part of their selection. Raises OSError."""
        self.seconds |= {name: round(test["seconds"], 4) for name, test in tests.items()}
        for name, test in tests.items():
            self.outcomes.setdefault(name, {})[how] = test.get("outcome", "passed")
        if selection:
            self.selections[selection] = sorted(tests)
        write(self.file, {"seconds": self.seconds, "selections": self.selections, "outcomes": self.outcomes})

    def same_in_parallel(self, tests: Iterable[str] | None) -> bool:
        """Whether each of these tests was seen to end in parallel as it does alone. Of unknown ones nobody knows."""
        known = [self.outcomes.get(name, {}) for name in tests or ()]
        return bool(known) and all(ALONE in how and how[ALONE] == how.get(PARALLEL) for how in known)

    def parallel_pays(self, tests: Iterable[str] | None, cpus: int) -> bool:
        """Whether workers that share out whole files end sooner than one process; unknown tests: they do."""
        if tests is None:
            return cpus > 1
        files: defaultdict[str, float] = defaultdict(float)
        for name in tests:
            files[name.split("::")[0]] += self.seconds.get(name, 0.0)
        alone = sum(files.values())
        return max([*files.values(), alone / cpus], default=0.0) + START < alone


def last_failed(root: Path) -> list[str]:
    """The tests pytest itself remembers as failed."""
    return list(read(root / ".pytest_cache" / "v" / "cache" / "lastfailed"))
