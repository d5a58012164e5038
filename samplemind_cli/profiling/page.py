"""The difference of two profiles as one HTML page without scripts or external resources."""

import html
from collections.abc import Iterator
from typing import Any

from samplemind_cli.output import size
from samplemind_cli.profiling import compare
from samplemind_cli.profiling.runs import Profile
from samplemind_cli.profiling.summary import seconds

TITLE = "samplemind profile diff"
ROWS = 200
TITLES = {
    "own": "Time in the function itself", "awaited": "Time awaited", "peak": "Memory at the peak",
    "held": "Memory never freed",
}  # fmt: skip
STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d5dae2; --paper: #fff;
  --less: #1a7f4b; --more: #c0362c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #344054; --paper: #14181f;
  --less: #4cc38a; --more: #f1746a; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 75rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); overflow-wrap: anywhere; }
td.number, th.number { font-variant-numeric: tabular-nums; white-space: nowrap; text-align: right; }
td.bar { width: 14rem; } td.bar svg { display: block; width: 100%; height: .8rem; }
.more { color: var(--more); fill: var(--more); } .less { color: var(--less); fill: var(--less); }
small { color: var(--soft); } .wide { overflow-x: auto; }
"""


def difference(before: Profile, after: Profile) -> str:
    """The page. Raises UsageError if the two have no kind in common."""
    parts = [_table(table, before, after) for table in compare.tables(before, after)]
    body = "".join(part for part in parts if part) or "<p>Nothing changed.</p>"
    runs = "".join(
        f"<li><b>{_text(p.id)}</b> <small>{_text(' '.join(p.request.words))}</small></li>" for p in (before, after)
    )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{TITLE}</title>'
    return (
        f"<!doctype html><html lang=en><head>{head}<style>{STYLE}</style></head>"
        f"<body><h1>{TITLE}</h1><ul>{runs}</ul>{body}</body></html>\n"
    )


def _table(table: compare.Table, before: Profile, after: Profile) -> str:
    rows = list(table.rows())
    if not rows:
        return ""
    heads = ("before", "after", "change")
    head = "".join(f'<th class="number">{name}</th>' for name in heads)
    body = "".join(_lines(table, rows[:ROWS], before, after))
    rest = f"<p><small>and {len(rows) - ROWS} smaller ones</small></p>" if len(rows) > ROWS else ""
    grid = f"<thead><tr><th>function</th>{head}<th></th></tr></thead><tbody>{body}</tbody>"
    return f'<h2>{TITLES[table.number]}</h2><div class="wide"><table>{grid}</table></div>{rest}'


def _lines(table: compare.Table, rows: list[dict[str, Any]], before: Profile, after: Profile) -> Iterator[str]:
    unit = size if table.kind == "memory" else seconds
    largest = max(abs(row["after"] - row["before"]) for row in rows)
    for row in rows:
        change = row["after"] - row["before"]
        direction, sign = ("more", "+") if change > 0 else ("less", "-")
        cells = (unit(row["before"]), unit(row["after"]), f"{sign}{unit(abs(change))}")
        numbers = "".join(f'<td class="number">{cell}</td>' for cell in cells)
        bar = _bar(50 * abs(change) / largest, direction)
        yield f"<tr><td>{_text(compare.where(row, before, after))}</td>{numbers}{bar}</tr>"


def _bar(width: float, direction: str) -> str:
    """A bar to the right of the middle for more, to the left for less."""
    left = 50 if direction == "more" else 50 - width
    shape = f'<rect class="{direction}" x="{left:.2f}" y="0" width="{width:.2f}" height="8"/>'
    return f'<td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none">{shape}</svg></td>'


def _text(text: str) -> str:
    return html.escape(text.encode("utf-8", "replace").decode())
