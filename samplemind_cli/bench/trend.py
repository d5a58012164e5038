"""`bench history`: the stored results as a table, and each metric's medians as a sparkline."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from samplemind_cli.bench import trial

COLUMNS = ("NAME", "WHEN", "COMMIT", "METRIC", "MEDIAN", "95 % INTERVAL", "RUNS")
BLOCKS = "▁▂▃▄▅▆▇█"
LEAST = 0.1  # of the median: the minimal height of a sparkline, so that small changes look small
SHA = 10  # characters of a commit


def table(documents: Iterable[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """The cells by COLUMNS: one line for each metric of each document."""
    return [
        (document["name"], document["when"], commit(document), metric, median, interval, runs)
        for document in documents
        for metric, median, interval, _, _, runs in trial.table(document["rows"])
    ]


def plots(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """For each name and metric with several results, a sparkline of its medians, oldest first."""
    series: dict[tuple[str, str, str], list[float]] = {}
    for document in documents:
        for row in document["rows"]:
            series.setdefault((document["name"], row["metric"], row["unit"]), []).append(row["now"])
    lines = [(f"{name}  {metric}", values, unit) for (name, metric, unit), values in series.items() if len(values) > 1]
    width = max((len(title) for title, _, _ in lines), default=0)
    return [
        f"{title:<{width}}  {sparkline(values)}  {trial.amount(values[0], unit)} -> {trial.amount(values[-1], unit)}"
        for title, values, unit in lines
    ]


def sparkline(values: Sequence[float]) -> str:
    """One block per value, the highest for the largest."""
    low, high = min(values), max(values)
    spare = max(0.0, LEAST * sorted(values)[len(values) // 2] - (high - low)) / 2
    low, high = low - spare, high + spare
    steps = len(BLOCKS) - 1
    return "".join(BLOCKS[round(steps * (value - low) / ((high - low) or 1))] for value in values)


def remarks(documents: Sequence[Mapping[str, Any]]) -> list[str]:
    """Why results of one name should not be compared: other machines, other commands."""
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for document in documents:
        by_name.setdefault(document["name"], []).append(document)
    return [
        f"{name}: the {what} is not the same in all of them; --json tells each"
        for name, same in by_name.items()
        for what in ("machine", "command")
        if any(document[what] != same[0][what] for document in same)
    ]


def commit(document: Mapping[str, Any]) -> str:
    """A document's commit, with a plus if files had been changed since; "" if there is none."""
    return f"{(document['commit'] or '')[:SHA]}{'+' if document['changed'] else ''}"
