"""Caches the pieces of the project's Python files by content: a later run parses only changed files."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files
from samplemind_cli.testing.fingerprints import DIGITS, Contents, digest
from samplemind_cli.testing.pieces import Pieces, parse


class ParsedFiles:
    """Pieces by the digest of the text that was parsed, so that a file saved meanwhile cannot get wrong pieces."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.known: dict[str, Pieces] = {}
        self.used: dict[str, Pieces] = {}
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # `save` did not write it
            self.known = _stored(json.loads(file.read_bytes())) if file else {}

    def of(self, path: str, contents: Contents) -> Pieces:
        """The pieces of this file as `contents` has it; none if it does not exist."""
        name = contents.of(path)[:DIGITS]
        if name not in self.known:
            try:
                source = Path(path).read_bytes()
            except OSError:
                return Pieces({})
            name = digest(source)  # it may have changed since
            self.known[name] = parse(source)
        self.used[name] = self.known[name]
        return self.used[name]

    def save(self) -> None:
        """Store the pieces that were used. Raises OSError."""
        if not self.file:
            return
        used = {name: [one.by_line, one.spans, sorted(one.imports)] for name, one in self.used.items()}
        files.write(self.file, json.dumps({"python": sys.version, "files": used}).encode())


def _stored(document: dict[str, Any]) -> dict[str, Pieces]:
    return {name: _read(*parts) for name, parts in document["files"].items() if document["python"] == sys.version}


def _read(by_line: dict[str, str], spans: list[list[int]], imports: list[str]) -> Pieces:
    lines = {int(line): str(value) for line, value in by_line.items()}
    return Pieces(lines, [(first, last) for first, last in spans], frozenset(imports))
