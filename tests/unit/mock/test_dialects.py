import json

import pytest

from samplemind_cli.mock.dialects import anthropic, dialect_of, gemini, ollama, openai
from samplemind_cli.mock.dialects.dialect import RefusedRequest
from samplemind_cli.mock.model import ScriptedAnswer, answer

HI = [{"role": "user", "content": "hello there"}]
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
DONE = "[DONE]"
FAULTS = ["", "length", "refusal", "filter", "thinking"]

KEY = {"authorization": "Bearer k"}
VERSIONED = {"x_api_key": "k", "anthropic_version": "2023-06-01"}
GOOGLE = {"x_goog_api_key": "k"}


def ollama_chat(request_to, **body):
    return ollama.reply(request_to("/api/chat", {"model": "m", "messages": HI, **body}), ())


def openai_chat(request_to, **body):
    return openai.reply(request_to("/v1/chat/completions", {"model": "m", "messages": HI, **body}, **KEY), ())


def openai_responses(request_to, **body):
    return openai.reply(request_to("/v1/responses", {"model": "m", "input": "hello there", **body}, **KEY), ())


def anthropic_chat(request_to, **body):
    full = {"model": "m", "max_tokens": 100, "messages": HI, **body}
    return anthropic.reply(request_to("/v1/messages", full, **VERSIONED), ())


def gemini_chat(request_to, method="generateContent", **body):
    full = {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}], **body}
    return gemini.reply(request_to(f"/v1beta/models/m:{method}", full, **GOOGLE), ())


def whole(reply, fault=""):
    return reply.whole(reply.request, answer(reply.request, None, fault))


def event_schema(chat, event):
    """The schema of an event; None for the two that no document has. Ollama's has its last line as a whole answer's."""
    if event == DONE or event.get("type") == "ping":
        return None
    return DOCUMENTS[chat][1 if event.get("done") else 2]


def events(reply, fault=""):
    return [event.data for event in reply.events(reply.request, answer(reply.request, None, fault))]


