import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.types import Message
from samplemind_cli.asking import prompt
from samplemind_cli.asking.prompt import attachment, decoded, request
from samplemind_cli.errors import UsageError


def test_what_is_piped_in_follows_the_prompt():
    assert request("Review this", b"a diff\n").messages == (Message("user", "Review this\n\na diff"),)


def test_a_pipe_alone_is_a_prompt():
    assert request(None, b"a question?\n").messages == (Message("user", "a question?"),)


@pytest.mark.parametrize(("prompt", "piped"), [(None, b""), ("", b""), (" \n", b" \n"), (None, b"\t")])
def test_nothing_to_ask_is_a_usage_error(prompt, piped):
    with pytest.raises(UsageError, match="empty"):
        request(prompt, piped)


@given(st.binary(min_size=1))
def test_bytes_that_are_no_utf_8_are_replaced(piped):
    text = request("x", piped).messages[0].text

    assert text.encode("utf-8").startswith(b"x")


def test_an_argument_of_other_bytes_is_replaced():
    assert decoded(b"a\xffb".decode("utf-8", "surrogateescape")) == "a\ufffdb"


def test_the_system_prompt_comes_first():
    assert request("x", b"", system="Be brief.").messages[0] == Message("system", "Be brief.")


@pytest.mark.parametrize(
    ("name", "kind"), [("a.png", "image/png"), ("a.JPG", "image/jpeg"), ("a.wav", "audio/wav"), ("a.mp3", "audio/mpeg")]
)
def test_a_files_name_says_what_it_is(tmp_path, name, kind):
    (tmp_path / name).write_bytes(b"data")

    found = attachment(tmp_path / name)

    assert (found.media_type, found.data, found.name) == (kind, b"data", name)


@pytest.mark.parametrize("name", ["a.txt", "a", "a.zip"])
def test_what_is_no_image_or_audio_is_refused_with_the_way_to_pipe_it(tmp_path, name):
    (tmp_path / name).write_bytes(b"data")

    with pytest.raises(UsageError) as refused:
        attachment(tmp_path / name)

    assert "| samplemind ask" in refused.value.hint


def test_more_than_anybody_takes_is_refused_and_not_all_of_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(prompt, "LARGEST", 1_000_000)
    endless = tmp_path / "endless.png"
    endless.symlink_to("/dev/zero")

    for asked in ({"attach": [endless]}, {"schema": endless}, {"piped": b"x" * 1_000_001}):
        with pytest.raises(UsageError, match="is larger than 1 MB"):
            request("x", **{"piped": b"", **asked})


def test_a_file_that_is_not_there_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        attachment(tmp_path / "a.png")


@pytest.mark.parametrize("text", ["", "[]", '"x"', '{"type": "sideways"}', '{"type": 5}', "\xff", "[" * 9999])
def test_what_is_no_schema_is_refused(tmp_path, text):
    (tmp_path / "schema.json").write_text(text, "latin-1")

    with pytest.raises(UsageError, match=r"schema\.json"):
        request("x", b"", schema=tmp_path / "schema.json")


TOOL = {"type": "function", "function": {"name": "play"}}


@pytest.mark.parametrize("value", [[TOOL], {"tools": [TOOL]}])
def test_tools_are_a_list_or_an_object_that_holds_one(tmp_path, value):
    (tmp_path / "tools.json").write_text(json.dumps(value))

    assert request("x", b"", tools=tmp_path / "tools.json").tools == (TOOL,)


@pytest.mark.parametrize(
    "value",
    [
        [],
        {},
        [{"type": "function"}],
        [{"function": {"name": "x"}}],
        [TOOL, 5],
        "x",
        [{"type": "function", "function": {"name": 5}}],
    ],
)
def test_what_are_no_tools_is_refused(tmp_path, value):
    (tmp_path / "tools.json").write_text(json.dumps(value))

    with pytest.raises(UsageError, match="no tool definitions"):
        request("x", b"", tools=tmp_path / "tools.json")


def test_a_parameter_is_a_field_of_its_own_or_goes_on_as_it_is():
    found = request(
        "hi", b"", params=["top_p=0.9", "stop=END", "top_k=40", "keep_alive=5m", 'reasoning={"effort": "low"}']
    )

    assert (found.top_p, found.stop) == (0.9, ("END",))
    assert found.extra == {"top_k": 40, "keep_alive": "5m", "reasoning": {"effort": "low"}}


@pytest.mark.parametrize("wrong", ["top_k", "=5", "a b=1", "top_p=high", "seed=true", "stop=[1]", "temperature=1"])
def test_a_parameter_that_says_nothing_or_something_of_another_type_is_a_usage_error(wrong):
    with pytest.raises(UsageError, match=r"--param|stop"):
        request("hi", b"", params=[wrong])
