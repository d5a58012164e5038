"""The lines of a batch's input: OpenAI's `{custom_id, method, url, body}`, or just `{"prompt": …}`."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from blake3 import blake3

from samplemind_cli.errors import UsageError
from samplemind_cli.formats.fields import BadRequestError, Fields, document

LARGEST = 100_000_000  # bytes of a line; no provider takes as many
OURS = "batch_req_sm"  # how the ids of our answers begin
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class BatchLine:
    """One line: its number in the file, what it is called, the id of its answer, its fields or what is wrong with it.

    A line without a `custom_id` is called `line-NUMBER`. The id is made of what the line says.
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
            whole = raw
            while len(whole) > LARGEST and not whole.endswith(b"\n") and (whole := file.readline(LARGEST + 1)):
                pass  # the rest of a line that is too long
            text = (raw.removeprefix(_BOM) if number == 1 else raw).strip()
            if text:
                yield _line(number, text)


def count(path: Path) -> int:
    """How many lines there are to answer. Raises UsageError where two are called the same, or there is none."""
    seen: dict[int, int] = {}
    found = 0
    for line in read(path):
        found += 1
        first = seen.setdefault(digest(line.custom_id), line.number)
        if first != line.number:
            why = f"{path}: lines {first} and {line.number} have one custom_id, {line.custom_id!r}"
            raise UsageError(why, "give each line a custom_id of its own, or none")
    if not found:
        raise UsageError(f"{path} contains no lines to answer", """echo '{"prompt": "Name a band"}' > IN.jsonl""")
    return found


def digest(text: str) -> int:
    """64 bits that stand for a text: a file's names and ids take little room as these."""
    return int.from_bytes(blake3(text.encode("utf-8", "replace")).digest(8))


def _line(number: int, text: bytes) -> BatchLine:
    unnamed = f"line-{number}"
    if len(text) > LARGEST:
        wrong = BadRequestError(f"the line is larger than {LARGEST // 1_000_000} MB", "too_large", status=413)
        return BatchLine(number, unnamed, _id(unnamed, text), Fields({}), wrong)
    try:
        fields = document(text)
        custom_id = fields.get("custom_id", str) or unnamed
        said = json.dumps(fields.raw, sort_keys=True).encode()
    except BadRequestError as wrong:
        return BatchLine(number, unnamed, _id(unnamed, text), Fields({}), wrong)
    except RecursionError:
        deep = BadRequestError("the line is nested too deeply")
        return BatchLine(number, unnamed, _id(unnamed, text), Fields({}), deep)
    return BatchLine(number, custom_id, _id(custom_id, said), fields)


def _id(custom_id: str, said: bytes) -> str:
    return OURS + blake3(custom_id.encode() + b"\0" + said).hexdigest(12)