TOOLS = {
    ollama_chat: {"tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]},
    openai_chat: {"tools": [{"type": "function", "function": {"name": "weather", "parameters": WEATHER}}]},
    openai_responses: {"tools": [{"type": "function", "name": "weather", "parameters": WEATHER, "strict": True}]},
    anthropic_chat: {"tools": [{"name": "weather", "input_schema": WEATHER}]},
    gemini_chat: {"tools": [{"functionDeclarations": [{"name": "weather", "parametersJsonSchema": WEATHER}]}]},
}
DOCUMENTS = {
    ollama_chat: ("ollama.json", "ChatResponse", "ChatStreamEvent"),
    openai_chat: ("openai.json", "CreateChatCompletionResponse", "CreateChatCompletionStreamResponse"),
    openai_responses: ("openai.json", "Response", "ResponseStreamEvent"),
    anthropic_chat: ("anthropic.yaml", "Message", "MessageStreamEvent"),
    gemini_chat: ("gemini.json", "GenerateContentResponse", "GenerateContentResponse"),
}


@pytest.mark.parametrize("chat", DOCUMENTS)
@pytest.mark.parametrize("fault", FAULTS)
def test_whole_answers_and_events_fit_the_published_document(chat, fault, fits, request_to):
    document, whole_schema, _ = DOCUMENTS[chat]
    reply = chat(request_to)
    fits(document, whole_schema, whole(reply, fault))
    for event in events(reply, fault):
        if schema := event_schema(chat, event):
            fits(document, schema, event)


@pytest.mark.parametrize("chat", DOCUMENTS)
def test_tool_calls_fit_the_published_document(chat, fits, request_to):
    document, whole_schema, _ = DOCUMENTS[chat]
    reply = chat(request_to, **TOOLS[chat])
    fits(document, whole_schema, whole(reply))
    for event in events(reply):
        if schema := event_schema(chat, event):
            fits(document, schema, event)


@pytest.mark.parametrize("chat", DOCUMENTS)
def test_a_stream_says_what_the_whole_answer_says(chat, request_to):
    reply = chat(request_to)
    streamed = {
        ollama_chat: lambda e: e["message"]["content"],
        openai_chat: lambda e: "" if e == DONE else e["choices"][0]["delta"].get("content", ""),
        openai_responses: lambda e: e["delta"] if e["type"] == "response.output_text.delta" else "",
        anthropic_chat: lambda e: e.get("delta", {}).get("text", ""),
        gemini_chat: lambda e: e["candidates"][0]["content"]["parts"][0]["text"],
    }[chat]
    assert "".join(map(streamed, events(reply))) == "You said: hello there"
    assert "You said: hello there" in json.dumps(whole(reply))


def test_ollama_ends_with_durations_and_counts(request_to):
    reply = ollama_chat(request_to)
    said = ScriptedAnswer(("a", "b"), input_tokens=2, wait_ns=50, speak_ns=70)
    *words, end = [event.data for event in reply.events(reply.request, said)]
    assert not any(line["done"] for line in words)
    assert (end["done"], end["done_reason"], end["prompt_eval_count"], end["eval_count"]) == (True, "stop", 2, 2)
    assert (end["prompt_eval_duration"], end["eval_duration"], end["total_duration"]) == (50, 70, 120)


def test_ollama_streams_unless_told_not_to(request_to):
    assert ollama_chat(request_to).request.stream
    assert not ollama_chat(request_to, stream=False).request.stream


def test_ollama_only_loads_the_model_for_an_empty_prompt(request_to):
    assert ollama_chat(request_to, messages=[]).body["done_reason"] == "load"
    assert ollama.reply(request_to("/api/generate", {"model": "m"}), ()).body["done_reason"] == "load"


@pytest.mark.parametrize("path", ["/api/chat", "/api/generate"])
def test_ollama_unloads_a_model_that_is_to_be_kept_for_no_time(path, request_to):
    def reason(**body):
        return ollama.reply(request_to(path, {"model": "m", **body}), ()).body["done_reason"]

    found = [reason(keep_alive=0), reason(keep_alive="0s"), reason(keep_alive="5m"), reason()]
    assert found == ["unload", "unload", "load", "load"]


def test_ollama_still_gives_one_vector_for_one_prompt(request_to):
    old = ollama.reply(request_to("/api/embeddings", {"model": "m", "prompt": "hi"}), ()).body
    new = ollama.reply(request_to("/api/embed", {"model": "m", "input": "hi"}), ()).body

    assert old == {"embedding": new["embeddings"][0]}


def test_anthropic_counts_the_tokens_of_a_prompt(fits, request_to):
    def count(**body):
        asked = {"model": "m", "messages": HI, **body}
        return anthropic.reply(request_to("/v1/messages/count_tokens", asked, **VERSIONED), ()).body

    assert count() == {"input_tokens": 2}
    assert count(system="be brief")["input_tokens"] == 4
    assert count(tools=[{"name": "f", "input_schema": {}}])["input_tokens"] > 2
    fits("anthropic.yaml", "CountMessageTokensResponse", count())


def test_gemini_counts_contents_or_a_whole_request_and_never_both(fits, request_to):
    contents = [{"role": "user", "parts": [{"text": "hello there"}]}]
    whole = {"model": "models/m", "contents": contents, "systemInstruction": {"parts": [{"text": "be brief"}]}}

    def count(**body):
        return gemini.reply(request_to("/v1beta/models/m:countTokens", body, **GOOGLE), ()).body

    assert count(contents=contents) == {"totalTokens": 2}
    assert count(generateContentRequest=whole) == {"totalTokens": 4}
    both, nameless = {"contents": contents, "generateContentRequest": whole}, {**whole, "model": "m"}
    for wrong in (both, {"generateContentRequest": nameless}):
        with pytest.raises(RefusedRequest):
            count(**wrong)
    fits("gemini.json", "CountTokensResponse", count(contents=contents))


def test_gemini_embeds_one_text_and_a_batch(fits, request_to):
    def embedded(verb, **body):
        return gemini.reply(request_to(f"/v1beta/models/m:{verb}", body, **GOOGLE), ()).body

    text = {"content": {"parts": [{"text": "a"}]}}
    one = embedded("embedContent", **text)
    batch = embedded("batchEmbedContents", requests=[{**text, "outputDimensionality": 3}, text])
    fits("gemini.json", "EmbedContentResponse", one)
    fits("gemini.json", "BatchEmbedContentsResponse", batch)
    assert [len(vector["values"]) for vector in batch["embeddings"]] == [3, len(one["embedding"]["values"])]
    for wrong in ({"requests": []}, {"requests": [text] * 101}, {"requests": [{"content": {"parts": []}}]}):
        with pytest.raises(RefusedRequest):
            embedded("batchEmbedContents", **wrong)


def test_ollama_generate_answers_and_thinks(fits, request_to):
    reply = ollama.reply(request_to("/api/generate", {"model": "m", "prompt": "hello", "think": True}), ())
    assert whole(reply)["response"] == "You said: hello"
    assert whole(reply)["thinking"]
    fits("ollama.json", "GenerateResponse", whole(reply))
    for event in events(reply):
        fits("ollama.json", "GenerateStreamEvent", event)


def test_ollama_lists_shows_and_embeds(fits, request_to):
    models = ("tiny", "big:7b")
    listed = ollama.reply(request_to("/api/tags"), models).body
    loaded = ollama.reply(request_to("/api/ps"), models).body
    assert [m["name"] for m in listed["models"]] == [m["name"] for m in loaded["models"]] == ["tiny:latest", "big:7b"]
    fits("ollama.json", "ListResponse", listed)
    fits("ollama.json", "PsResponse", loaded)
    fits("ollama.json", "ShowResponse", ollama.reply(request_to("/api/show", {"model": "tiny:latest"}), models).body)
    vectors = ollama.reply(request_to("/api/embed", {"model": "tiny", "input": ["a", "b"]}), models).body
    fits("ollama.json", "EmbedResponse", vectors)
    assert len(vectors["embeddings"]) == 2


def test_openai_reports_usage_in_a_stream_only_when_asked(request_to):
    asked = events(openai_chat(request_to, stream_options={"include_usage": True}))
    assert asked[-2]["choices"] == []
    assert asked[-2]["usage"]["total_tokens"] == 2 + 4
    assert all(chunk["usage"] is None for chunk in asked[:-2])
    assert not any("usage" in chunk for chunk in events(openai_chat(request_to))[:-1])


def test_openai_says_a_tool_call_in_pieces(request_to):
    deltas = [e["choices"][0]["delta"] for e in events(openai_chat(request_to, **TOOLS[openai_chat]))[:-1]]
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["function"]["name"] == "weather"
    assert calls[0]["id"]
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"city": "mock"}
    assert events(openai_chat(request_to, **TOOLS[openai_chat]))[-2]["choices"][0]["finish_reason"] == "tool_calls"


