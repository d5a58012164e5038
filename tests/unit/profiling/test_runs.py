import json
import sys
from pathlib import Path

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.profiling import compare, runs, summary
from samplemind_cli.profiling.record import check, command_line
from samplemind_cli.profiling.runs import Profile, ProfileRequest, find, split, stored, title


def asked(*words, kinds=("cpu",), directory="/nowhere", **options):
    return ProfileRequest(words=words or ("a.py",), kinds=kinds, directory=directory, **options)


def kept(state, *words, frames=(), **found):
    profile = Profile.new(str(state), asked(*words)).finished(0, {"cpu": [1.0]})
    rows = [{"file": "/nowhere/a.py", "line": 1, "caller": "", **frame} for frame in frames]
    (profile.folder / "cpu.frames.json").write_text(json.dumps({"frames": rows, **found}))
    return profile


def test_profiles_of_the_same_second_have_folders_of_their_own(tmp_path):
    profiles = [kept(tmp_path, "a.py") for _ in range(3)]
    assert len({profile.id for profile in profiles}) == 3
    assert {profile.id for profile in stored(str(tmp_path))} == {profile.id for profile in profiles}


def test_where_no_folder_can_be_made_the_error_says_where_one_could_be():
    with pytest.raises(UsageError) as told:
        Profile.new("/dev/null", asked())
    assert told.value.message == "cannot keep a profile in /dev/null/profiles: Not a directory"
    assert "XDG_STATE_HOME" in told.value.hint


def test_a_stored_profile_is_read_as_it_was(tmp_path):
    profile = kept(tmp_path, "-m", "shop.tool", "x")
    assert stored(str(tmp_path)) == [profile]
    assert profile.id.endswith("-shop.tool")


def test_a_folder_without_a_finished_profile_is_none(tmp_path):
    Profile.new(str(tmp_path), asked())
    (tmp_path / "profiles" / "broken").mkdir()
    (tmp_path / "profiles" / "broken" / "profile.json").write_text("{")
    assert stored(str(tmp_path)) == []


def test_a_profile_is_found_by_its_id_its_end_or_its_place(tmp_path):
    first, second = kept(tmp_path, "one.py"), kept(tmp_path, "two.py")
    for name, expected in (("last", second), ("previous", first), (first.id, first), ("-two", second)):
        assert find(str(tmp_path), name) == expected
    for name in ("absent", first.id[:8]):
        with pytest.raises(UsageError):
            find(str(tmp_path), name)


def test_there_is_no_last_profile_where_there_is_none(tmp_path):
    with pytest.raises(UsageError):
        find(str(tmp_path), "last")
    kept(tmp_path)
    with pytest.raises(UsageError):
        find(str(tmp_path), "previous")


def test_scripts_and_modules_run_in_the_python_given_and_subcommands_in_ours(tmp_path):
    python = Path("/x/python")
    (tmp_path / "a.py").write_text("")
    here = str(tmp_path)
    assert command_line(asked("a.py", "-v", directory=here), python) == ["/x/python", "a.py", "-v"]
    assert command_line(asked("-m", "shop", directory=here), python) == ["/x/python", "-m", "shop"]
    assert command_line(asked("test", "x", directory=here), python) == [
        sys.executable,
        "-P",
        "-m",
        "samplemind_cli",
        "test",
        "x",
    ]
    (tmp_path / "test").write_text("")
    assert command_line(asked("test", directory=here), python) == ["/x/python", "test"]
    with pytest.raises(UsageError, match=r"no script 'b\.py'"):
        command_line(asked("b.py", directory=here), python)


def test_memory_on_windows_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(UsageError, match="Windows"):
        check(asked(kinds=("cpu", "memory")))
    check(asked())


def test_native_needs_memory():
    with pytest.raises(UsageError, match="--native"):
        check(asked(native=True))
    check(asked(native=True, kinds=("memory",)))


def test_a_difference_adds_up_a_function_s_lines_and_puts_the_whole_first(tmp_path):
    before = kept(
        tmp_path, frames=[{"function": "f", "own": 1.0, "awaited": 0}, {"function": "f", "own": 0.5, "awaited": 0}]
    )
    after = kept(
        tmp_path, frames=[{"function": "f", "own": 1.0, "awaited": 0}, {"function": "g", "own": 2.0, "awaited": 0}]
    )
    rows = compare.difference(before, after)
    told = [(row["function"], row["before"], row["after"]) for row in rows]
    assert told == [(None, 1.5, 3.0), ("g", 0, 2.0), ("f", 1.5, 1.0)]
    assert list(compare.lines(before, after))[1].startswith("cpu own     +  1.500 s    1.500 s ->   3.000 s  all")


def test_what_hardly_changed_is_told_as_that(tmp_path):
    before, after = (
        kept(
            tmp_path,
            frames=[{"function": "f", "own": 1.0, "awaited": 0}, {"function": name, "own": 0.009, "awaited": 0}],
        )
        for name in ("g", "h")
    )
    assert list(compare.lines(before, after))[1:] == ["cpu own     1.009 s, the same within 1 %"]


def test_profiles_of_different_kinds_cannot_be_compared(tmp_path):
    other = kept(tmp_path)
    (other.folder / "cpu.frames.json").unlink()
    with pytest.raises(UsageError, match="different things"):
        compare.difference(kept(tmp_path), other)


def test_a_library_s_line_names_the_user_s_line_that_called_it():
    frame = {"function": "loads", "file": "/lib/json/__init__.py", "line": 1, "caller": "read /home/me/app.py:7"}
    assert summary.place(frame, "/home/me") == "loads  lib/json/__init__.py:1, from read  app.py:7"


def test_the_overhead_says_how_it_was_measured(tmp_path):
    profile = Profile.new(str(tmp_path), asked()).finished(0, {"bare": [1.0, 1.5], "cpu": [2.5]})
    assert "overhead: cpu x2.00 of 1.25 s without a profiler (2 runs, 40 % apart)" in list(summary.lines(profile))


def test_an_overhead_that_was_not_measured_is_not_claimed(tmp_path):
    assert any(
        "overhead: not measured" in line
        for line in summary.lines(Profile.new(str(tmp_path), asked()).finished(0, {"cpu": [1.0]}))
    )


def test_kinds_come_in_one_order():
    assert runs.KINDS == ("cpu", "memory")


@pytest.mark.parametrize(
    ("words", "options", "name"),
    [
        (["shop/a.py", "-m"], [], "a"),
        (["-m", "shop.tool", "-c"], [], "shop.tool"),
        (["-mshop.tool"], [], "shop.tool"),
        (["-c", "print(1)"], [], "code"),
        (["-cprint(1)"], [], "code"),
        (["-X", "dev", "-Wignore", "-W", "error", "a.py"], ["-X", "dev", "-Wignore", "-W", "error"], "a"),
        (["-Xdev", "-u", "-m", "shop"], ["-Xdev", "-u"], "shop"),
        (["--check-hash-based-pycs", "never", "a.py"], ["--check-hash-based-pycs", "never"], "a"),
        (["-"], [], "-"),
    ],
)
def test_python_s_own_options_are_separated_from_what_it_runs(words, options, name):
    assert split(words) == (options, words[len(options) :])
    assert title(words) == name


@pytest.mark.parametrize("words", [["-X", "dev"], ["-X"], ["-u"], []])
def test_options_alone_run_nothing(words):
    assert split(words) == (words, [])
