"""Whether the engine can be used, and with how many processors, told without loading it."""

import asyncio
import os
import sys

import pytest

from samplemind_cli.ai import embedded
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings


def test_without_the_extra_the_reason_is_told_and_nothing_is_fetched(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert embedded.available() == "the extra `embedded` is not installed"
    with pytest.raises(ProviderError, match="the extra `embedded` is not installed") as caught:
        asyncio.run(embedded.start(Settings(data_dir=str(tmp_path / "data"))))
    assert "pip install" in caught.value.hint
    assert not (tmp_path / "data").exists()


def test_looking_whether_the_engine_is_there_does_not_import_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "xllamacpp", raising=False)
    embedded.available()
    assert "xllamacpp" not in sys.modules


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("150000 100000\n", 2),
        ("100000 100000", 1),
        ("1000 100000", 1),
        ("max 100000\n", None),
        ("", None),
        (None, None),
    ],
)
def test_a_containers_share_is_rounded_up_and_at_least_one(tmp_path, text, share):
    file = tmp_path / "cpu.max"
    if text is not None:
        file.write_text(text)
    granted = embedded._container_share(file)
    assert granted == share if share else granted > 4096


@pytest.mark.parametrize(("allowed", "share", "threads"), [(8, 99, 4), (3, 99, 1), (8, 2, 1), (1, 4, 1), (16, 6, 3)])
def test_half_of_the_processors_it_may_use_compute(monkeypatch, allowed, share, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    monkeypatch.setattr(embedded, "_container_share", lambda _: share)
    assert embedded._threads() == threads
