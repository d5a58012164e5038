"""Spending limits: the user's `[budgets]`, in dollars per day, week or month, or in total."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from samplemind_cli.errors import UsageError

SPANS = ("day", "week", "month", "total")
EACH = ("client", "session", "batch")
REFUSE = "on_budget"  # may stand among the budgets: "refuse", or "local"
EXAMPLE = "[budgets] day = 5.0, month = 60.0; [budgets.client] day = 1.0; [budgets.client.NAME] day = 2.0"


class Budget(NamedTuple):
    """At most `dollars` in a span of `SPANS`, for all calls together or for `each` client, session or batch.

    `name`: for that one alone, in place of the budget for each.
    """

    dollars: float
    span: str
    each: str = ""
    name: str = ""


def in_dollars(amount: float) -> str:
    """An amount for display, such as "$1.50"; less than a cent has six digits."""
    small = 0 < abs(amount) < 0.01  # noqa: PLR2004 - a cent
    return f"${amount:,.{6 if small else 2}f}"


def read(table: Any, source: str) -> tuple[Budget, ...]:
    """The budgets in a settings file's table. Raises UsageError."""
    if not isinstance(table, Mapping):
        raise UsageError(f"{source}: budgets is a table", EXAMPLE)
    return tuple(_read({name: value for name, value in table.items() if name != REFUSE}, f"{source}: [budgets]"))


def _read(table: Mapping[str, Any], where: str) -> Iterator[Budget]:
    for name, value in table.items():
        if name in EACH and isinstance(value, Mapping):
            yield from _of_each(name, value, f"{where[:-1]}.{name}]")
        else:
            yield Budget(_dollars(name, value, where), name)


def _of_each(each: str, table: Mapping[str, Any], where: str) -> Iterator[Budget]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = f"{where[:-1]}.{name}]"
            yield from (Budget(_dollars(span, amount, inner), span, each, name) for span, amount in value.items())
        else:
            yield Budget(_dollars(name, value, where), name, each)


def _dollars(span: str, value: Any, where: str) -> float:
    if span not in SPANS:
        raise UsageError(f"{where} may not set {span!r}", f"spans are {', '.join(SPANS)}: {EXAMPLE}")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise UsageError(f"{where}: {span} cannot be {value!r}", f"dollars, such as 5.0: {EXAMPLE}")
    return float(value)
