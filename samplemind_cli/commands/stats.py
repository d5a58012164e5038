"""`samplemind stats`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ledger.stats import Sums

Group = Literal["model", "provider", "task", "client", "command", "session", "day", "hour"]
BARS = "▁▂▃▄▅▆▇█"
ROOM = 50  # columns of the line beside the bars: a name, a count, and two days


def stats(
    since: Annotated[
        str, typer.Option(metavar="WHEN", help="today, yesterday, week, month, all, 3h, 7d or 2026-11-30.")
    ] = "week",
    by: Annotated[Group | None, typer.Option(help="Group by this.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
) -> None:
    r"""Show calls, tokens, costs, and what the cache saved.

    \b
    Examples:
      samplemind stats --since today
      samplemind stats --by model --since month
      samplemind stats --by day --json
    """
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.ledger import stats as ledger
    from samplemind_cli.ledger.prices import INSTALL, Prices
    from samplemind_cli.ledger.since import moment
    from samplemind_cli.ledger.store import Ledger

    if as_json and as_csv:
        raise UsageError("--json and --csv are two forms of the same", "samplemind stats --csv")
    settings = Settings.load()
    prices = Prices(settings.config_dir, settings.rows)
    with Ledger(settings).open() as connection:
        start = moment(since)
        sums = ledger.sums(connection, prices, start, (by,) if by else ())
        total, groups = ledger.total(sums), sums if by else []
        days = ledger.days(connection, start) if not (by or as_json or as_csv) else []
    if as_json:
        document = {"since": start, "total": total.as_json(), "by": by, "groups": [group.as_json() for group in groups]}
        output.print_json(document)
    elif as_csv:
        output.write(_csv([group.as_json() for group in groups or [total]]))
    elif by:
        output.table(COLUMNS, [_row(group) for group in groups])
    else:
        output.lines(f"{name:<13} {value}" for name, value in _totals(total, days) if value)
    if total.unpriced:
        why = f"the price of {total.unpriced:,} calls is not known"
        output.say(f"note: {why}" + ("" if prices.known else f"; public prices come with: {INSTALL}"))


COLUMNS = ("name", "calls", "hits", "errors", "tokens in", "tokens out", "spent", "saved", "p50", "p95")


def _row(sums: "Sums") -> list[str]:
    return [
        sums.name or "-",
        f"{sums.calls:,}",
        _share(sums.hit_rate),
        f"{sums.errors:,}",
        f"{sums.input_tokens:,}",
        f"{sums.output_tokens:,}",
        _dollars(sums.spent),
        _dollars(sums.saved),
        _time(sums.percentile(0.5)),
        _time(sums.percentile(0.95)),
    ]


def _totals(total: "Sums", days: Sequence[tuple[str, int]]) -> list[tuple[str, str]]:
    line = _sparkline(days) if len(days) > 1 else ""
    cached = f" ({total.cached_tokens:,} read from providers' own caches)" if total.cached_tokens else ""
    return [
        ("calls", f"{total.calls:,}{line}"),
        ("cache hits", f"{total.hits:,} ({_share(total.hit_rate)})"),
        ("errors", f"{total.errors:,}"),
        ("tokens", f"{total.input_tokens:,} in{cached}, {total.output_tokens:,} out"),
        ("spent", _dollars(total.spent)),
        ("saved", f"{_dollars(total.saved)} and {total.seconds_saved:,.1f} s by the cache"),
        ("latency", f"P50 {_time(total.percentile(0.5))}, P95 {_time(total.percentile(0.95))}"),
    ]


def _sparkline(days: Sequence[tuple[str, int]]) -> str:
    """A bar for each of the last days, as many as fit into a line, and their first and last date."""
    import shutil

    last = days[-max(2, shutil.get_terminal_size().columns - ROOM) :]
    largest = max(1, *(calls for _, calls in last))
    bars = "".join(BARS[(calls * (len(BARS) - 1)) // largest] for _, calls in last)
    return f"  {bars}  {last[0][0]} to {last[-1][0]}"


def _share(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _dollars(value: float) -> str:
    from samplemind_cli.budgets import in_dollars

    return in_dollars(value) if value else "$0"


def _time(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:,.1f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:,.1f} s"  # noqa: PLR2004 - a second


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    import csv
    import io

    text = io.StringIO()
    writer = csv.DictWriter(text, rows[0].keys())
    writer.writeheader()
    writer.writerows({**row, "name": _no_formula(row["name"])} for row in rows)
    return text.getvalue()


def _no_formula(name: str) -> str:
    """A name as a spreadsheet shows it: a client chooses its session's, and `=…` would be computed."""
    return f"'{name}" if name.startswith(tuple("=+-@\t\r")) else name
