import json

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.testing import durations


def test_what_is_stored_is_read_as_pytest_split_keeps_it(tmp_path):
    (tmp_path / "test_a.py").touch()
    file = durations.store(tmp_path, {"test_a.py::test_b": 0.12345, "test_a.py::test_a": 1})
    assert json.loads(file.read_text()) == {"test_a.py::test_a": 1, "test_a.py::test_b": 0.123}
    assert durations.read(tmp_path) == {"test_a.py::test_a": 1.0, "test_a.py::test_b": 0.123}
    assert file.stat().st_mode & 0o777 == 0o644


def test_what_was_stored_of_files_that_are_gone_goes(tmp_path):
    (tmp_path / "test_a.py").touch()
    durations.store(tmp_path, {"test_a.py::test_a": 1, "test_gone.py::test_a": 1})
    durations.store(tmp_path, {"test_a.py::test_new": 2})
    assert durations.read(tmp_path) == {"test_a.py::test_a": 1.0, "test_a.py::test_new": 2.0}


def test_without_the_file_nothing_is_known(tmp_path):
    assert durations.read(tmp_path) == {}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": "x"}', '{"a": null}'])
def test_a_broken_file_is_told(tmp_path, text):
    (tmp_path / durations.NAME).write_text(text)
    with pytest.raises(UsageError, match="cannot read"):
        durations.read(tmp_path)
