import json
import os
import stat

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import compare, page
from samplemind_cli.profiling.runs import Profile, ProfileRequest, repeatable, stored


@pytest.fixture
def kept(tmp_path):
    """A profile of these seconds by function and file."""

    def keep(own, directory="/now", engine="py-spy"):
        asked = ProfileRequest(words=("a.py",), kinds=("cpu",), engine=engine, directory=directory)
        profile = Profile.new(str(tmp_path), asked)
        rows = [
            {"function": function, "file": file, "line": 1, "caller": "", "own": seconds, "awaited": 0}
            for (function, file), seconds in own.items()
        ]
        (profile.folder / "cpu.frames.json").write_text(json.dumps({"frames": rows}))
        return profile.finished(0, {"cpu": [1.0]})

    return keep


def rows(before, after):
    return [(r["function"], r["file"], r["was"], r["before"], r["after"]) for r in compare.difference(before, after)]


def test_a_function_whose_file_moved_is_the_same_function(kept):
    before = kept({("sell", "/now/shop.py"): 1.0, ("<module>", "/now/shop.py"): 0.1})
    after = kept({("sell", "/now/store/sales.py"): 1.5, ("<module>", "/now/store/sales.py"): 0.1})
    first, *others = rows(before, after)[1:]
    assert first == ("sell", "/now/store/sales.py", "/now/shop.py", 1.0, 1.5)
    assert sorted(others, key=str) == [  # nothing to know it by in another file
        ("<module>", "/now/shop.py", None, 0.1, 0),
        ("<module>", "/now/store/sales.py", None, 0, 0.1),
    ]
    assert "sell  store/sales.py (was in shop.py)" in "\n".join(compare.lines(before, after))


def test_another_checkout_and_another_environment_are_paired_file_by_file(kept):
    before = kept(
        {("run", "/old/a.py"): 1.0, ("run", "/old/b.py"): 2.0, ("loads", "/x/lib/python3.11/json/__init__.py"): 1.0},
        directory="/old",
    )
    after = kept(
        {("run", "/now/a.py"): 1.0, ("run", "/now/b.py"): 4.0, ("loads", "/y/lib/python3.13/json/__init__.py"): 1.0}
    )
    assert rows(before, after) == [(None, None, None, 4.0, 6.0), ("run", "/now/b.py", "/old/b.py", 2.0, 4.0)]


def test_of_several_that_would_fit_none_is_taken(kept):
    before = kept({("run", "/now/a.py"): 1.0, ("run", "/now/b.py"): 2.0})
    after = kept({("run", "/now/c.py"): 4.0})
    assert all(was is None for _, _, was, _, _ in rows(before, after))


def test_a_function_that_is_in_both_stays_where_it_is(kept):
    before = kept({("run", "/now/a.py"): 1.0})
    after = kept({("run", "/now/a.py"): 1.0, ("run", "/now/b.py"): 1.0})
    assert rows(before, after)[1:] == [("run", "/now/b.py", None, 0, 1.0)]


def test_different_engines_are_told(kept):
    told = list(compare.lines(kept({("f", "/a"): 1.0}, engine=""), kept({("f", "/a"): 2.0})))
    assert told[-1] == "note: time was measured by different engines: pyinstrument, py-spy"


def test_the_page_shows_every_change_and_runs_nothing(kept):
    before = kept({("<lambda>", "/now/<b>.py"): 1.0})
    after = kept({("<lambda>", "/now/<b>.py"): 0.25})
    text = page.difference(before, after)
    assert "&lt;lambda&gt;  &lt;b&gt;.py" in text
    assert "-0.750 s" in text
    assert 'class="less"' in text
    for foreign in ("http", "<script", "<link", "<b>.py"):
        assert foreign not in text


def test_a_page_of_the_same_says_so(kept):
    one = kept({("f", "/a"): 1.0})
    assert "Nothing changed." in page.difference(one, one)


@pytest.fixture(params=[0o000, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_what_is_kept_is_the_user_s_alone(kept):
    folder = kept({("f", "/a"): 1.0}).folder
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder.parent, folder)] == [0o700, 0o700]
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}


def test_a_command_line_with_a_secret_is_kept_without_it_and_cannot_be_repeated(tmp_path):
    asked = ProfileRequest(words=("a.py", "--api-key", "abc"), kinds=("cpu",), directory="/")
    done = Profile.new(str(tmp_path), asked).finished(0, {})
    assert done.request.words == asked.words
    (one,) = stored(str(tmp_path))
    assert one.request.words == ("a.py", "--api-key", "***")
    with pytest.raises(UsageError, match="without its secrets") as told:
        repeatable(one)
    assert told.value.hint == "samplemind profile -- a.py --api-key '***'"
