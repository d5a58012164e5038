"""What others say, shown harmlessly."""

import json
import re
import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.escapes import harmless, harmless_json, harmless_line, json_text

ATTACKS = {
    "OSC 52, the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "a title": "\x1b]0;root@prod\x1b\\",
    "C1 as U+009B": "\u009b2J",
    "C1 as U+009D": "\u009d52;c;eA==\u009c",
    "the cursor": "\x1b[1A\x1b[2K",
    "a carriage return": "fail\rok  ",
    "a backspace": "fail\x08\x08\x08\x08ok",
    "a question to the terminal": "\x1b[c\x05",
    "a link": "\x1b]8;;https://evil.example\x1b\\bank\x1b]8;;\x1b\\",
    "a bidi override": "\u202egpj.exe",
    "a bidi isolate": "\u2066\u2069",
    "conceal": "\x1b[8mhidden\x1b[0m",
    "delete": "\x7f",
}
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
attacks = pytest.mark.parametrize("attack", [pytest.param(text, id=name) for name, text in ATTACKS.items()])


@attacks
def test_no_terminal_obeys_it_and_a_person_sees_it(attack):
    assert not OBEYED.search(harmless(attack))
    assert "\\x" in harmless(attack) or "\\u20" in harmless(attack)


@attacks
def test_it_is_escaped_in_json_and_comes_back_whole(attack):
    for text in (json_text({"a": [attack]}), harmless_json(orjson.dumps({"a": [attack]})).decode()):
        assert not OBEYED.search(text)
        assert json.loads(text) == {"a": [attack]}


@given(st.text())
def test_no_text_at_all_holds_a_command_afterwards(text):
    assert not [c for c in harmless(text) if unicodedata.category(c) == "Cc" and c not in "\t\n"]
    assert not OBEYED.search(harmless(text))
    assert harmless(harmless(text)) == harmless(text)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_no_json_at_all_holds_a_command_and_none_loses_a_letter(document):
    assert json.loads(json_text(document)) == document
    assert not OBEYED.search(json_text(document))


@given(st.dictionaries(st.text(), st.text()))
def test_the_faster_encoders_json_is_as_harmless(document):
    told = harmless_json(orjson.dumps(document))

    assert orjson.loads(told) == document
    assert not OBEYED.search(told.decode())


@pytest.mark.parametrize("text", ["grün", "हिन्दी\u200d", "می\u200cشود", "👩\u200d🚀", "\ttab\nline\n", "עברית\u200f"])
def test_what_languages_are_written_with_is_left_as_it_is(text):
    assert harmless(text) == text
    assert json.loads(json_text(text)) == text


def test_a_line_break_of_windows_is_a_line_break():
    assert harmless("a\r\nb") == "a\nb"


def test_on_one_line_nothing_begins_another():
    assert harmless_line("a\nhint: evil\tb") == "a\\nhint: evil\\tb"
