"""Reads the lines of a batch's input: OpenAI's `{custom_id, method, url, body}`, or just `{"prompt": …}`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from samplemind_cli.errors import UsageError
from samplemind_cli.formats.fields import BadRequestError, Fields, document

LARGEST = 100_000_000  # bytes of a line; no provider accepts as many
OURS = "batch_req_sm"  # the prefix of our answers' ids
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line: its number in the file, its name, its answer's id, and its fields or the error in it.

    The name of a line without a `custom_id` is `line-NUMBER`. The id is a digest of the line.
    """

    number: int
    custom_id: str
    id: str
    fields: Fields
    wrong: BadRequestError | None = None


def read(path: Path) -> Iterator[BatchLine]:
    """The lines of a file that are not blank, one at a time in memory. Raises OSError."""
    with path.open("rb") as file:
        number = 0
        while raw := file.readline(LARGEST + 1):
            number += 1
            piece = raw
            while len(piece) > LARGEST and not piece.endswith(b"\n") and (piece := file.readline(LARGEST + 1)):
                pass  # skip the rest of a line that is too long
            text = (raw.removeprefix(_BOM) if number == 1 else raw).strip()
            if text:
                yield _line(number, text)


def count(path: Path) -> int:
    """The number of lines to answer. Raises UsageError if two have the same name, or there are none."""
    numbers: dict[int, int] = {}
    for line in read(path):
        first = numbers.setdefault(digest(line.custom_id), line.number)
        if first != line.number:
            why = f"{path}: lines {first} and {line.number} have one custom_id, {line.custom_id!r}"
            raise UsageError(why, "give each line a custom_id of its own, or none")
    if not numbers:
        raise UsageError(f"{path} contains no lines to answer", """echo '{"prompt": "Name a band"}' > IN.jsonl""")
    return len(numbers)


def digest(text: str) -> int:
    """A 64-bit digest, which keeps the names and ids of a large file small in memory."""
    return int.from_bytes(blake3(text.encode("utf-8", "replace")).digest(8))


def _line(number: int, text: bytes) -> BatchLine:
    unnamed = f"line-{number}"
    try:
        if len(text) > LARGEST:
            raise BadRequestError(f"the line is larger than {LARGEST // 1_000_000} MB", "too_large", status=413)  # noqa: TRY301 - becomes the line's error
        fields = document(text)
        custom_id = fields.get("custom_id", str) or unnamed
        canonical = json.dumps(fields.raw, sort_keys=True).encode()
    except (BadRequestError, RecursionError) as error:
        wrong = error if isinstance(error, BadRequestError) else BadRequestError("the line is nested too deeply")
        return BatchLine(number, unnamed, _id(unnamed, text), Fields({}), wrong)
    return BatchLine(number, custom_id, _id(custom_id, canonical), fields)


def _id(custom_id: str, content: bytes) -> str:
    return OURS + blake3(custom_id.encode() + b"\0" + content).hexdigest(12)
