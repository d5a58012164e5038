import inspect
import re

import pytest

from samplemind_cli.cli import COMMANDS, command
from samplemind_cli.commands.mock import mock
from samplemind_cli.errors import UsageError
from samplemind_cli.mock.faults import KINDS


def test_help_names_every_fault_and_opens_with_the_tables_line():
    listed = re.findall(r"^ {2}([a-z-]+)  ", inspect.cleandoc(mock.__doc__), re.MULTILINE)
    assert sorted(listed) == sorted(KINDS)
    assert mock.__doc__.splitlines()[0] == COMMANDS["mock"]


def test_help_fits_40_columns_where_lines_are_kept():
    listing = mock.__doc__.split("Faults;")[1].split("\n\n")[0]
    assert max(map(len, listing.splitlines())) - 2 <= 40


@pytest.mark.parametrize("option", [["--fault", "teapot"], ["--fault", "who/429"]])
def test_a_wrong_fault_is_a_usage_error_before_anything_listens(option):
    with pytest.raises(UsageError):
        command("mock").main(option, standalone_mode=False)
