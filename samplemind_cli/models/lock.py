"""models.lock: the digests of the project's models, for version control."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from samplemind_cli import files, paths, trust
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import environment

NAME = "models.lock"
WRONG = {"missing": "is missing", "drifted": "has drifted from models.lock"}  # the states that make `--check` fail


def path(directory: Path, trusted: Iterable[str] = ()) -> Path:
    """The lock beside the nearest trusted samplemind.toml, in `directory` or above it; without one, in `directory`."""
    env = environment()
    projects = paths.settings_files(env, str(directory))[2:]
    project = next((file for file in projects if trust.counts(file, env, trusted)), None)
    return (Path(project).parent if project else directory) / NAME


def read(file: Path) -> dict[str, str]:
    """Digest by model name; empty if there is no lock yet. Raises UsageError for a broken one."""
    try:
        models = json.loads(trust.content(file))["models"]
        return {str(name): str(digest) for name, digest in models.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"cannot read {file}: {error}", f"fix or remove {file}") from error


def write(file: Path, models: Mapping[str, str]) -> None:
    """Replace the lock atomically. Raises UsageError if it cannot be written."""
    text = json.dumps({"version": 1, "models": dict(sorted(models.items()))}, indent=2) + "\n"
    try:
        files.write(file, text.encode(), mode=0o644)
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error}", "check that you can write to this folder") from error


def compared(
    names: Iterable[str], installed: Mapping[str, str], locked: Mapping[str, str]
) -> dict[str, dict[str, str]]:
    """By name: `status` ("missing", "drifted", "present", or "not locked"), and `digest` and `locked`, "" if absent."""
    digests = {name.lower(): digest for name, digest in installed.items()}
    states = {}
    for name in names:
        digest, lock = digests.get(name.lower(), ""), locked.get(name, "")
        status = "missing" if not digest else "not locked" if not lock else "present" if digest == lock else "drifted"
        states[name] = {"status": status, "digest": digest, "locked": lock}
    return states
