from types import SimpleNamespace

import pytest

from samplemind_cli.testing import watching
from samplemind_cli.testing.command import RunOptions
from samplemind_cli.testing.fingerprints import snapshot


def test_a_project_that_takes_long_to_look_at_is_looked_at_more_rarely(monkeypatch, tmp_path):
    looks, pauses = [], []
    monkeypatch.setattr(watching, "time", SimpleNamespace(monotonic=lambda: 2.0 * len(looks)))  # two seconds a look
    monkeypatch.setattr(
        watching,
        "fingerprints",
        SimpleNamespace(
            snapshot=lambda *_: looks.append(1) or {"a": len(looks)}, changes=watching.fingerprints.changes
        ),
    )

    changed, key = watching.next_change(tmp_path, {"a": 1}, lambda seconds: pauses.append(seconds) or "")

    assert (changed, key) == (["a"], "")
    assert pauses == [watching.PAUSE, watching.REST * 2.0]


def test_a_key_without_a_meaning_ends_no_waiting(tmp_path):
    pressed = iter("x?q")

    assert watching.next_change(tmp_path, {}, lambda _: next(pressed)) == ([], "q")


def test_the_same_content_written_again_ends_no_waiting(tmp_path):
    file = tmp_path / "a.py"
    file.write_text("1")
    known = snapshot(tmp_path)

    def key(_seconds):
        file.write_text("1")
        return next(pressed)

    pressed = iter(["", "", "q"])
    assert watching.next_change(tmp_path, known, key) == ([], "q")


@pytest.mark.parametrize(
    ("key", "asked"),
    [
        ("\n", RunOptions(changed=True)),
        ("a", RunOptions(all=True)),
        ("f", RunOptions(failed=True)),
        ("c", RunOptions(changed=True)),
        ("p", RunOptions(changed=True)),
    ],
)
def test_a_key_chooses_what_the_next_run_is(key, asked):
    assert watching.chosen(RunOptions(changed=True), key) == asked


def test_filters_narrow_what_was_asked():
    asked = RunOptions(arguments=("-x",))
    assert watching.Filters("tests/unit", "a or b").applied(asked).arguments == ("-x", "-k", "a or b", "tests/unit")
    assert watching.Filters().applied(asked) == asked
