"""Clients of another format than the provider's: what their own has no word for is translated or named."""

import pytest
from parts import scripted

pytestmark = pytest.mark.integration
KEY = "sk-ant-api03-quite-secret"
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
CITED = {
    "type": "web_search_result_location",
    "url": "https://a",
    "title": "A",
    "encrypted_index": "e",
    "cited_text": "b",
}
HEAD = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": {"input_tokens": 5}}


def block(index, start, *deltas):
    events = [{"type": "content_block_start", "index": index, "content_block": start}]
    events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
    return [*events, {"type": "content_block_stop", "index": index}]


def answer(*, late):
    said = [{"type": "text_delta", "text": "Born."}, {"type": "citations_delta", "citation": CITED}]
    text = ({"type": "text", "text": ""}, *said)
    first, second = (text, (SEARCH,)) if late else ((SEARCH,), text)
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}
    events = [
        {"type": "message_start", "message": HEAD},
        *block(0, *first),
        *block(1, *second),
        end,
        {"type": "message_stop"},
    ]
    return scripted.events(*events, named=True)


@pytest.mark.parametrize("late", [False, True], ids=["first", "last"])
def test_a_block_that_a_client_cannot_be_told_is_named_in_a_header_or_in_log_and_metrics(serve, late):
    with scripted.provider(answer(late=late), kind=scripted.SSE) as upstream:
        served = serve(ANTHROPIC_BASE_URL=upstream.url, ANTHROPIC_API_KEY=KEY)
        streamed = served.ask(model="anthropic/m", stream=True)
        whole = served.ask(model="anthropic/m")
        again = served.ask(model="anthropic/m")
    told = "anthropic_messages server_tool_use"

    assert streamed.headers.get("x-samplemind-dropped") == (None if late else told)
    assert whole.headers["x-samplemind-dropped"] == again.headers["x-samplemind-dropped"] == told
    assert '"annotations"' in streamed.text
    assert whole.json()["choices"][0]["message"]["annotations"][0]["url_citation"]["url"] == "https://a"
    assert served.metric('samplemind_left_out_total{provider="anthropic"}') >= 2
    served.stop()
    assert '"left_out":["anthropic_messages server_tool_use"]' in served.log


def test_anthropics_own_client_loses_nothing(serve):
    with scripted.provider(answer(late=False), kind=scripted.SSE) as upstream:
        served = serve(ANTHROPIC_BASE_URL=upstream.url, ANTHROPIC_API_KEY=KEY)
        body = {"model": "anthropic/m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
        found = served.http.post("/v1/messages", json=body)
    assert [part["type"] for part in found.json()["content"]] == ["server_tool_use", "text"]
    assert "x-samplemind-dropped" not in found.headers
