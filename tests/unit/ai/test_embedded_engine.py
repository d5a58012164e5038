"""How many processors the engine computes with."""

import os

import pytest

from samplemind_cli.ai import embedded_engine


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
    granted = embedded_engine.container_share(file)
    assert granted == share if share else granted > 4096


@pytest.mark.parametrize(("allowed", "share", "threads"), [(8, 99, 4), (3, 99, 1), (8, 2, 1), (1, 4, 1), (16, 6, 3)])
def test_half_of_the_processors_it_may_use_compute(monkeypatch, allowed, share, threads):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(allowed)), raising=False)
    monkeypatch.setattr(embedded_engine, "container_share", lambda _: share)
    assert embedded_engine.threads() == threads
