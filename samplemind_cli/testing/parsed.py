"""What the project's Python files consist of, remembered by their content: a later run parses only what has changed."""

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files
from samplemind_cli.testing.fingerprints import DIGITS, Contents, digest
from samplemind_cli.testing.pieces import Pieces, parse


class ParsedFiles:
    """By the digest of the text that was parsed, so that no race with an editor gives a file another one's pieces."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.known: dict[str, Pieces] = {}
        self.used: dict[str, Pieces] = {}
        with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):  # it is not as `save` writes it
            self.known = _remembered(json.loads(file.read_bytes())) if file else {}

    def of(self, path: str, contents: Contents) -> Pieces:
        """The pieces of this file as `contents` has it; none when it is gone."""
        name = contents.of(path)[:DIGITS]
        if name not in self.known:
            try:
                source = Path(path).read_bytes()
            except OSError:
                return Pieces({})
            name = digest(source)  # perhaps another one by now
            self.known[name] = parse(source)
        self.used[name] = self.known[name]
        return self.used[name]

    def save(self) -> None:
        """Remember those that were asked for. Raises OSError."""
        if not self.file:
            return
        found = {name: [one.by_line, one.spans, sorted(one.imports)] for name, one in self.used.items()}
        files.write(self.file, json.dumps({"python": sys.version, "files": found}).encode())


def _remembered(document: dict[str, Any]) -> dict[str, Pieces]:
    return {name: _read(*parts) for name, parts in document["files"].items() if document["python"] == sys.version}


def _read(by_line: dict[str, str], spans: list[list[int]], imports: list[str]) -> Pieces:
    lines = {int(line): str(value) for line, value in by_line.items()}
    return Pieces(lines, [(first, last) for first, last in spans], frozenset(imports))
