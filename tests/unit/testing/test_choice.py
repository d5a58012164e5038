"""Shards, and tests by the names of a JUnit file."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.errors import UsageError
from samplemind_cli.testing import junit
from samplemind_cli.testing.observer.samplemind_observer.choice import Deselection, junit_name, shards

ASKED = {"skip": [], "only": None, "shard": None, "seconds": {}, "cases": None}


@given(
    st.dictionaries(st.text(max_size=3), st.none() | st.floats(0, 100), max_size=30), st.integers(1, 8), st.randoms()
)
def test_every_test_is_in_exactly_one_shard_in_whatever_order_they_come(tests, count, random):
    seconds = {name: took for name, took in tests.items() if took is not None}
    found = shards(list(tests), seconds, count)
    assert sorted(name for shard in found for name in shard) == sorted(tests)
    mixed = list(tests)
    random.shuffle(mixed)
    assert shards(mixed, dict(reversed(seconds.items())), count) == found


def test_shards_take_about_the_same_time():
    seconds = {"a": 6.0, "b": 3.0, "c": 2.0, "d": 1.0}
    assert shards("abcd", seconds, 2) == [{"a"}, {"b", "c", "d"}]


def test_without_records_the_tests_are_counted_and_quick_ones_too():
    assert sorted(map(len, shards("abcdefg", {}, 3))) == [2, 2, 3]
    assert sorted(map(len, shards("abcdefg", dict.fromkeys("abcdefg", 0.0), 3))) == [2, 2, 3]


def test_a_test_without_a_record_counts_as_the_median():
    assert shards("abcd", {"a": 4.0, "b": 4.0, "c": 4.0}, 2) == [{"a", "c"}, {"b", "d"}]


@pytest.mark.parametrize(
    ("node", "case"),
    [
        ("tests/test_a.py::test_b", ("tests.test_a", "test_b")),
        ("test_a.py::TestX::test_b[a::b/c.py]", ("test_a.TestX", "test_b[a::b/c.py]")),
        ("test_a.py::test_b[\x1b]", ("test_a", "test_b[#x1B]")),
    ],
)
def test_a_test_has_the_name_that_pytest_writes(node, case):
    assert junit_name(node) == case


@pytest.fixture
def chosen(tmp_path):
    def chosen(names, **asked):
        (tmp_path / "choice").write_text(json.dumps({**ASKED, **asked}))
        choice = Deselection(str(tmp_path / "choice"))
        return choice.chosen(names), choice.missing

    return chosen


def test_failed_cases_are_found_with_a_prefix_and_whole_modules_by_their_error(chosen):
    names = ["t/test_a.py::test_1", "t/test_a.py::test_2", "t/test_b.py::T::test_1"]
    assert chosen(names, cases=[["ci.t.test_a", "test_1"]]) == ({names[0]}, [])
    assert chosen(names, cases=[["", "t.test_a"]]) == ({*names[:2]}, [])
    assert chosen(names, cases=[["t.test_b.T", "test_1"], ["t.gone", "test"]]) == ({names[2]}, ["t.gone.test"])


def test_what_is_skipped_is_left_out_of_what_was_chosen(chosen):
    assert chosen(["a", "b", "c"], only=["a", "b"], skip=["b"]) == ({"a"}, [])


def test_failures_and_errors_are_read_from_a_junit_file(tmp_path):
    file = tmp_path / "j.xml"
    file.write_text(
        '<testsuites><testsuite><testcase classname="a" name="good"/>'
        '<testcase classname="a" name="bad"><failure/></testcase>'
        '<testcase classname="a" name="bad"><error/></testcase><testcase classname="" name="b"><error/></testcase>'
        '<testcase classname="a" name="s"><skipped/></testcase></testsuite></testsuites>'
    )
    assert junit.failed_cases(file) == [("a", "bad"), ("", "b")]


@pytest.mark.parametrize("text", ["", "<html/>", "no xml", "<testsuite>", None])
def test_what_is_no_junit_file_is_a_usage_error(tmp_path, text):
    if text is not None:
        (tmp_path / "j.xml").write_text(text)
    with pytest.raises(UsageError, match=r"j\.xml"):
        junit.failed_cases(tmp_path / "j.xml")
