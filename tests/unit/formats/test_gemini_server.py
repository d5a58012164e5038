"""What Gemini's clients send: read, and sent on to Gemini as the same body."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats import tokens
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import catalog, client, embeddings, server
from samplemind_cli.formats.types import (
    Embeddings,
    Endpoint,
    Media,
    Message,
    Opaque,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

GEMINI = Endpoint("http://x", "gemini-3-pro")
HI = [{"role": "user", "parts": [{"text": "hi"}]}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def read(**changes):
    return server.read(Fields({"contents": HI, **changes}))


def configured(**config):
    return read(generationConfig=config)


def sent(body):
    return client.chat(server.read(Fields(body)), GEMINI).json


def test_a_conversation_is_read_part_by_part():
    contents = [
        {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "iVA="}}]},
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "s1"},
                {"functionCall": {"id": "1", "name": "f", "args": {"a_b": 1}}, "thoughtSignature": "s2"},
                {"executableCode": {"code": "1"}},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "1", "name": "f", "response": {"result": "ok"}}}]},
    ]
    found = read(contents=contents, systemInstruction={"parts": [{"text": "be brief"}]})

    assert found.messages == (
        Message("system", "be brief"),
        Message("user", (Text("look"), Media("image", "image/png", b"\x89P"))),
        Message(
            "assistant",
            (
                Thinking("hm", "s1", "gemini"),
                ToolCall("f", '{"a_b":1}', "1", signature="s2"),
                Opaque("gemini", {"executableCode": {"code": "1"}}),
            ),
        ),
        Message("tool", (ToolResult("1", (Text("ok"),), name="f"),)),
    )


def test_the_path_decides_whether_an_answer_is_streamed():
    body = Fields({"contents": HI, "stream": True})
    whole = server.located(body, "auto", "generateContent")
    live = server.located(body, "auto", "streamGenerateContent", "sse")
    assert (server.streams(whole), server.streams(live)) == (False, True)
    assert server.read(whole) == server.read(live)
    kinds = [
        server.events("1", "m", fields).kind for fields in (live, server.located(body, "a", "streamGenerateContent"))
    ]
    assert kinds == ["text/event-stream", "application/json"]


def test_protobuf_names_are_taken_and_the_clients_own_names_are_kept():
    config = {"max_output_tokens": "5", "stop_sequences": ["E"], "thinking_config": {"thinking_budget": 7.0}}
    call = {"function_call": {"name": "f", "args": {"snake_case": {"inner_key": 1}}}}
    found = read(contents=[*HI, {"role": "model", "parts": [call]}], generation_config=config)

    assert (found.max_tokens, found.stop, found.thinking_budget) == (5, ("E",), 7)
    assert found.messages[1].tool_calls[0].arguments == '{"snake_case":{"inner_key":1}}'


def test_a_plain_question_says_nothing_that_would_keep_it_from_the_cache_of_other_formats():
    config = {"candidateCount": 1, "responseModalities": ["TEXT"], "responseMimeType": "text/plain"}
    found = read(generationConfig=config, safetySettings=[], stream=True, alt="sse", model="m")

    assert (found.extra, found.unkeyed) == ({}, {})
    assert found.needs == frozenset()
    assert found.wishes == frozenset()


def test_schemas_of_geminis_own_kind_become_json_schema_and_go_back_as_they_came():
    schema = {
        "type": "OBJECT",
        "properties": {"a_b": {"type": "STRING", "nullable": True, "maxLength": "9", "example": "x"}},
        "required": ["a_b"],
        "propertyOrdering": ["a_b"],
    }
    config = {"responseMimeType": "application/json", "responseSchema": schema}
    found = configured(**config)

    assert found.schema == {
        "type": "object",
        "properties": {"a_b": {"type": ["string", "null"], "maxLength": 9, "examples": ["x"]}},
        "required": ["a_b"],
        "propertyOrdering": ["a_b"],
    }
    assert sent({"contents": HI, "generationConfig": config})["generationConfig"] == config


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, None),
        ({"mode": "AUTO"}, "auto"),
        ({"mode": "NONE"}, "none"),
        ({"mode": "ANY"}, "required"),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g", "h"]}, "required"),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, {"type": "function", "function": {"name": "f"}}),
    ],
)
def test_a_choice_of_functions_is_translated(config, expected):
    declared = [{"name": name} for name in "fgh"]
    found = read(tools=[{"functionDeclarations": declared}], toolConfig={"functionCallingConfig": config})
    assert (found.tool_choice, found.extra) == (expected, {})


def test_an_answer_in_a_form_of_geminis_own_is_a_constraint():
    config = {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}}
    found = configured(**config)
    assert (found.schema, found.json_mode) == (None, False)
    assert found.needs == {"generationConfig.responseMimeType"}
    assert sent({"contents": HI, "generationConfig": config})["generationConfig"] == config
    for speaks in ("openai_chat", "anthropic_messages", "ollama", "openai_responses"):
        assert not CLIENTS[speaks].takes("generationConfig.responseMimeType", found, Endpoint("http://host/v1", "m"))


def test_a_choice_among_some_functions_is_translated_and_validation_is_a_hint():
    declared = [{"functionDeclarations": [{"name": name, "description": ""} for name in "fgh"]}]
    some = {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f", "g"]}}
    checked = {"functionCallingConfig": {"mode": "VALIDATED"}}

    assert read(tools=declared, toolConfig=some).functions == {"f", "g"}
    assert read(tools=declared, toolConfig=checked).wishes == {"toolConfig.functionCallingConfig.mode"}
    for config in (some, checked):
        assert sent({"contents": HI, "tools": declared, "toolConfig": config})["toolConfig"] == config


def test_thinking_is_translated_and_kept_in_geminis_words():
    found = configured(thinkingConfig={"thinkingLevel": "LOW", "includeThoughts": True})
    assert (found.effort, found.thinking_budget) == ("low", None)
    assert found.wishes == {"effort"}
    assert configured(thinkingConfig={"thinkingBudget": -1}).thinking_budget is None
    assert configured(thinkingConfig={"thinkingBudget": 0}).thinking_budget == 0


def test_further_choices_and_probabilities_have_the_names_of_every_format():
    found = configured(candidateCount=2, responseLogprobs=True, logprobs=3, topK=4)
    assert found.extra == {"n": 2, "logprobs": True, "top_logprobs": 3, "top_k": 4}
    assert found.needs == {"n", "logprobs", "top_logprobs"}


def test_the_sampling_that_geminis_command_line_always_names_refuses_no_provider():
    found = configured(topK=64, topP=0.95, temperature=1)
    assert not found.needs
    assert found.wishes == {"top_k", "top_p", "temperature"}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"contents": []}, "contents"),
        ({"contents": "hi"}, "contents"),
        ({"contents": [{"role": "king", "parts": [{"text": "x"}]}]}, "contents[0].role"),
        ({"contents": [{"parts": [{"inlineData": {"data": "%"}}]}]}, "contents[0].parts[0].inlineData.data"),
        ({"generationConfig": {"temperature": 3}}, "generationConfig.temperature"),
        ({"generationConfig": {"responseMimeType": 5}}, "generationConfig.responseMimeType"),
        ({"generationConfig": {"stopSequences": [""]}}, "generationConfig.stopSequences"),
        (
            {"toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}}},
            "toolConfig.functionCallingConfig.allowedFunctionNames",
        ),
    ],
)
def test_what_cannot_be_read_is_named(body, field):
    with pytest.raises(BadRequestError) as refused:
        server.read(Fields({"contents": HI, **body}))
    assert (refused.value.status, refused.value.param) == (400, field)


words = st.text(min_size=1, max_size=9).filter(str.strip)
objects = st.dictionaries(st.text(max_size=4), st.none() | st.integers() | st.text(max_size=4), max_size=2)
asked = st.one_of(
    st.builds(lambda text: {"text": text}, words),
    st.just({"inlineData": {"mimeType": "image/png", "data": "iVA=", "displayName": "a.png"}}),
    st.just({"fileData": {"mimeType": "video/mp4", "fileUri": "https://youtu.be/x"}, "videoMetadata": {"fps": 1}}),
    st.just({"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/x"}}),
)
said = st.one_of(
    st.builds(lambda text: {"text": text, "thoughtSignature": "s"}, words),
    st.builds(lambda text: {"text": text}, words),
    st.builds(lambda text: {"text": text, "thought": True, "thoughtSignature": "s"}, words),
    st.just({"text": "", "thoughtSignature": "s"}),
    st.just({"executableCode": {"language": "PYTHON", "code": "1"}}),
    st.just({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}),
)
responses = st.one_of(
    objects,
    st.builds(lambda value: {"result": value}, st.text(max_size=5) | st.integers() | st.lists(st.integers())),
    st.builds(lambda value: {"error": value}, st.text(max_size=5)),
)


@st.composite
def conversations(draw):
    turns = [{"role": "user", "parts": draw(st.lists(asked, min_size=1, max_size=3))}]
    for n in range(draw(st.integers(0, 2))):
        calls = [
            {"functionCall": {"id": f"c{n}.{m}", "name": f"f{m}", "args": draw(objects)}, "thoughtSignature": "p"}
            for m in range(draw(st.integers(0, 2)))
        ]
        turns.append({"role": "model", "parts": [*draw(st.lists(said, min_size=1, max_size=3)), *calls]})
        results = [
            {
                "functionResponse": {
                    "id": call["functionCall"]["id"],
                    "name": call["functionCall"]["name"],
                    "response": draw(responses),
                    **draw(st.sampled_from([{}, {"willContinue": True}, {"scheduling": "SILENT"}])),
                }
            }
            for call in calls
        ]
        turns.append({"role": "user", "parts": results or draw(st.lists(asked, min_size=1, max_size=2))})
    return turns


DECLARATIONS = [
    {"name": "f0", "description": "does", "parametersJsonSchema": {"type": "object", "properties": {"a_b": {}}}},
    {"name": "f1", "description": "", "behavior": "BLOCKING"},
]
configs = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.floats(0, 2),
        "topP": st.floats(0, 1),
        "topK": st.integers(1, 9),
        "candidateCount": st.integers(2, 3),
        "maxOutputTokens": st.integers(1, 9),
        "stopSequences": st.lists(words, min_size=1, max_size=5),
        "seed": st.integers(-9, 9),
        "presencePenalty": st.floats(0.5, 1),
        "frequencyPenalty": st.floats(-2, -1),
        "responseLogprobs": st.just(True),
        "logprobs": st.integers(1, 3),
        "thinkingConfig": st.sampled_from([{"thinkingBudget": -1}, {"thinkingLevel": "LOW", "includeThoughts": True}]),
        "mediaResolution": st.just("MEDIA_RESOLUTION_LOW"),
        "responseModalities": st.just(["TEXT", "IMAGE"]),
        "imageConfig": st.just({"aspectRatio": "1:1"}),
        "speechConfig": st.just({"languageCode": "de"}),
        "brandNew": st.just({"a": 1}),
    },
)
bodies = st.fixed_dictionaries(
    {"contents": conversations()},
    optional={
        "systemInstruction": st.just({"parts": [{"text": "a"}, {"text": "b"}]}),
        "generationConfig": configs.filter(bool),
        "tools": st.sampled_from(
            [[{"googleSearch": {}}, {"functionDeclarations": DECLARATIONS}], [{"codeExecution": {}}]]
        ),
        "toolConfig": st.just({"retrievalConfig": {"languageCode": "de"}}),
        "safetySettings": st.just([{"category": "C", "threshold": "T"}]),
        "cachedContent": st.just("cachedContents/1"),
        "labels": st.just({"team": "x"}),
        "brandNewField": st.just([1]),
    },
)


@given(bodies)
def test_gemini_is_sent_what_its_client_sent(body):
    assert sent(body) == body


@given(
    st.dictionaries(
        st.sampled_from(["contents", "tools", "toolConfig", "generationConfig", "system_instruction", "stream", "n"]),
        JSON,
    )
)
def test_whatever_comes_is_read_or_refused(value):
    for read_it in (server.read, catalog.counting, embeddings.one, embeddings.several):
        with suppress(BadRequestError):
            read_it(Fields(value))


PARTS = st.dictionaries(
    st.sampled_from(
        ["text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse", "x"]
    ),
    JSON | st.dictionaries(st.sampled_from(["name", "id", "args", "response", "data", "mimeType", "fileUri"]), JSON),
)


@given(st.lists(st.fixed_dictionaries({"parts": st.lists(PARTS, max_size=3)}), max_size=2), JSON, JSON)
def test_whatever_parts_and_settings_come_are_read_or_refused(contents, value, schema):
    config = {"thinkingConfig": value, "responseSchema": schema, "responseMimeType": "application/json"}
    body = {"contents": contents, "generationConfig": config, "tools": [{"functionDeclarations": value}]}
    for name in ("generationConfig", "tools", "none"):
        with suppress(BadRequestError):
            server.read(Fields({key: given for key, given in body.items() if key != name}))


def test_a_count_takes_contents_or_a_whole_request():
    alone = catalog.counting(Fields({"contents": HI}))
    assert catalog.counting(Fields({"generate_content_request": {"contents": HI, "model": "m"}})) == alone
    assert tokens.estimate(alone) == 1
    assert tokens.estimate(catalog.counting(Fields({"contents": [{"parts": [{"text": "x" * 400}]}]}))) == 100
    assert json.loads(catalog.counted(3)) == {"totalTokens": 3}


def test_models_are_listed_with_what_they_can_do():
    found = json.loads(catalog.models(["auto", "models/ollama/tiny"], ["ollama/embed"]))["models"]
    assert [one["name"] for one in found] == ["models/auto", "models/ollama/tiny", "models/ollama/embed"]
    assert client.read_models({"models": found}) == ["auto", "ollama/tiny"]
    assert json.loads(catalog.model("auto")) == found[0]


def test_embeddings_are_asked_for_one_by_one_or_together():
    content = {"parts": [{"text": "a"}, {"text": "b"}]}
    one = embeddings.one(Fields({"content": content, "task_type": "RETRIEVAL_QUERY", "output_dimensionality": 5}))
    assert one == embeddings.EmbedRequest(("a\nb",), 5, ("taskType",))
    several = embeddings.several(Fields({"requests": [{"content": content, "model": "m"}] * 2}))
    assert several == embeddings.EmbedRequest(("a\nb", "a\nb"), None, ())
    found = Embeddings(vectors=((0.5, 1.0),), provider="p", model="m", tokens=3)
    assert json.loads(embeddings.response(found, batch=False))["embedding"] == {"values": [0.5, 1.0]}
    assert client.read_embeddings(json.loads(embeddings.response(found, batch=True))) == ([[0.5, 1.0]], 3)


@pytest.mark.parametrize(
    "body", [{}, {"content": {"parts": []}}, {"content": {"parts": [{"inlineData": {}}]}}, {"content": []}]
)
def test_only_texts_are_embedded(body):
    with pytest.raises(BadRequestError):
        embeddings.one(Fields(body))
