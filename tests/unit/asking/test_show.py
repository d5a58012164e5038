import asyncio
import io
import json
import re
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.types import Answer, Chunk, Endpoint, Opaque, Provider, Route, Text, ToolCall, Usage
from samplemind_cli.asking import show
from samplemind_cli.asking.show import Growing, Style, blocks, grown, provenance, stream
from samplemind_cli.errors import ProviderError

ANSWER = Answer(
    parts=(Text("An answer."),), provider="ollama", model="tiny", key="k", finish_reason="stop", usage=Usage(3, 2, 1)
)
MARKDOWN = "# Title\n\nOne *two*.\n\n```python\nx = 1\n\ny = 2\n```\n\n- a\n- b\n"


async def said(answer, size=3):
    for i in range(0, len(answer.text), size):
        yield Chunk(answer.text[i : i + size])
    yield Chunk(answer=answer)


def shown(answer, style, size=3):
    return asyncio.run(stream(said(answer, size), style))


@given(st.text(st.sampled_from("ab \n`~#")))
def test_blocks_joined_are_the_text(text):
    assert "".join(blocks(text)).rstrip() == text.rstrip()


@given(st.text(st.sampled_from("ab \n`~#")), st.integers(1, 5))
def test_blocks_found_word_by_word_are_those_found_at_once(text, size):
    found, growing = [], ""
    for start in range(0, len(text), size):
        *done, growing = grown(growing, text[start : start + size])
        found += done

    assert [*found, *grown(growing, "")] == grown("", text)
    assert "".join([*found, growing]) == text


def test_a_code_fence_is_never_cut():
    assert [block.strip() for block in blocks(MARKDOWN)] == [
        "# Title",
        "One *two*.",
        "```python\nx = 1\n\ny = 2\n```",
        "- a\n- b",
    ]


@pytest.mark.parametrize("style", [Style(), Style(json=True), Style(whole=True), Style(verbose=True)])
@pytest.mark.parametrize("text", ["An answer.", "An answer.\n", MARKDOWN])
def test_what_is_streamed_is_what_would_be_printed_at_once(capsys, style, text):
    answer = replace(ANSWER, parts=(Text(text),))

    shown(answer, style)

    assert capsys.readouterr() == (style.out(answer, "0.0"), style.err(answer, "0.0"))


def test_plain_text_goes_out_piece_by_piece(monkeypatch):
    written = []
    monkeypatch.setattr("samplemind_cli.asking.show.output.write", written.append)

    shown(ANSWER, Style(), size=5)

    assert written[:2] == ["An an", "swer."]


@pytest.mark.parametrize("style", [Style(json=True), Style(whole=True)])
def test_an_object_and_a_validated_answer_are_shown_whole_or_not_at_all(capsys, style):
    async def broken():
        yield Chunk("half")
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        asyncio.run(stream(broken(), style))

    assert capsys.readouterr().out == ""


def test_the_object_has_all_that_a_script_may_want():
    passed = Route(Provider.GEMINI, Endpoint("https://x", "m", "secret"), "no key")
    call = ToolCall("play", '{"note": 1}', "id1")
    answer = replace(ANSWER, cached="redis", parts=(*ANSWER.parts, call), passed=(passed,))

    found = json.loads(Style(json=True).out(answer, "1.5"))

    assert found == {
        "text": "An answer.",
        "provider": "ollama",
        "model": "tiny",
        "cached": "redis",
        "key": "k",
        "finish_reason": "stop",
        "cost": None,
        "usage": {
            "input_tokens": 3,
            "output_tokens": 2,
            "cached_tokens": 1,
            "reasoning_tokens": None,
            "cache_write_tokens": None,
        },
        "tool_calls": [{"id": "id1", "type": "function", "function": {"name": "play", "arguments": '{"note": 1}'}}],
        "thinking": "",
        "passed_over": [{"provider": "gemini", "why": "no key"}],
        "latency_ms": 1.5,
    }


def test_calls_without_words_are_shown_as_calls():
    answer = replace(ANSWER, parts=(ToolCall("play", '{"note": 1}'),))

    assert Style().out(answer, "0.0") == 'play({"note": 1})\n'


def test_provenance_tells_who_how_much_how_fast_and_who_did_not():
    passed = Route(Provider.GEMINI, Endpoint("https://x", "m"), "no key")

    line = provenance(replace(ANSWER, cached="local", passed=(passed,)), "1.5")

    assert line == "ollama/tiny, cached (local), tokens: 3 in (1 cached), 2 out, 1.5 ms; gemini: no key"


ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


def test_on_a_terminal_markdown_is_rendered(capsys):
    shown(replace(ANSWER, parts=(Text(MARKDOWN),)), Style(terminal=True, width=60))

    out = capsys.readouterr().out
    assert "One two." in ESCAPES.sub("", out)
    assert "```" not in out
    assert "\x1b[" in out


