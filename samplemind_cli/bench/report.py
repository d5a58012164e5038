"""The scoreboard as a JSON document, and the document as table, CSV and Markdown."""

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
    """What `--json` prints and `--save` stores; samples in the row's unit, in the order of measurement."""
    return {
        "samplemind": __version__,
        "when": now(),
        "machine": hardware.fingerprint(),
        "rows": [_row(score) for score in scores],
    }


def interrupted(document: Mapping[str, Any] | None) -> bool:
    """Whether Ctrl-C interrupted the measuring."""
    return document is not None and any(row["reason"] == INTERRUPTED for row in document["rows"])


def check_writable(*targets: Path | None) -> None:
    """Raise an error before the measuring, not minutes later, if a file is not writable or given twice."""
    paths = [file for file in targets if file]
    if len({file.resolve() for file in paths}) < len(paths):
        raise UsageError(f"two reports cannot go to one file: {paths[0]}", "name another for one of them")
    for file in paths:
        new = not os.path.exists(file)
        with _errors_reported(file), file.open("a"):
            pass
        if new:
            file.resolve().unlink()  # a dangling link is left


def write(file: Path, text: str) -> None:
    """Write a report to a file, atomically if it can be replaced. Raises SamplemindError."""
    data = text.encode()
    with _errors_reported(file):
        if not _replace(file, data):
            file.write_bytes(data)


def _replace(file: Path, data: bytes) -> bool:
    """Replace a file; False if it cannot be replaced, as a pipe, a mount, or a file in another user's folder."""
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
def _errors_reported(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SamplemindError(f"cannot write {file}: {error.strerror}", "name another file") from error


def now() -> str:
    """The current time with its zone, as in documents."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def table(rows: Sequence[dict[str, Any]]) -> list[tuple[str, ...]]:
    """The cells, by COLUMNS."""
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
    """The lines below the table: what rows were measured on, or why they were not; neighbours share a line."""
    notes = [(row["reason"] or row["note"], row["metric"]) for row in rows if row["reason"] or row["note"]]
    groups = itertools.groupby(notes, lambda note: note[0])
    return [f"{'; '.join(metric for _, metric in same)}: {text}" for text, same in groups]


def as_csv(rows: Sequence[dict[str, Any]]) -> str:
    """One line per row; `samples` is their number."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "samples": len(row["samples"])} for row in rows)
    return out.getvalue()


def as_markdown(document_: dict[str, Any], comparison: Sequence[Sequence[str]] = ()) -> str:
    """A table for a pull request, the remarks, and a comparison, whose first line is its header."""
    notes = "".join(f"- {_escaped(remark)}\n" for remark in remarks(document_["rows"]))
    since = f"{_markdown(comparison)}\n" if comparison else ""
    board = _markdown([COLUMNS, *table(document_["rows"])])
    return f"{board}\n{notes}\n{since}{hardware.summary()}, {document_['when']}\n"


def amount(value: float | None, unit: str) -> str:
    """A number with three digits and its unit; "" for None."""
    if value is None:
        return ""
    digits = f"{value:,.0f}" if abs(value) >= 10**DIGITS else f"{value:.{DIGITS}g}"
    if unit == "$":
        return f"${digits}"
    return f"{digits}{unit}" if unit == "x" else f"{digits} {unit}"


def spread(row: dict[str, Any]) -> str:
    """The interval and the number of samples; "" for a single one."""
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
