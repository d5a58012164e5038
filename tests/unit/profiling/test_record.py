import io
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import record
from samplemind_cli.profiling.runs import Profile, ProfileRequest


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

    with ExitStack() as stack, pytest.raises(UsageError, match="more than 9 B was piped in") as refused:
        record._replayed(stack)

    assert "--cpu and --memory one at a time" in refused.value.hint


@pytest.fixture
def profile(tmp_path):
    return Profile.new(str(tmp_path), ProfileRequest(words=("a.py",), kinds=("memory",), directory=str(tmp_path)))


def test_a_profile_that_a_full_disk_cut_short_is_told_of(profile):
    (profile.folder / "memory.7.json").write_text("")
    said = []
    assert record.render(profile, "memory", Path("/bin/false"), said.append) == []
    assert said == [f"note: the memory profile is incomplete: is there room in {profile.folder}?"]


def test_pages_that_were_not_finished_are_no_pages(profile):
    (profile.folder / "memory.7.json").write_text('{"wall": 2.0, "cpu": 1.0, "main_thread": 1.0}')
    (profile.folder / "memory.html").write_text("half a pa")
    (profile.folder / "cpu.html").write_text("a page")
    said = []
    assert record.render(profile, "memory", Path("/bin/false"), said.append) == [2.0]
    assert said == ["note: the memory profile could not be read: its reader ended with 1"]
    assert sorted(file.name for file in profile.folder.glob("*.html")) == ["cpu.html"]
