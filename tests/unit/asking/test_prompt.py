import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.types import Media, Message
from samplemind_cli.asking import prompt
from samplemind_cli.asking.prompt import attachment, decoded, prompt_and_name, request
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


@pytest.mark.parametrize("name", ["a.txt", "a", "a.py", "a.rs", "a.ts", "a.json", "a.unheard-of"])
def test_a_text_file_goes_with_the_prompt_as_text_whoever_answers(tmp_path, name):
    (tmp_path / name).write_bytes(b"\xef\xbb\xbfwords")

    message = request("Read this", b"", attach=[tmp_path / name]).messages[0]
    assert [part.text for part in message.parts] == ["Read this", f"{name}:\n\nwords"]


def test_a_pdf_goes_along_as_a_file(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    found = request("Read this", b"", attach=[tmp_path / "a.pdf"])

    assert found.messages[0].media == (Media("file", "application/pdf", b"%PDF-1.7", "a.pdf"),)
    assert "file" in found.needs


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\0\0\0\0WAVEfmt ", "audio/wav"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.4\n", "application/pdf"),
    ],
)
def test_stdin_as_an_attachment_is_what_its_first_bytes_say(data, kind):
    (message,) = request("Look", data, attach=[Path("-")]).messages

    assert [(found.media_type, found.data) for found in message.media] == [(kind, data)]
    assert message.text == "Look"


def test_stdin_as_an_attachment_may_be_text():
    (message,) = request("Look", b"words", attach=[Path("-")]).messages

    assert [part.text for part in message.parts] == ["Look", "words"]


@pytest.mark.parametrize(
    ("prompt", "value", "piped", "found"),
    [
        ("hi", "", b"", ("hi", "")),
        ("hi", "songs", b"", ("hi", "songs")),
        (None, "And its relative minor?", b"", ("And its relative minor?", "")),
        (None, "thanks", b"", ("thanks", "")),
        (None, "songs", b"a question", (None, "songs")),
        (None, "Review this", b"a diff", ("Review this", "")),
        (None, "", b"a question", (None, "")),
    ],
)
def test_what_follows_c_is_a_conversations_name_unless_it_must_be_the_prompt(prompt, value, piped, found):
    assert prompt_and_name(prompt, value, piped) == found


def test_a_name_with_a_blank_is_none():
    with pytest.raises(UsageError, match="not a valid conversation name"):
        prompt_and_name("hi", "two words", b"")


@pytest.mark.parametrize(
    ("name", "data"), [("a.zip", b"data"), ("a.txt", b"a\0b"), ("a", b"\xff\xfe"), ("a.docx", b"PK\3\4")]
)
def test_what_is_no_image_audio_pdf_or_text_is_refused_with_the_way_to_pipe_it(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)

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


@pytest.mark.parametrize("name", ["screenshot", "screenshot.bin"])
def test_a_name_that_says_nothing_leaves_it_to_the_first_bytes(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\nrest")

    assert attachment(path).media_type == "image/png"
