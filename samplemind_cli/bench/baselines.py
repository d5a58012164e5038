"""Stores the results of `bench run --save NAME`: one set per commit, in files that only their user can read."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

from samplemind_cli import files
from samplemind_cli.bench import gate, git
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.testing.fingerprints import digest

LONGEST = 200  # bytes of a name, which becomes a folder's
CHANGED = "changed"  # in a file's name: tracked files differed from the commit
NOWHERE = "none"  # in a file's name: there was no commit


class Baselines:
    """The stored results of one project, by name."""

    def __init__(self, state_dir: str, project: git.Repository) -> None:
        self.project = project
        self.root = Path(state_dir) / "bench"
        self.folder = self.root / digest(os.fsencode(project.root))

    def checked(self, name: str) -> str:
        """The name, if it is valid. Raises UsageError."""
        if not name or "@" in name or len(_quoted(name)) > LONGEST:
            raise UsageError(f"{name!r} cannot be the name of a baseline", "a short name without @, such as main")
        return name

    def save(self, name: str, document: Mapping[str, Any]) -> Path:
        """Store results; they replace earlier ones of the same commit. Raises SamplemindError."""
        commit, changed = self.project.commit, self.project.changed
        stored = {"name": name, "commit": commit, "changed": changed, **document}
        mark = "-".join([commit or NOWHERE, *([CHANGED] if changed else [])])
        folder = self.folder / _quoted(name)
        file = folder / f"{time.time_ns():020d}-{mark}.json"
        older = list(folder.glob(f"*-{mark}.json")) if commit and not changed else []
        try:
            files.private_folder(self.root, self.folder.name, folder.name)
            files.write(file, json.dumps(stored).encode())
        except OSError as error:
            problem = f"cannot keep the measurement in {folder}: {error.strerror}"
            raise SamplemindError(problem, files.remedy(error)) from error
        for old in older:
            with suppress(OSError):
                old.unlink()
        return file

    def find(self, reference: str) -> dict[str, Any]:
        """The newest results under NAME, or with NAME@REF those of a commit. Raises UsageError."""
        name, _, ref = reference.partition("@")
        matching = self._files(name)
        if ref:
            commit = git.resolve(self.project.root, ref).commit
            matching = [file for file in matching if file.stem.split("-")[1] == commit]
        if not matching:
            names = ", ".join(self.names())
            hint = f"kept: {names}" if names else f"samplemind bench run --save {name or 'NAME'} -- COMMAND"
            raise UsageError(f"no results are saved as {reference!r}", hint)
        return gate.load(matching[-1])

    def names(self) -> list[str]:
        """The names under which results are stored."""
        with suppress(OSError):
            return sorted(unquote(folder.name) for folder in self.folder.iterdir() if any(folder.glob("*.json")))
        return []

    def all(self, name: str) -> Iterator[dict[str, Any] | UsageError]:
        """The results under a name, oldest first; for a broken file, the error."""
        for file in self._files(name):
            try:
                yield gate.load(file)
            except UsageError as error:
                yield error

    def _files(self, name: str) -> list[Path]:
        return sorted((self.folder / _quoted(name)).glob("[0-9]*-*.json")) if name else []


def _quoted(name: str) -> str:
    """The name as a folder's, without slashes and dots."""
    return quote(name, safe="").replace(".", "%2E")
