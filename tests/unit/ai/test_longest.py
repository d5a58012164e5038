"""The most tokens of a call: never fewer than any provider counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai import longest
from samplemind_cli.ai.caller import CLIENTS
from samplemind_cli.ai.types import Endpoint, Media, Message, Request, Route, Text
from samplemind_cli.ledger.prices import LARGEST, Prices

PRICES = Prices("")


def most(request, client="openai_chat", model="gpt-4o"):
    route = Route({"gemini": "gemini", "anthropic_messages": "anthropic"}.get(client, "openai"), Endpoint("x", model))
    return longest.tokens(CLIENTS[client].chat(request, route.endpoint), request, route, PRICES)


def asking(*parts, **more):
    return Request(messages=(Message("user", parts),), **more)


@given(st.text(min_size=1, max_size=200))
def test_no_text_has_more_tokens_than_bytes(text):
    assert most(asking(Text(text))).input >= len(text.encode("utf-8", "replace"))


@pytest.mark.parametrize("client", ["openai_chat", "anthropic_messages", "gemini"])
def test_every_format_says_how_long_an_answer_may_be(client):
    assert most(asking(Text("hi"), max_tokens=77), client).output == 77


def test_several_choices_are_so_many_answers():
    assert most(asking(Text("hi"), max_tokens=10, extra={"n": 5}, source="openai_chat")).output == 50


@pytest.mark.parametrize(
    ("model", "longest_answer"), [("gpt-4o", 16_384), ("gpt-5-mini", 128_000), ("o3", 100_000), ("unheard-of", LARGEST)]
)
def test_without_a_limit_an_answer_is_as_long_as_its_model_can_make_it(model, longest_answer):
    assert most(asking(Text("hi")), model=model).output == longest_answer


def test_an_image_counts_as_one_and_not_by_its_bytes():
    image = Media("image", "image/png", b"x" * 1_000_000, "a.png")

    assert longest.IMAGE < most(asking(Text("hi"), image)).input < 2 * longest.IMAGE


@pytest.mark.parametrize(
    "part",
    [
        Media("file", "application/pdf", b"%PDF", "a.pdf"),
        Media("image", "image/png", url="https://x/a.png"),
        Media("file", "application/pdf", file_id="file-1"),
    ],
)
def test_what_cannot_be_seen_fills_the_context(part):
    context = PRICES.context("openai", "gpt-4o")

    assert context == 128_000
    assert most(asking(Text("hi"), part)).input == context


def test_tools_have_instructions_that_nobody_sees():
    tool = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}

    assert most(asking(Text("hi"), tools=(tool,))).input > most(asking(Text("hi"))).input + 1000


def test_below_a_file_there_are_no_prices_of_ones_own(tmp_path):
    (tmp_path / "file").touch()

    assert Prices(str(tmp_path / "file" / "samplemind")).context("ollama", "none") == LARGEST
