"""The reports as self-contained HTML pages, without scripts."""

import html
from collections.abc import Sequence
from typing import Any

from samplemind_cli.bench import ab, gate, hardware, plots, report
from samplemind_cli.bench import load as loads

STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #667085; --line: #d5dae2; --paper: #fff;
  --good: #1a7f4b; --bad: #c0362c; --plot: #3563c9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #98a2b3; --line: #344054; --paper: #14181f;
  --good: #4cc38a; --bad: #f1746a; --plot: #7da2f5; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 70rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; } h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; }
td, th { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: middle; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
.met, .better { color: var(--good); } .missed, .worse { color: var(--bad); } small, footer { color: var(--soft); }
svg { max-width: 100%; height: auto; display: block; } svg text { fill: var(--soft); font-size: 11px; }
.wide { overflow-x: auto; }
"""


def scoreboard(document: dict[str, Any]) -> str:
    """The page of `bench`: each row with a plot of its samples, interval and target."""
    head = "".join(f"<th>{column.capitalize()}</th>" for column in (*report.COLUMNS, "samples"))
    lines = zip(document["rows"], report.table(document["rows"]), strict=True)
    body = "".join(_line(row, cells) for row, cells in lines)
    table = f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    if document.get("comparison"):
        table += f"<h2>Since then</h2>{_table(gate.COLUMNS, gate.table(document['comparison']))}"
    return page("samplemind bench", table, document["when"])


def comparison(document: dict[str, Any], when: str) -> str:
    """The page of `bench ab`: the verdict, and the ratio of each pair."""
    verdict = document["verdict"]
    ratios = [candidate / base for base, candidate in document["pairs"]]
    command = _text(" ".join(document["command"]))
    parts = [
        f'<p class="{verdict.replace(" ", "-")}"><b>{_text(verdict)}</b>: {document["ratio"]:.3f}x, between ',
        f"{document['low']:.3f} and {document['high']:.3f}, {len(ratios)} pairs</p>",
        f"<p><small>{_text(ab.meaning(document))}</small></p>",
        f"<p>{_text(document['candidate']['name'])} against {_text(document['base']['name'])}: ",
        f"<code>{command}</code></p><h2>Candidate / base, pair by pair</h2>",
        plots.series(ratios, document["low"], document["high"], document["margin"]),
    ]
    return page("samplemind bench ab", "".join(parts), when)


def load_report(document: dict[str, Any], when: str) -> str:
    """The page of `bench load`: the latency of each quantile, from the schedule and from sending."""
    lines = "".join(f"<p>{_text(line)}</p>" for line in loads.summary(document))
    counts = {name: kind["microseconds"] for name, kind in document["latency"].items() if kind["microseconds"]}
    curves = "".join(f"<h2>{_text(name)}</h2>{plots.curve(buckets)}" for name, buckets in counts.items())
    return page("samplemind bench load", lines + _table(loads.COLUMNS, loads.table(document)) + curves, when)


def page(title: str, body: str, when: str) -> str:
    """A whole document around a body."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body><h1>{title}</h1>{body}<footer><p>{_text(hardware.summary())}, {when}</p></footer></body></html>\n"
    )


def _line(row: dict[str, Any], cells: Sequence[str]) -> str:
    remark = f"<br><small>{_text(row['reason'] or row['note'])}</small>" if row["reason"] or row["note"] else ""
    metric, *numbers, verdict = cells
    columns = "".join(f'<td class="number">{_text(cell)}</td>' for cell in numbers)
    plot = plots.strip(row["samples"], row["low"], row["high"], row["target"]) if len(row["samples"]) > 1 else ""
    return (
        f'<tr id="{_text(row["key"])}"><td>{_text(metric)}{remark}</td>{columns}'
        f'<td class="{verdict}">{verdict}</td><td>{plot}</td></tr>'
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{_text(column)}</th>" for column in columns)
    body = "".join("<tr>" + "".join(f'<td class="number">{_text(cell)}</td>' for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(text: str) -> str:
    return html.escape(str(text))
