"""The measurements that `bench run --save NAME` keeps: one of each commit, in files that only their user can read."""

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

LONGEST = 200  # bytes of a name as a folder's
CHANGED = "changed"  # in a file's name: the tracked files were not those of the commit
NOWHERE = "none"  # in a file's name: there is no commit


class Baselines:
    """The kept measurements of one project, by name."""

    def __init__(self, state_dir: str, project: git.Repository) -> None:
        self.project = project
        self.root = Path(state_dir) / "bench"
        self.folder = self.root / digest(os.fsencode(project.root))

    def checked(self, name: str) -> str:
        """A name to keep something under. Raises UsageError when it cannot be one."""
        if not name or "@" in name or len(_quoted(name)) > LONGEST:
            raise UsageError(f"{name!r} cannot be the name of a baseline", "a short name without @, such as main")
        return name

    def save(self, name: str, document: Mapping[str, Any]) -> Path:
        """Keep a document; it replaces what is kept of this very commit. Raises SamplemindError."""
        commit, changed = self.project.commit, self.project.changed
        kept = {"name": name, "commit": commit, "changed": changed, **document}
        mark = "-".join([commit or NOWHERE, *([CHANGED] if changed else [])])
        folder = self.folder / _quoted(name)
        file = folder / f"{time.time_ns():020d}-{mark}.json"
        older = list(folder.glob(f"*-{mark}.json")) if commit and not changed else []
        try:
            files.private_folder(self.root, self.folder.name, folder.name)
            files.write(file, json.dumps(kept).encode())
        except OSError as error:
            problem = f"cannot keep the measurement in {folder}: {error.strerror}"
            raise SamplemindError(problem, files.remedy(error)) from error
        for old in older:
            with suppress(OSError):
                old.unlink()
        return file

    def find(self, wanted: str) -> dict[str, Any]:
        """The newest that is kept under NAME, or with NAME@REF that of a commit. Raises UsageError."""
        name, _, ref = wanted.partition("@")
        found = self._files(name)
        if ref:
            commit = git.resolve(self.project.root, ref).commit
            found = [file for file in found if file.stem.split("-")[1] == commit]
        if not found:
            names = ", ".join(self.names())
            hint = f"kept: {names}" if names else f"samplemind bench run --save {name or 'NAME'} -- COMMAND"
            raise UsageError(f"no results are saved as {wanted!r}", hint)
        return gate.load(found[-1])

    def names(self) -> list[str]:
        """Under what names something is kept."""
        with suppress(OSError):
            return sorted(unquote(folder.name) for folder in self.folder.iterdir() if any(folder.glob("*.json")))
        return []

    def all(self, name: str) -> Iterator[dict[str, Any] | UsageError]:
        """What is kept under a name, oldest first; instead of a broken file what is wrong with it."""
        for file in self._files(name):
            try:
                yield gate.load(file)
            except UsageError as error:
                yield error

    def _files(self, name: str) -> list[Path]:
        return sorted((self.folder / _quoted(name)).glob("[0-9]*-*.json")) if name else []


def _quoted(name: str) -> str:
    """As one folder's name, also where it has slashes or is a dot."""
    return quote(name, safe="").replace(".", "%2E")