@pytest.mark.parametrize("fault", FAULTS)
def test_openais_response_ends_with_all_that_its_events_said(fault, request_to):
    told = events(openai_responses(request_to, stream=True, **TOOLS[openai_responses]), fault)
    items = [event["item"] for event in told if event["type"] == "response.output_item.done"]

    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [told[0]["type"], told[1]["type"]] == ["response.created", "response.in_progress"]
    assert told[-1]["type"] == f"response.{told[-1]['response']['status']}"
    assert told[-1]["response"]["output"] == items


@pytest.mark.parametrize("name", ["previous_response_id", "conversation", "prompt"])
def test_openais_response_knows_nothing_of_an_earlier_one(name, request_to):
    with pytest.raises(RefusedRequest) as refused:
        openai_responses(request_to, **{name: "x"})
    assert refused.value.error.param == name


def test_openai_counts_a_prompt_and_refuses_what_says_how_to_answer(fits, request_to):
    def count(**more):
        body = {"model": "m", "input": "hello there", "instructions": "be brief", **more}
        return openai.reply(request_to("/v1/responses/input_tokens", body, **KEY), ()).body

    fits("openai.json", "TokenCountsResource", count())
    assert count() == {"object": "response.input_tokens", "input_tokens": 4}
    assert count(tools=[{"type": "function", "name": "f", "parameters": {}}])["input_tokens"] > 4
    for wrong in ({"stream": True}, {"input": []}):
        with pytest.raises(RefusedRequest):
            count(**wrong)


