import sqlite3
from contextlib import closing

import pytest

from samplemind_cli.testing import history
from samplemind_cli.testing.changed import FORMAT, UNKNOWN, Memory

NOTHING = {"reads": {}, "listings": {}, "code": {}, "starts": [], "project": None}
KNOWN = {"format": FORMAT, "files": {}, "tests": {"a.py::test": NOTHING}, "everywhere": NOTHING}


@pytest.fixture
def plan(tmp_path):
    """What to run of a project that is empty, after that was remembered and testmon's data was left like this."""

    def plan(known, testmon_data=None):
        history.write(tmp_path / "s.json", known)
        file = tmp_path / "s.testmondata"
        if testmon_data is None:
            with closing(sqlite3.connect(file)) as data:
                data.execute("CREATE TABLE test_execution (test_name TEXT)")
        else:
            file.write_bytes(testmon_data)
        (tmp_path / "project").mkdir()
        return Memory(tmp_path, "s", tmp_path / "project").plan()

    return plan


def test_nothing_is_run_when_all_is_as_it_was(plan):
    assert plan(KNOWN).reasons == ()


@pytest.mark.parametrize(
    "change", [{"everywhere": {"a": 1}}, {"everywhere": None}, {"tests": 7}, {"files": {"a.py": 7}}, {"format": 0}]
)
def test_a_memory_of_another_shape_is_none(plan, change):
    assert plan({**KNOWN, **change}).reasons == (UNKNOWN,)


@pytest.mark.parametrize("junk", [b"junk " * 300, b"SQLite format 3\0" + b"\0" * 84, b""])
def test_testmon_s_data_that_is_broken_is_made_anew(plan, tmp_path, junk):
    assert plan(KNOWN, junk).reasons == (UNKNOWN,)
    assert (tmp_path / "s.testmondata").exists() == (not junk)  # testmon fills an empty one
