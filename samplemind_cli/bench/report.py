"""The scoreboard as a document, and the document as a table, CSV and Markdown."""

import csv
import errno
import io
import itertools
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from samplemind_cli import __version__, files
from samplemind_cli.bench import hardware
from samplemind_cli.bench.board import INTERRUPTED, Score
from samplemind_cli.errors import SamplemindError, UsageError

COLUMNS = ("METRIC", "BASELINE", "TARGET", "NOW", "SPREAD", "VERDICT")
FIELDS = ("key", "metric", "unit", "baseline", "target", "now", "low", "high", "samples", "verdict", "note", "reason")
DIGITS = 3


def document(scores: Sequence[Score]) -> dict[str, Any]:
    """What `--json` prints, `--save` keeps and the others are made of; samples in the row's unit, in time's order."""
    return {
        "samplemind": __version__,
        "when": now(),
        "machine": hardware.fingerprint(),
        "rows": [_row(score) for score in scores],
    }


def interrupted(document: Mapping[str, Any] | None) -> bool:
    """Whether Ctrl-C ended its measuring."""
    return document is not None and any(row["reason"] == INTERRUPTED for row in document["rows"])


def writable(*wanted: Path | None) -> None:
    """Find out before the measuring, and not minutes later, that a file cannot be written or is wanted twice."""
    asked = [file for file in wanted if file]
    if len({file.resolve() for file in asked}) < len(asked):
        raise UsageError(f"two reports cannot go to one file: {asked[0]}", "name another for one of them")
    for file in asked:
        new = not os.path.exists(file)
        with _told(file), file.open("a"):
            pass
        if new:
            file.resolve().unlink()  # a link to a file that was not there stays


def write(file: Path, text: str) -> None:
    """A report into a file, whole or not at all; into what cannot be replaced as it comes. Raises SamplemindError."""
    data = text.encode()
    with _told(file):
        if not _replaced(file, data):
            file.write_bytes(data)


def _replaced(file: Path, data: bytes) -> bool:
    """Whether the file is `data` now; a pipe, a mount and a file in somebody else's folder cannot be replaced."""
    if file.exists() and not file.is_file():
        return False
    try:
        files.write(file.resolve(), data, mode=0o644)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EBUSY):
            return False
        raise
    return True


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SamplemindError(f"cannot write {file}: {error.strerror}", "name another file") from error


def now() -> str:
    """The time with its zone, as documents tell it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def table(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The cells under COLUMNS."""
    return [
        (
            row["metric"],
            amount(row["baseline"], row["unit"]),
            _target(row),
            amount(row["now"], row["unit"]),
            spread(row),
            row["verdict"],
        )
        for row in rows
    ]


def remarks(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What stands under the table: on what rows were measured, or why they were not; neighbours share a line."""
    told = [(row["reason"] or row["note"], row["metric"]) for row in rows if row["reason"] or row["note"]]
    return [
        f"{'; '.join(metric for _, metric in same)}: {text}" for text, same in itertools.groupby(told, lambda it: it[0])
    ]


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """One line per row; `samples` is their number."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "samples": len(row["samples"])} for row in rows)
    return out.getvalue()


def as_markdown(found: dict[str, Any], comparison: Sequence[Sequence[str]] = ()) -> str:
    """A table for a pull request, the remarks, and the lines of a comparison, its heads first."""
    notes = "".join(f"- {_escaped(remark)}\n" for remark in remarks(found["rows"]))
    since = f"{_markdown(comparison)}\n" if comparison else ""
    board = _markdown([COLUMNS, *table(found["rows"])])
    return f"{board}\n{notes}\n{since}{hardware.described()}, {found['when']}\n"


def amount(value: float | None, unit: str) -> str:
    """A number with its unit, in three digits; empty for None."""
    if value is None:
        return ""
    digits = f"{value:,.0f}" if abs(value) >= 10**DIGITS else f"{value:.{DIGITS}g}"
    if unit == "$":
        return f"${digits}"
    return f"{digits}{unit}" if unit == "x" else f"{digits} {unit}"


def spread(row: dict[str, Any]) -> str:
    """The interval and how many samples it rests on; a single value has none."""
    if row["now"] is None or len(row["samples"]) == 1:
        return ""
    if row["low"] is None and row["high"] is None:
        return f"n={len(row['samples'])}"
    low, high = (amount(row[bound], "").strip() or "?" for bound in ("low", "high"))
    return f"{low} to {high}, n={len(row['samples'])}"


def _row(score: Score) -> dict[str, Any]:
    now, row = score.now, score.row
    return {
        "key": row.key,
        "metric": row.metric,
        "unit": row.unit,
        "baseline": row.baseline,
        "target": row.target,
        "better": row.better,
        "now": now.middle if now else None,
        "low": now.low if now else None,
        "high": now.high if now else None,
        "verdict": score.verdict,
        "note": score.note,
        "reason": score.reason,
        "samples": list(score.samples),
        "calibration": list(score.calibration),
    }


def _target(row: dict[str, Any]) -> str:
    if row["target"] is None:
        return ""
    return f"{'>=' if row['better'] == 'more' else '<='} {amount(row['target'], row['unit'])}"


def _markdown(lines: Sequence[Sequence[str]]) -> str:
    heads, *rows = lines
    marked = [heads, ["---"] * len(heads), *rows]
    return "".join("| " + " | ".join(_escaped(cell) for cell in line) + " |\n" for line in marked)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
