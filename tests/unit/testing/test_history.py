import os

import pytest

from samplemind_cli.testing.history import History, folder, read, write


def history(tmp_path, **seconds):
    past = History(tmp_path / "history.json")
    past.add("s", {f"{name}.py::test": {"seconds": took} for name, took in seconds.items()})
    return past


def test_a_handful_of_quick_tests_runs_in_one_process(tmp_path):
    past = history(tmp_path, a=0.01, b=0.02)
    assert not past.parallel_pays(past.selections["s"], cpus=8)


def test_long_tests_in_several_files_are_shared_out(tmp_path):
    past = history(tmp_path, a=3.0, b=3.0)
    assert past.parallel_pays(past.selections["s"], cpus=2)


def test_one_long_file_cannot_be_shared_out(tmp_path):
    past = history(tmp_path, a=9.0, b=0.5)
    assert not past.parallel_pays(past.selections["s"], cpus=8)


def test_unknown_tests_are_shared_out_where_there_are_processors(tmp_path):
    assert history(tmp_path).parallel_pays(None, cpus=2)
    assert not history(tmp_path).parallel_pays(None, cpus=1)


def test_what_was_learned_is_read_again_and_durations_of_other_tests_stay(tmp_path):
    history(tmp_path, a=1.0)
    past = history(tmp_path, b=2.0)
    assert past.seconds == {"a.py::test": 1.0, "b.py::test": 2.0}
    assert History(tmp_path / "history.json").selections == {"s": ["b.py::test"]}


def test_a_part_of_a_selection_tells_durations_and_is_not_taken_for_the_whole(tmp_path):
    past = history(tmp_path, a=1.0, b=2.0)
    past.add(None, {"a.py::test": {"seconds": 3.0}})
    past = History(tmp_path / "history.json")
    assert past.seconds == {"a.py::test": 3.0, "b.py::test": 2.0}
    assert past.selections == {"s": ["a.py::test", "b.py::test"]}


def test_a_broken_memory_is_no_memory(tmp_path):
    file = folder(str(tmp_path), tmp_path, needed=True) / "x.json"
    for text in ("", "[1]", '{"a": '):
        file.write_text(text)
        assert read(file) == {}
    write(file, {"a": 1})
    assert read(file) == {"a": 1}


@pytest.mark.parametrize("seconds", [None, [1], {"a.py::test": None}, {"a.py::test": "soon"}])
def test_a_memory_of_another_shape_is_none_either_and_is_written_anew(tmp_path, seconds):
    write(tmp_path / "history.json", {"seconds": seconds, "selections": {"s": ["a.py::test"]}})
    assert history(tmp_path, b=1.0).seconds == {"b.py::test": 1.0}


def test_a_project_whose_name_is_not_utf_8_is_remembered_too(tmp_path):
    root = tmp_path / os.fsdecode(b"proj\xff")
    assert folder(str(tmp_path), root, needed=True).is_dir()


def test_a_test_is_the_same_in_parallel_when_both_ways_were_seen_to_end_alike(tmp_path):
    past = history(tmp_path, a=1.0, b=1.0)
    assert not past.same_in_parallel(["a.py::test"])
    past.add("s", {"a.py::test": {"seconds": 1.0}, "b.py::test": {"seconds": 1.0, "outcome": "failed"}}, "parallel")
    past = History(tmp_path / "history.json")
    assert past.same_in_parallel(["a.py::test"])
    assert not past.same_in_parallel(["a.py::test", "b.py::test"])
    assert not past.same_in_parallel(["a.py::test", "new.py::test"])
    assert not past.same_in_parallel(None)
