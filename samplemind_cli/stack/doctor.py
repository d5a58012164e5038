"""Runs the checks in parallel, and fixes the few things that are safe to fix."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from samplemind_cli import paths
from samplemind_cli.errors import SamplemindError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import docker
from samplemind_cli.stack.checks import CHECKS, Finding
from samplemind_cli.stack.facts import Facts, gathered


def examine(settings: Settings, error: SamplemindError | None = None) -> tuple[Facts, dict[str, Finding]]:
    """Every check's finding by its id, in the order of CHECKS; `error`: why `settings` are only the defaults."""
    with ThreadPoolExecutor(max_workers=len(CHECKS)) as pool:
        facts = gathered(settings, error, pool)
        findings = {check.__name__.replace("_", "-"): pool.submit(check, facts) for check in CHECKS}
        return facts, {name: finding.result() for name, finding in findings.items()}


def mend(facts: Facts, findings: dict[str, Finding]) -> list[str]:
    """Fix what is safe to fix: it removes only what can be made again. Returns what was done, a line each."""
    bad = [name for name, finding in findings.items() if finding.verdict in ("warn", "fail")]
    return [MENDS[name](facts) for name in bad if name in MENDS]


def _forget_record(facts: Facts) -> str:
    file = Path(facts.settings.state_dir) / paths.STACK_FILE
    file.unlink(missing_ok=True)
    return f"removed {file}; the next `samplemind up` writes it again"


def _prune(_facts: Facts) -> str:
    """Remove untagged images, and layers that no build used for a week: a build makes them again."""
    with docker.translated():
        client = docker.client()
        client.image.prune()
        lines: Iterable[Any] = client.buildx.prune(filters={"until": "168h"}, stream_logs=True)
        *_, total = map(str, lines)  # python-on-whales' annotation is wrong
    return f"removed untagged images and build layers unused for a week ({' '.join(total.split())})"


MENDS: dict[str, Callable[[Facts], str]] = {"record": _forget_record, "disk": _prune}
