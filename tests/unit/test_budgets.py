"""The table of budgets."""

import pytest

from samplemind_cli.budgets import Budget, in_dollars, read
from samplemind_cli.errors import UsageError


def test_a_table_holds_budgets_for_all_and_for_each():
    table = {"day": 5, "client": {"day": 1, "ci": {"week": 2.5}}, "session": {"total": 0.5}, "batch": {"total": 9}}

    assert read(table, "file") == (
        Budget(5, "day"),
        Budget(1, "day", "client"),
        Budget(2.5, "week", "client", "ci"),
        Budget(0.5, "total", "session"),
        Budget(9, "total", "batch"),
    )


@pytest.mark.parametrize(
    ("table", "where"),
    [
        ({"decade": 1}, r"file: \[budgets\]"),
        ({"client": {"day": "much"}}, r"file: \[budgets.client\]"),
        ({"client": {"ci": {"day": float("inf")}}}, r"file: \[budgets.client.ci\]"),
        ([5], "file"),
    ],
)
def test_what_is_no_budget_is_refused_where_it_stands(table, where):
    with pytest.raises(UsageError, match=where):
        read(table, "file")


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "$0.00"), (1234.5, "$1,234.50"), (0.01, "$0.01"), (0.0015, "$0.001500"), (-0.0015, "$-0.001500")],
)
def test_only_less_than_a_cent_is_shown_with_six_digits(amount, shown):
    assert in_dollars(amount) == shown
