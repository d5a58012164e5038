"""Fields of a client that are called like a word of ours, and mean something else or nothing."""

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.openai_chat import server as openai
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Endpoint

HI = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
ROOMS = {
    "openai_chat": (openai, HI),
    "anthropic_messages": (anthropic, {**HI, "max_tokens": 9}),
    "ollama": (ollama, HI),
    "gemini": (gemini, {"contents": [{"parts": [{"text": "hi"}]}]}),
    "openai_responses": (responses, {"model": "m", "input": "hi"}),
}
ENDPOINT = Endpoint("https://api.openai.com/v1", "m")
ELSEWHERE = {
    "openai_chat": "openai_chat",
    "anthropic_messages": "anthropic_messages",
    "ollama": "ollama",
    "gemini": "gemini",
}


@pytest.mark.parametrize("name", ["effort", "schema", "title", "citations", "image", "detail"])
@pytest.mark.parametrize("source", ROOMS)
def test_a_field_that_is_called_like_one_of_ours_is_left_out_and_told(source, name):
    room, body = ROOMS[source]
    found = room.read(Fields({**body, name: 5}))
    told = f"{source} {name}"
    assert told in found.wishes
    for speaks in ROOMS.keys() & CLIENTS.keys():
        if speaks != source:
            assert not CLIENTS[speaks].takes(told, found, ENDPOINT)
            assert name not in CLIENTS[speaks].chat(found, ENDPOINT).json


def test_openai_itself_is_sent_no_field_that_it_does_not_document():
    found = openai.read(Fields({**HI, "title": "x"}))
    assert "title" not in CLIENTS["openai_chat"].chat(found, ENDPOINT).json
    assert "title" in CLIENTS["openai_chat"].chat(found, Endpoint("http://host/v1", "m")).json
