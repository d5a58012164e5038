"""Whether the engine can be used, and with how many processors, told without loading it."""

import asyncio
import sys

import pytest

from samplemind_cli import processors
from samplemind_cli.ai import embedded
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings


@pytest.fixture(autouse=True)
def _asked_anew():
    embedded.available.cache_clear()
    yield
    embedded.available.cache_clear()


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


@pytest.mark.parametrize(("usable", "threads"), [(16, 8), (3, 1), (2, 1), (1, 1)])
def test_half_of_the_processors_it_may_use_compute(monkeypatch, usable, threads):
    monkeypatch.setattr(processors, "usable", lambda: usable)
    assert embedded._threads() == threads
