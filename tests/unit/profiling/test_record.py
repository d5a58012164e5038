import io
import sys
from contextlib import ExitStack

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import record


@pytest.fixture(autouse=True)
def _piped(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"ten bytes.")))
    monkeypatch.setattr(record, "PIECE", 4)


def test_what_is_piped_in_is_kept_for_every_run():
    with ExitStack() as stack:
        copy = record._replayed(stack)
        copy.seek(0)
        assert copy.read() == b"ten bytes."


def test_input_without_end_is_refused_before_it_fills_the_disk(monkeypatch):
    monkeypatch.setattr(record, "MOST", 9)

    with ExitStack() as stack, pytest.raises(UsageError, match="more than 9 B is piped in") as refused:
        record._replayed(stack)

    assert "--cpu and --memory, one at a time" in refused.value.hint