def test_openai_answers_a_functions_result_with_words(request_to):
    call = {"type": "function_call", "call_id": "c", "name": "weather", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "it rains"}
    reply = openai_responses(request_to, input=[call, result], **TOOLS[openai_responses])

    assert "it rains" in whole(reply)["output"][0]["content"][0]["text"]


def test_openai_lists_and_embeds_in_both_encodings(fits, request_to):
    fits("openai.json", "ListModelsResponse", openai.reply(request_to("/v1/models", **KEY), ("a",)).body)
    body = {"model": "m", "input": "some text", "dimensions": 4}
    floats = openai.reply(request_to("/v1/embeddings", body, **KEY), ()).body
    fits("openai.json", "CreateEmbeddingResponse", floats)
    packed = openai.reply(request_to("/v1/embeddings", {**body, "encoding_format": "base64"}, **KEY), ()).body
    import base64
    import struct

    unpacked = struct.unpack("<4f", base64.b64decode(packed["data"][0]["embedding"]))
    assert list(unpacked) == pytest.approx(floats["data"][0]["embedding"])


def test_anthropic_counts_input_first_and_output_cumulatively(request_to):
    told = events(anthropic_chat(request_to, system="be brief"))
    assert [e["type"] for e in told[:3]] == ["message_start", "ping", "content_block_start"]
    assert told[0]["message"]["usage"]["input_tokens"] == 4
    assert told[-2]["usage"]["output_tokens"] == 4
    assert told[-1] == {"type": "message_stop"}


def test_anthropic_says_tool_arguments_as_json_pieces(request_to):
    told = events(anthropic_chat(request_to, **TOOLS[anthropic_chat]))
    pieces = [e["delta"]["partial_json"] for e in told if e.get("delta", {}).get("type") == "input_json_delta"]
    assert json.loads("".join(pieces)) == {"city": "mock"}
    assert told[-2]["delta"]["stop_reason"] == "tool_use"


def test_anthropic_calls_no_tool_that_is_still_to_be_found(request_to):
    deferred = {"name": "hidden", "input_schema": {}, "defer_loading": True}
    reply = anthropic_chat(request_to, tools=[deferred, {"name": "weather", "input_schema": WEATHER}])

    assert [block["name"] for block in whole(reply)["content"] if block["type"] == "tool_use"] == ["weather"]


def test_anthropic_signs_its_thinking(request_to):
    reply = anthropic_chat(request_to, thinking={"type": "enabled", "budget_tokens": 1024})
    deltas = [e["delta"]["type"] for e in events(reply) if e["type"] == "content_block_delta"]
    assert deltas[0] == "thinking_delta"
    assert deltas.index("signature_delta") < deltas.index("text_delta")


def test_anthropic_lists_models_for_those_who_send_its_version(fits, request_to):
    request = request_to("/v1/models", **VERSIONED)
    assert dialect_of(request) is anthropic
    fits("anthropic.yaml", "ListResponse_ModelInfo_", anthropic.reply(request, ("a", "b")).body)


def test_gemini_is_known_by_its_key_and_its_verbs_in_both_versions(request_to):
    assert dialect_of(request_to("/v1/models", **GOOGLE)) is gemini
    assert dialect_of(request_to("/v1/models/m:generateContent", {})) is gemini
    assert dialect_of(request_to("/v1/models/m", **KEY)) is openai
    listed = gemini.reply(request_to("/v1/models", **GOOGLE), ("a",)).body
    assert [model["name"] for model in listed["models"]] == ["models/a"]


def test_gemini_takes_the_names_of_fields_in_snake_case_too(request_to):
    declared = [{"function_declarations": [{"name": "weather", "parameters_json_schema": WEATHER}]}]
    assert answer(gemini_chat(request_to, tools=declared).request).call_arguments == {"city": "mock"}
    limited = gemini_chat(request_to, generation_config={"max_output_tokens": 1})
    assert answer(limited.request).finish == "length"


