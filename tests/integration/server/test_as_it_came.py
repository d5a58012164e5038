"""Before a provider of the client's own format: requests, answers and refusals go through as they came."""

import json

import pytest
from parts import scripted

pytestmark = pytest.mark.integration
KEY = "sk-ant-api03-quite-secret"
HI = [{"role": "user", "content": "hi"}]
CHAT = {"model": "openai/m", "messages": HI, "brand_new": {"a": 1}}
MESSAGES = {"model": "anthropic/m", "max_tokens": 9, "messages": HI, "brand_new": {"a": 1}}
GEMINI = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}], "brandNew": 1}
RESPONSES = {"model": "openai/m", "input": HI, "tools": [{"type": "web_search"}], "brand_new": {"a": 1}}
OLLAMA = {"model": "ollama/m", "messages": HI, "brand_new": 1}
STREAMED = [
    {
        "type": "message_start",
        "message": {"id": "up", "model": "c", "content": [], "usage": {"input_tokens": 5, "x": 1}},
    },
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}, "brand_new": 1},
    {"type": "message_stop"},
]
# Path, body, where the provider is, how it answers.
ROUTES = {
    "openai": ("/v1/chat/completions", CHAT, "OPENAI_BASE_URL", scripted.openai("Hello")),
    "anthropic": ("/v1/messages", MESSAGES, "ANTHROPIC_BASE_URL", scripted.anthropic("Hello")),
    "responses": ("/v1/responses", RESPONSES, "OPENAI_BASE_URL", scripted.responses("Hello")),
    "gemini": ("/v1beta/models/gemini/m:generateContent", GEMINI, "GEMINI_BASE_URL", scripted.gemini("Hello")),
    "ollama": ("/api/chat", {**OLLAMA, "stream": False}, "OLLAMA_HOST", scripted.ollama("Hello")),
}
ERRORS = {
    "openai": {
        "error": {"message": f"slow down, {KEY}", "type": "requests", "param": None, "code": "slow_down", "x": 1}
    },
    "anthropic": {"type": "error", "error": {"type": "billing_error", "message": f"no {KEY}"}, "request_id": "r"},
    "gemini": {"error": {"code": 429, "message": f"no {KEY}", "status": "RESOURCE_EXHAUSTED", "details": [{"a": 1}]}},
    "ollama": {"error": f"no {KEY}", "signin_url": "https://x"},
}
ERRORS["responses"] = ERRORS["openai"]
every = pytest.mark.parametrize("name", ROUTES)


def ask(serve, name, upstream, headers=None):
    path, body, variable, _ = ROUTES[name]
    keys = dict.fromkeys(("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY"), KEY)
    return serve(**{variable: upstream.url}, **keys).http.post(path, json=body, headers=headers)


@every
def test_a_body_and_its_headers_reach_a_provider_of_their_format_as_they_came(serve, name):
    data, kind = ROUTES[name][3]
    with scripted.provider(data, kind=kind) as upstream:
        answer = ask(serve, name, upstream, {"anthropic-beta": "brand-new-1", "openai-beta": "brand-new-2"})
        sent, head = upstream.asked[0], upstream.heads[0]
    ours = {"model", "stream", "stream_options", "truncate", "store"}

    assert answer.status_code == 200, answer.text
    assert "Hello" in answer.text
    assert {field: sent[field] for field in sent if field not in ours} == {
        field: value for field, value in ROUTES[name][1].items() if field not in ours
    }
    assert ("anthropic-beta" in head) == (name == "anthropic")
    assert ("openai-beta" in head) == (name in ("openai", "responses"))
    assert "x-samplemind-dropped" not in answer.headers


