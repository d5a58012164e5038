import sys
from pathlib import Path

import pytest

import samplemind_cli
from samplemind_cli.child.python import Python, find_python
from samplemind_cli.errors import UsageError


def test_the_active_environment_comes_before_the_project_s_own_and_that_before_ours(tmp_path):
    assert find_python(tmp_path, {}).path == Path(sys.executable)
    for folder in (".venv", "active"):
        (tmp_path / folder / "bin").mkdir(parents=True)
        (tmp_path / folder / "bin" / "python").symlink_to(sys.executable)
    assert find_python(tmp_path, {}).why == "the project's .venv"
    found = find_python(tmp_path, {"VIRTUAL_ENV": str(tmp_path / "active")})
    assert (found.path, found.why) == (tmp_path / "active" / "bin" / "python", "the active environment")


def test_another_python_is_asked_what_it_has_as_our_own_is(tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)  # without pyvenv.cfg: the one behind the link
    other, ours = find_python(tmp_path, {}, "pip", "absent"), find_python(Path(sys.prefix), {}, "pip", "absent")
    assert other.versions.keys() == ours.versions.keys()
    assert other.versions["python"] == "{}.{}".format(*sys.version_info)
    assert (other.versions["absent"], ours.versions["absent"]) == (None, None)
    assert other.versions["pip"]
    assert ours.versions["pip"]


def test_places_that_nobody_can_look_into_hold_no_environment(tmp_path):
    closed = tmp_path / ("x" * 300)  # as little to be looked into as another user's, for root too
    assert find_python(closed, {"VIRTUAL_ENV": str(closed)}).path == Path(sys.executable)


def test_a_broken_environment_is_said_to_be_broken(tmp_path):
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to("/bin/false")
    with pytest.raises(UsageError, match=r"the project's \.venv"):
        find_python(tmp_path, {})


def test_what_is_missing_comes_with_the_command_that_installs_it():
    ours = Python(Path(sys.executable), "ours", {"pytest": "9", "pytest-testmon": None})
    ours.require("pytest")
    with pytest.raises(UsageError, match="pytest-testmon is not installed") as caught:
        ours.require("pytest-testmon")
    assert caught.value.hint == f"{sys.executable} -m pip install 'samplemind-cli[dev]'"
    with pytest.raises(UsageError, match="memray and pyinstrument are not installed") as caught:
        Python(Path("/my x/python"), "another", {}).require("memray", "pyinstrument")
    assert caught.value.hint == "'/my x/python' -m pip install memray pyinstrument"


def test_an_environment_at_the_top_of_the_repository_is_found_and_one_above_it_is_not(tmp_path):
    inner = tmp_path / "repository" / "part"
    inner.mkdir(parents=True)
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    (tmp_path / "venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / "repository" / ".git").mkdir()
    assert find_python(inner, {}).path == Path(sys.executable)
    (tmp_path / "venv").rename(tmp_path / "repository" / "venv")
    assert find_python(inner, {}, "pytest").why == "the project's venv"


@pytest.mark.parametrize("place", ["child/probe.py", "testing/observer", "profiling/inject"])
def test_what_runs_in_a_project_s_own_python_asks_an_old_one_for_no_new_types(place):
    found = Path(samplemind_cli.__file__).parent / place
    sources = [found] if found.is_file() else list(found.rglob("*.py"))

    assert sources
    assert [source for source in sources if "from __future__ import annotations\n" not in source.read_text()] == []
