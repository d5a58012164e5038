"""Finds the project: its folder, its pytest settings and its markers."""

import configparser
import os
import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplemind_cli.errors import UsageError

CONFIGS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg")
ALWAYS = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")  # pytest's own files count even when empty
ROOTS = ("pyproject.toml", "setup.cfg", "setup.py", "tox.ini")


@dataclass(frozen=True, slots=True)
class Project:
    """`markers`: the declared names; `addopts`: the arguments that its settings add to every command line."""

    root: Path
    config: Path | None
    markers: frozenset[str]
    addopts: tuple[str, ...]


def find_project(start: Path) -> Project:
    """The nearest folder with pytest's settings, as pytest searches for them; else the nearest project; else `start`.

    Raises UsageError for settings that cannot be read.
    """
    folders = (start, *start.parents)
    for folder in folders:
        for name in CONFIGS:
            options = _pytest_options(folder / name)
            if options is not None:
                return _configured(folder / name, options)
    for folder in folders:
        if any(os.path.isfile(folder / name) for name in ROOTS):
            return _project(folder, None, {})
    return _project(start, None, {})


def _configured(file: Path, options: Mapping[str, Any]) -> Project:
    try:
        return _project(file.parent, file, options)
    except (AttributeError, TypeError, ValueError) as error:  # such as an unclosed quote, or a number for a list
        raise UsageError(f"cannot read pytest's settings in {file}: {error}", f"fix {file}") from error


def _project(root: Path, config: Path | None, options: Mapping[str, Any]) -> Project:
    markers, addopts = options.get("markers", ()), options.get("addopts", ())
    lines = markers.splitlines() if isinstance(markers, str) else markers
    names = frozenset(match[0] for line in lines if (match := re.match(r"\s*(\w+)", line)))
    words = shlex.split(addopts) if isinstance(addopts, str) else addopts
    return Project(root, config, names, tuple(words))


def _pytest_options(file: Path) -> Mapping[str, Any] | None:
    """The options of pytest in this file; None if it has none or does not exist."""
    try:
        if not os.path.isfile(file):
            return None
        options = _toml(file) if file.suffix == ".toml" else _ini(file)
    except (OSError, ValueError, AttributeError, configparser.Error) as error:
        raise UsageError(f"cannot read {file}: {error}", f"fix {file}") from error
    return options if options is not None or file.name not in ALWAYS else {}


def _toml(file: Path) -> Mapping[str, Any] | None:
    document = tomllib.loads(file.read_text("utf-8"))
    if file.name != "pyproject.toml":
        return document.get("pytest")
    table = document.get("tool", {}).get("pytest")
    return None if table is None else table.get("ini_options", table)


def _ini(file: Path) -> Mapping[str, Any] | None:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(file.read_text("utf-8"))
    section = "tool:pytest" if file.name == "setup.cfg" else "pytest"
    return parser[section] if parser.has_section(section) else None
