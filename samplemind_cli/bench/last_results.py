"""Stores the last results of the scoreboard and of A/B comparisons, in files that only their user can read."""

import json
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files
from samplemind_cli.bench import git
from samplemind_cli.bench.board import ROWS
from samplemind_cli.errors import SamplemindError
from samplemind_cli.testing.fingerprints import digest

BOARD, COMPARISONS = "board", "ab"  # folders beside those of the baselines
MOST = 50  # comparisons of one project
LARGEST = 10_000_000  # bytes of a file


class LastResults:
    """The last results of `bench` on this machine."""

    def __init__(self, state_dir: str) -> None:
        self._root = Path(state_dir) / "bench"

    def keep_board(self, document: Mapping[str, Any]) -> None:
        """Store each measured row, with its time and machine. Raises SamplemindError."""
        context = {name: document[name] for name in ("samplemind", "when", "machine")}
        for row in document["rows"]:
            if row["now"] is not None:
                self._write((BOARD,), f"{row['key']}.json", {**row, **context})

    def board(self) -> list[dict[str, Any]]:
        """Every row of the board; `when` is None for one never measured."""
        measured = {row["key"]: row for row in _read((self._root / BOARD).glob("*.json")) if row.get("key") in ROWS}
        return [measured.get(key) or _unmeasured(key) for key in ROWS]

    def keep_comparison(self, project: git.Repository, document: Mapping[str, Any]) -> None:
        """Store a comparison of a project, the newest `MOST` of which are kept. Raises SamplemindError."""
        folder = self._comparisons(project)
        self._write((COMPARISONS, folder.name), f"{time.time_ns():020d}.json", document)
        for old in sorted(folder.glob("*.json"))[:-MOST]:
            with suppress(OSError):
                old.unlink()

    def comparisons(self, project: git.Repository) -> list[dict[str, Any]]:
        """The last comparisons of a project, newest first."""
        return _read(sorted(self._comparisons(project).glob("*.json"), reverse=True))

    def _comparisons(self, project: git.Repository) -> Path:
        return self._root / COMPARISONS / digest(os.fsencode(project.root))

    def _write(self, folders: tuple[str, ...], name: str, document: Mapping[str, Any]) -> None:
        try:
            folder = files.private_folder(self._root, *folders)
            files.write(Path(folder, name), json.dumps(document).encode())
        except OSError as error:
            problem = f"the results cannot be kept in {self._root}: {error.strerror}"
            raise SamplemindError(problem, files.remedy(error)) from error


def _read(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """The documents in files, without broken ones, which the next run replaces."""
    documents = []
    for path in paths:
        with suppress(OSError, ValueError):
            documents.append(json.loads(files.read(str(path), LARGEST)))
    return [document for document in documents if isinstance(document, dict)]


def _unmeasured(key: str) -> dict[str, Any]:
    row = ROWS[key]
    fields = {name: getattr(row, name) for name in ("key", "metric", "unit", "baseline", "target", "better")}
    return {**fields, "now": None, "low": None, "high": None, "verdict": "skipped", "when": None}