def test_a_stream_of_responses_comes_back_as_it_came(serve):
    data, kind = scripted.responses("Hello", [("call_1", "f", '{"a": 1}')])
    data = data.replace('"status": "completed"', '"status": "completed", "brand_new": 1')
    with scripted.provider(data, kind=kind) as upstream:
        served = serve(OPENAI_BASE_URL=upstream.url)
        fresh, again = (served.http.post("/v1/responses", json={**RESPONSES, "stream": True}) for _ in range(2))

    events = [
        [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: ")] for text in (fresh.text, data)
    ]
    assert events[0] == events[1]
    types = [[line for line in answer.text.splitlines() if line.startswith("event: ")] for answer in (fresh, again)]
    assert types[0] == [line for line in types[1] if line != "event: response.in_progress"]
    assert len(upstream.asked) == 1


def test_a_stream_comes_back_as_it_came(serve):
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in STREAMED)
    with scripted.provider(data, kind=scripted.SSE) as upstream:
        served = serve(ANTHROPIC_BASE_URL=upstream.url)
        answers = [served.http.post("/v1/messages", json={**MESSAGES, "stream": True}) for _ in range(2)]
        events = [[json.loads(x[6:]) for x in a.text.splitlines() if x.startswith("data: ")] for a in answers]

    assert events[0] == STREAMED
    assert [event["type"] for event in events[1]] == [event["type"] for event in STREAMED]
    assert len(upstream.asked) == 1


REFUSED = [(name, status) for name in ROUTES for status in (400, 404, 413, 429, 503, 529)]


@pytest.mark.parametrize(("name", "status"), REFUSED)
def test_a_refusal_comes_back_with_its_status_and_its_words_but_without_keys(serve, name, status):
    more = [("retry-after", "77"), ("x-should-retry", "false"), ("anthropic-ratelimit-requests-limit", "5")]
    with scripted.provider(json.dumps(ERRORS[name]), status=status, headers=more) as upstream:
        answer = ask(serve, name, upstream)

    assert answer.status_code == status
    assert answer.json() == json.loads(json.dumps(ERRORS[name]).replace(KEY, "[key]"))
    assert answer.headers["retry-after"] == "77"
    assert answer.headers["x-should-retry"] == "false"
    assert answer.headers["anthropic-ratelimit-requests-limit"] == "5"


@every
def test_a_key_that_a_provider_refuses_is_not_the_clients(serve, name):
    with scripted.provider(json.dumps({"error": {"message": f"Invalid API key: {KEY}"}}), status=401) as upstream:
        answer = ask(serve, name, upstream)

    assert answer.status_code == 403
    assert KEY not in answer.text


def test_a_refusal_of_another_format_is_told_in_the_clients(serve):
    with scripted.provider(json.dumps(ERRORS["openai"]), status=429) as upstream:
        served = serve(OPENAI_BASE_URL=upstream.url)
        answer = served.http.post("/v1/messages", json={**MESSAGES, "model": "openai/m"}, headers={"x-api-key": "k"})

    assert answer.json()["error"]["type"] == "rate_limit_error"
    assert answer.status_code == 429


def test_a_spent_account_is_not_asked_again_at_once(serve):
    broke = {"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}
    with scripted.provider(json.dumps(broke), status=429) as upstream:
        served = serve(OPENAI_BASE_URL=upstream.url)
        answer = served.http.post("/v1/messages", json={**MESSAGES, "model": "openai/m"})

    assert answer.json()["error"]["type"] == "billing_error"
    assert answer.headers["x-should-retry"] == "false"


def test_an_error_in_a_stream_that_has_begun_comes_back_as_it_came(serve):
    told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "r"}
    data = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in (*STREAMED[:3], told))
    with scripted.provider(data, kind=scripted.SSE) as upstream:
        answer = serve(ANTHROPIC_BASE_URL=upstream.url).http.post("/v1/messages", json={**MESSAGES, "stream": True})

    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert events == [*STREAMED[:3], told]


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        ("/v1/messages", {**MESSAGES, "model": "ollama/m", "messages": [
            {"role": "user", "content": [{"type": "document", "source": {"type": "url", "url": "https://x/y"}}]}
        ]}, "messages"),
        (
            "/v1beta/models/anthropic/m:generateContent",
            {**GEMINI, "generationConfig": {"presencePenalty": 1}},
            "generationConfig.presencePenalty",
        ),
        ("/v1/responses", {"model": "ollama/m", "input": [{"role": "user", "content": [
            {"type": "input_image", "image_url": "https://x/y.png"}]}]}, "input"),
        ("/api/chat", {**OLLAMA, "model": "anthropic/m", "options": {"top_k": 5}}, "options.top_k"),
    ],
)  # fmt: skip
def test_what_a_provider_does_not_take_is_named_in_the_clients_words(served, path, body, name):
    answer = served.http.post(path, json=body)

    assert answer.status_code == 400
    assert name in answer.text
