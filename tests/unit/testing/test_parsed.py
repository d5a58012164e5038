"""What is remembered of parsed files."""

import json

import pytest

from samplemind_cli.testing import parsed
from samplemind_cli.testing.fingerprints import Contents
from samplemind_cli.testing.parsed import ParsedFiles
from samplemind_cli.testing.pieces import parse

SOURCE = "import os\ndef f():\n    return 1\nclass A:\n    def g(self):\n        import json\n"


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture
def remembered(tmp_path, file):
    """A store that has parsed the file once, and is read again."""
    store = ParsedFiles(tmp_path / "parsed.json")
    store.of(str(file), Contents())
    store.save()
    return lambda: ParsedFiles(tmp_path / "parsed.json")


def test_a_later_run_has_the_same_pieces_without_parsing(file, remembered, monkeypatch):
    expected = parse(file.read_bytes())
    monkeypatch.setattr(parsed, "parse", None)
    assert remembered().of(str(file), Contents()) == expected


def test_a_file_that_changed_is_parsed_again(file, remembered):
    file.write_text(SOURCE.replace("1", "2"))
    assert remembered().of(str(file), Contents()) == parse(file.read_bytes())


def test_a_file_that_changes_before_it_is_parsed_does_not_become_the_old_one(file, tmp_path):
    contents, store = Contents(), ParsedFiles(tmp_path / "parsed.json")
    contents.of(str(file))
    file.write_text("x = 1\n")
    store.of(str(file), contents)
    file.write_text(SOURCE)
    assert store.of(str(file), Contents()) == parse(file.read_bytes())


def test_a_file_that_went_has_no_pieces(file, remembered):
    file.unlink()
    assert remembered().of(str(file), Contents()).by_line == {}


@pytest.mark.parametrize("broken", [b"", b"[]", b"{}", b'{"python": 1}', b"\xff", b'{"files": {"a": [[], 1, 2]}}'])
def test_a_broken_memory_is_no_memory(tmp_path, file, remembered, broken):
    (tmp_path / "parsed.json").write_bytes(broken)
    assert remembered().of(str(file), Contents()) == parse(file.read_bytes())


def test_what_another_python_parsed_is_not_used(tmp_path, remembered):
    document = json.loads((tmp_path / "parsed.json").read_text())
    (tmp_path / "parsed.json").write_text(json.dumps(document | {"python": "2.7"}))
    assert remembered().known == {}
