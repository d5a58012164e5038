"""The environment as Compose sees it in a folder: the process's own variables over those of its .env file."""

from collections.abc import Mapping
from pathlib import Path

from samplemind_cli import trust
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import environment

PREFIX = "COMPOSE_"


def variables(folder: Path) -> Mapping[str, str]:
    """The variables; an env file that names no COMPOSE_* variable is left out. Raises UsageError.

    Which files are read: https://docs.docker.com/compose/how-tos/environment-variables/envvars-precedence/
    """
    process = environment()
    merged: dict[str, str] = {}
    for file in files(folder, process):
        merged |= _read(file)
    return {**merged, **process}


def files(folder: Path, process: Mapping[str, str]) -> list[Path]:
    """The env files that Compose reads in `folder`, lowest precedence first; they may be absent."""
    if process.get("COMPOSE_DISABLE_ENV_FILE", "").lower() in ("1", "t", "true"):
        return []
    return [folder / name for name in process.get("COMPOSE_ENV_FILES", "").split(",") if name] or [folder / ".env"]


def _read(file: Path) -> dict[str, str]:
    try:
        text = trust.content(file).decode("utf-8-sig", "replace") if trust.present(file) else ""
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error}", f"fix or move {file}") from error
    if PREFIX not in text:  # few have one, and importing the library takes 10 ms
        return {}
    from io import StringIO

    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(stream=StringIO(text)).items() if value is not None}