def test_of_a_growing_block_its_words_are_drawn_and_nothing_else(monkeypatch):
    drawn, seen = [], threading.Event()

    def note(piece):
        drawn.append(piece)
        seen.set()
        return ""

    monkeypatch.setattr(show, "_markdown", note)

    async def slow():
        yield Chunk("An ")
        await asyncio.to_thread(seen.wait)
        yield Chunk("answer.")
        yield Chunk(answer=ANSWER)

    asyncio.run(stream(slow(), Style(terminal=True)))

    assert set(drawn) <= {"An ", "An answer."}


def test_a_long_block_is_made_into_markdown_when_it_is_drawn_and_not_at_every_word(monkeypatch):
    made = []
    monkeypatch.setattr(show, "_markdown", lambda piece: made.append(piece) or "")

    shown(replace(ANSWER, parts=(Text("word " * 2000),)), Style(terminal=True), size=5)

    assert 1 <= len(made) < 1000


def test_of_a_block_taller_than_the_terminal_the_newest_lines_are_drawn():
    from rich.console import Console

    console = Console(width=40, height=5, force_terminal=True, file=io.StringIO())
    console.print(Growing("```\n" + "".join(f"line {n}\n" for n in range(50))), end="")

    drawn = ESCAPES.sub("", console.file.getvalue())
    assert re.findall(r"line \d+", drawn) == ["line 46", "line 47", "line 48", "line 49"]
    assert len(drawn.splitlines()) == 5


def test_what_the_model_says_cannot_command_the_terminal(capsys):
    shown(replace(ANSWER, parts=(Text("a\x1b]0;owned\x07b \x9b2J"),)), Style(terminal=True, width=60), size=99)

    out = capsys.readouterr().out
    assert "owned" in out
    assert not {"\x1b]", "\x9b", "\x07"} & set(re.findall(r"\x1b.|[\x80-\x9f\x07]", out))


def test_a_narrow_terminal_folds(capsys):
    shown(replace(ANSWER, parts=(Text("word " * 40),)), Style(terminal=True, width=20), size=99)

    lines = ESCAPES.sub("", capsys.readouterr().out).splitlines()
    assert len(lines) >= 10
    assert max(map(len, lines)) <= 20


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Do:\n\n1. This\n\n    ```py\n    a = 1\n      b\n    ```\n", "a = 1\n  b\n"),
        ("```inline``` first, then\n```py\nx\n```\n```py\ny\n```\n", "x\n"),
        ("````md\n```py\nx\n```\n````\n", "```py\nx\n```\n"),
        ("```py\r\nx\r\n```\r\nmore\r\n", "x\r\n"),
        ("~~~\n```\n~~~\n", "```\n"),
        ("```py\nnever closed", "never closed"),
    ],
)
def test_the_first_code_block_is_found_where_answers_have_it(text, code):
    assert show.code_block(replace(ANSWER, parts=(Text(text),))) == code


def test_an_endless_row_of_tildes_is_no_code_block_and_read_in_a_moment():
    with pytest.raises(ProviderError, match="no code block"):
        show.code_block(replace(ANSWER, parts=(Text("~" * 300_000),)))  # it took minutes


def test_what_only_a_provider_has_a_word_for_is_shown_as_text_or_named_with_verbose():
    code = Opaque("gemini", {"parts": [{"executableCode": {"language": "PYTHON", "code": "1+1"}}]})
    search = Opaque("anthropic_messages", {"type": "server_tool_use", "name": "web_search"})
    answer = replace(ANSWER, parts=(code, Text("Two."), search))
    assert Style().out(answer, "1") == "\n```python\n1+1\n```\nTwo.\n"
    assert "left out of the answer: anthropic_messages server_tool_use" in Style(verbose=True).err(answer, "1")
    assert Style().err(answer, "1") == ""
    assert "```" not in Style(whole=True).out(answer, "1")  # it must stay the JSON that it is


def test_code_that_a_provider_ran_is_streamed_once_fresh_and_out_of_the_cache(capsys):
    code = Opaque("gemini", {"parts": [{"executableCode": {"language": "PYTHON", "code": "1+1"}}]})
    answer = replace(ANSWER, parts=(Text("Two: "), code))
    cached = replace(answer, cached="local")

    async def chunks(*told):
        for chunk in told:
            yield chunk

    for told in ((Chunk("Two: "), Chunk(block=code), Chunk(answer=answer)), (Chunk("Two: ", answer=cached),)):
        asyncio.run(stream(chunks(*told), Style()))
        assert capsys.readouterr().out == "Two: \n```python\n1+1\n```\n"