def test_gemini_blocks_a_prompt_without_candidates(request_to):
    refused = whole(gemini_chat(request_to), "refusal")
    assert refused["promptFeedback"]["blockReason"]
    assert "candidates" not in refused
    assert whole(gemini_chat(request_to), "filter")["candidates"][0]["finishReason"] == "SAFETY"


def test_gemini_counts_thoughts_beside_the_answer(request_to):
    reply = gemini_chat(request_to, generationConfig={"thinkingConfig": {"includeThoughts": True}})
    usage = whole(reply)["usageMetadata"]
    assert usage["candidatesTokenCount"] == 4
    assert usage["totalTokenCount"] == 2 + 4 + usage["thoughtsTokenCount"]


def test_gemini_streams_an_array_unless_asked_for_events(request_to):
    assert gemini_chat(request_to, "streamGenerateContent").framing.opening == b"["
    assert gemini_chat(request_to, "streamGenerateContent?alt=sse").framing.media_type == "text/event-stream"


@pytest.mark.parametrize(
    ("chat", "body"),
    [
        (ollama_chat, {"format": WEATHER}),
        (openai_chat, {"response_format": {"type": "json_schema", "json_schema": {"name": "w", "schema": WEATHER}}}),
        (anthropic_chat, {"output_config": {"format": {"type": "json_schema", "schema": WEATHER}}}),
        (
            gemini_chat,
            {"generationConfig": {"responseMimeType": "application/json", "responseJsonSchema": WEATHER}},
        ),
    ],
)
def test_a_schema_is_answered_with_json_that_satisfies_it(chat, body, request_to):
    said = answer(chat(request_to, **body).request)
    assert json.loads("".join(said.text)) == {"city": "mock"}


@pytest.mark.parametrize(
    ("chat", "body"),
    [
        (ollama_chat, {"options": {"num_predict": 2}}),
        (openai_chat, {"max_completion_tokens": 2}),
        (openai_chat, {"max_tokens": 2}),
        (anthropic_chat, {"max_tokens": 2}),
        (gemini_chat, {"generationConfig": {"maxOutputTokens": 2}}),
    ],
)
def test_a_token_limit_cuts_the_answer_off(chat, body, request_to):
    said = answer(chat(request_to, **body).request)
    assert (len(said.text), said.finish) == (2, "length")
    assert any(end in json.dumps(whole(chat(request_to, **body))) for end in ('"length"', '"max_tokens"', "MAX_TOKENS"))


@pytest.mark.parametrize(
    ("chat", "body"),
    [
        (ollama_chat, {"messages": [*HI, {"role": "tool", "content": "sunny"}]}),
        (openai_chat, {"messages": [*HI, {"role": "tool", "content": "sunny"}]}),
        (ollama_chat, {"messages": [*HI, {"role": "tool", "content": "x"}, {"role": "system", "content": "go on"}]}),
        (openai_chat, {"messages": [*HI, {"role": "tool", "content": "x"}, {"role": "system", "content": "go on"}]}),
        (openai_chat, {"tool_choice": "none"}),
        (
            anthropic_chat,
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "sunny"}]},
                    {"role": "system", "content": "go on"},
                ]
            },
        ),
        (
            anthropic_chat,
            {
                "messages": [
                    {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "sunny"}]}
                ]
            },
        ),
        (anthropic_chat, {"tool_choice": {"type": "none"}}),
        (gemini_chat, {"contents": [{"parts": [{"functionResponse": {"name": "weather", "response": {}}}]}]}),
        (gemini_chat, {"toolConfig": {"functionCallingConfig": {"mode": "NONE"}}}),
    ],
)
def test_a_tools_result_or_a_ban_on_tools_gets_words(chat, body, request_to):
    assert answer(chat(request_to, **TOOLS[chat], **body).request).tool == ""


def test_claude_takes_instructions_after_a_users_turn(request_to):
    said = [*HI, {"role": "system", "content": "be brief"}]
    assert answer(anthropic_chat(request_to, messages=said).request).text


