import json

import pytest

from samplemind_cli.batch import lines
from samplemind_cli.errors import UsageError


@pytest.fixture
def source(tmp_path):
    def written(*texts):
        path = tmp_path / "in.jsonl"
        path.write_bytes(b"\n".join(text if isinstance(text, bytes) else json.dumps(text).encode() for text in texts))
        return path

    return written


def test_a_line_without_a_name_is_called_by_its_number_and_blank_lines_count(source):
    path = source({"prompt": "a"}, b"", {"custom_id": "x", "prompt": "b"}, b"  \r", {"prompt": "c"})

    assert [line.custom_id for line in lines.read(path)] == ["line-1", "x", "line-5"]
    assert lines.count(path) == 3


def test_a_byte_order_mark_and_windows_line_ends_are_no_part_of_a_line(source):
    path = source(b'\xef\xbb\xbf{"prompt": "a"}\r', b'{"prompt": "b"}\r')

    assert [line.fields.raw for line in lines.read(path)] == [{"prompt": "a"}, {"prompt": "b"}]


@pytest.mark.parametrize(
    "text", [b"{", b"[1]", b"\xff\xfe", b'{"custom_id": 3, "prompt": "a"}', b'{"a": "\\ud800"}', b"[" * 100_000]
)
def test_a_line_that_cannot_be_read_says_what_is_wrong_with_it_and_the_next_is_read(source, text):
    wrong, right = lines.read(source(text, {"prompt": "a"}))

    assert wrong.wrong
    assert (wrong.custom_id, right.wrong, right.custom_id) == ("line-1", None, "line-2")


def test_a_line_that_is_too_long_is_passed_over_whole(source, monkeypatch):
    monkeypatch.setattr(lines, "LARGEST", 40)
    path = source({"prompt": "a" * 50}, {"prompt": "a" * 200}, {"prompt": "b"}, {"prompt": "c" * 99})

    found = list(lines.read(path))
    assert [(line.number, line.wrong is None) for line in found] == [(1, False), (2, False), (3, True), (4, False)]


def test_two_lines_of_one_name_are_refused_before_anything_is_asked(source):
    with pytest.raises(UsageError, match="lines 1 and 3 have one custom_id, 'line-3'"):
        lines.count(source({"custom_id": "line-3", "prompt": "a"}, {"prompt": "b"}, {"prompt": "c"}))


def test_a_file_without_lines_is_refused(source):
    with pytest.raises(UsageError, match="contains no lines"):
        lines.count(source(b"", b" "))


def test_the_id_of_an_answer_depends_on_what_is_asked_and_not_on_how_it_is_spaced(source):
    spaced, other = b'{"prompt" :"a", "custom_id": "x"}', {"custom_id": "x", "prompt": "b"}
    (first,) = lines.read(source({"custom_id": "x", "prompt": "a"}))
    (same,) = lines.read(source(spaced))
    (changed,) = lines.read(source(other))

    assert first.id == same.id != changed.id