@pytest.mark.parametrize("roles", [["system", "user"], ["user", "system", "user"], ["user", "system", "system"]])
def test_claude_refuses_instructions_in_other_places(request_to, roles):
    with pytest.raises(RefusedRequest, match="system follows"):
        anthropic_chat(request_to, messages=[{"role": role, "content": "hi"} for role in roles])


REFUSED = [
    ("/api/chat", None, {}, 405),
    ("/api/chat", {"messages": HI}, {}, 400),
    ("/api/chat", {"model": "other", "messages": HI}, {}, 404),
    ("/api/none", {}, {}, 404),
    ("/v1/chat/completions", {"model": "m", "messages": HI}, {}, 401),
    ("/v1/chat/completions", {"model": "m"}, KEY, 400),
    ("/v1/chat/completions", {"model": "m", "messages": [{"role": "robot"}]}, KEY, 400),
    ("/v1/chat/completions", {"model": "other", "messages": HI}, KEY, 404),
    ("/v1/none", {}, KEY, 404),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": HI}, {"anthropic_version": "2023-06-01"}, 401),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": HI}, {"x_api_key": "k"}, 400),
    ("/v1/messages", {"model": "m", "messages": HI}, VERSIONED, 400),
    ("/v1/messages", {"model": "m", "max_tokens": 1, "messages": [{"role": "system"}]}, VERSIONED, 400),
    ("/v1/messages", {"model": "other", "max_tokens": 1, "messages": HI}, VERSIONED, 404),
    (
        "/v1/messages",
        {"model": "m", "max_tokens": 1, "messages": HI, "temperature": 1.0},
        {"x_api_key": "k", "anthropic_version": "2026-10-21"},
        400,
    ),
    ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}, {}, 403),
    ("/v1beta/models/m:generateContent", {}, GOOGLE, 400),
    ("/v1beta/models/m:generateContent", {"contents": [{"role": "system", "parts": [{"text": "x"}]}]}, GOOGLE, 400),
    ("/v1beta/models/other:generateContent", {"contents": [{"parts": [{"text": "x"}]}]}, GOOGLE, 404),
    ("/v1beta/models/m:sing", {}, GOOGLE, 404),
]


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_provider_refuses_is_refused_in_its_own_shape(case, request_to, fits):
    target, body, headers, status = case
    request = request_to(target, body, **headers)
    dialect = dialect_of(request)
    with pytest.raises(RefusedRequest) as refused:
        dialect.reply(request, ("m",))
    assert refused.value.error.status == status
    told = dialect.error_body(refused.value.error)
    if dialect is ollama:
        assert isinstance(told["error"], str)
    elif dialect is gemini:
        assert (told["error"]["code"], told["error"]["status"].isupper()) == (status, True)
    else:
        fits({openai: "openai.json", anthropic: "anthropic.yaml"}[dialect], "ErrorResponse", told)


@pytest.mark.parametrize("dialect", [ollama, openai, anthropic, gemini])
def test_a_body_that_is_no_json_object_is_refused(dialect, request_to):
    target, headers = {
        ollama: ("/api/chat", {}),
        openai: ("/v1/chat/completions", KEY),
        anthropic: ("/v1/messages", VERSIONED),
        gemini: ("/v1beta/models/m:generateContent", GOOGLE),
    }[dialect]
    for body in ([1], "x", 1):
        with pytest.raises(RefusedRequest) as refused:
            dialect.reply(request_to(target, body, **headers), ())
        assert refused.value.error.status == 400


def test_only_one_of_the_allowed_tools_is_called(request_to):
    tools = [{"type": "function", "function": {"name": name}} for name in ("a", "b", "c")]
    allowed = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": tools[1:]}}
    assert answer(openai_chat(request_to, tools=tools, tool_choice=allowed).request).tool == "b"

    declared = [{"functionDeclarations": [{"name": name} for name in ("a", "b", "c")]}]
    config = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["b", "c"]}}
    assert answer(gemini_chat(request_to, tools=declared, toolConfig=config).request).tool == "b"
