"""Gemini's format: calls as documented, and every kind of event and error read."""

import pytest

from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.types import (
    Chunk,
    Endpoint,
    Fault,
    Message,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
    attachment,
)

GEMINI = Endpoint("https://generativelanguage.googleapis.com", "gemini-flash-latest", "AIzaSecret")
HELLO = (Message("user", "hello"),)


def body(messages=HELLO, **request):
    return gemini.chat(Request(messages=messages, **request), GEMINI).json


def test_the_key_is_in_a_header_and_nowhere_else():
    call = gemini.chat(Request(messages=HELLO), GEMINI)
    base = "https://generativelanguage.googleapis.com/v1beta/models/gemini-flash-latest"
    assert call.url == f"{base}:streamGenerateContent?alt=sse"
    assert call.headers == {"x-goog-api-key": "AIzaSecret"}
    assert call.json == {"contents": [{"role": "user", "parts": [{"text": "hello"}]}]}


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("models/gemini-2.5-pro", "gemini-2.5-pro"),
        ("../files?x=1#y", "..%2Ffiles%3Fx%3D1%23y"),
        ("a b:c", "a%20b%3Ac"),
    ],
)
def test_a_models_name_stays_inside_its_segment_of_the_url(model, segment):
    call = gemini.chat(Request(messages=HELLO), Endpoint("http://x", model))
    assert call.url == f"http://x/v1beta/models/{segment}:streamGenerateContent?alt=sse"


def test_settings_go_into_the_generation_config():
    schema = {"type": "object"}
    sent = body((Message("system", "Be brief."), *HELLO), temperature=0.0, max_tokens=9, schema=schema)
    assert sent["systemInstruction"] == {"parts": [{"text": "Be brief."}]}
    assert sent["generationConfig"] == {
        "temperature": 0.0,
        "maxOutputTokens": 9,
        "responseMimeType": "application/json",
        "responseJsonSchema": schema,
    }
    assert sent["contents"] == body()["contents"]


def test_images_and_sounds_are_inline():
    files = (attachment("image/png", b"\x89P"), attachment("audio/wav", b"RI"))
    assert body((Message("user", (*files, Text("what"))),))["contents"][0]["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "iVA="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "Ukk="}},
        {"text": "what"},
    ]


def test_results_name_their_function_and_share_one_turn():
    calls = (ToolCall("f", '{"a":1}', "c1"), ToolCall("g", "", "c2"))
    messages = (
        *HELLO,
        Message("assistant", calls),
        Message("tool", [ToolResult("c1", (Text('{"sum": 3}'),))]),
        Message("tool", [ToolResult("c2", (Text("plain words"),))]),
    )
    assert body(messages)["contents"][1:] == [
        {
            "role": "model",
            "parts": [
                {
                    "functionCall": {"id": "c1", "name": "f", "args": {"a": 1}},
                    "thoughtSignature": "skip_thought_signature_validator",
                },
                {"functionCall": {"id": "c2", "name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "c1", "name": "f", "response": {"sum": 3}}},
                {"functionResponse": {"id": "c2", "name": "g", "response": {"result": "plain words"}}},
            ],
        },
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ("auto", {"mode": "AUTO"}),
        ("none", {"mode": "NONE"}),
        ("required", {"mode": "ANY"}),
        ({"type": "function", "function": {"name": "f"}}, {"mode": "ANY", "allowedFunctionNames": ["f"]}),
    ],
)
def test_tools_are_translated_from_openais_shape(choice, expected):
    parameters = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tool = {"type": "function", "function": {"name": "f", "description": "does", "parameters": parameters}}
    sent = body(tools=(tool, {"type": "function", "function": {"name": "g"}}), tool_choice=choice)
    assert sent["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "does", "parametersJsonSchema": parameters},
                {"name": "g", "description": ""},
            ]
        }
    ]
    assert sent["toolConfig"] == {"functionCallingConfig": expected}


def response(*parts, finish=None, usage=None, **candidate):
    candidate |= {"content": {"role": "model", "parts": list(parts)}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], **({"usageMetadata": usage} if usage else {})}


def test_thoughts_are_kept_apart_and_counted_as_output():
    usage = {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 16,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 32,
    }
    event = response({"text": "hm", "thought": True}, {"text": "Hel"}, {"text": "lo"}, finish="STOP", usage=usage)
    assert gemini.read(event) == Chunk("Hello", "hm", finish="stop", usage=Usage(20, 12, 16, 7))


def test_the_first_events_of_a_stream_count_the_prompt_alone():
    assert gemini.read(response({"text": "a"}, usage={"promptTokenCount": 4})).usage == Usage(4)


def test_thoughts_that_spend_every_token_leave_no_text():
    chunk = gemini.read(
        {"candidates": [{"finishReason": "MAX_TOKENS", "index": 0}], "usageMetadata": {"thoughtsTokenCount": 9}}
    )
    assert chunk == Chunk(finish="length", usage=Usage(output_tokens=9, reasoning_tokens=9))


def test_a_function_call_is_whole_and_keeps_its_signature():
    call = {"functionCall": {"name": "f", "args": {"city": "Malmö"}, "id": "c"}, "thoughtSignature": "…"}
    expected = Chunk(tool_calls=(ToolCall("f", '{"city":"Malmö"}', "c", signature="…"),), finish="stop")
    assert gemini.read(response(call, finish="STOP")) == expected
    assert gemini.read(response({"functionCall": {"name": "f"}})).tool_calls == (ToolCall("f", "{}"),)


@pytest.mark.parametrize("reason", ["SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII"])
def test_withheld_answers_are_filtered(reason):
    assert gemini.read(response(finish=reason)) == Chunk(finish="filtered")


def test_a_blocked_prompt_has_no_candidate():
    event = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 8}}
    assert gemini.read(event) == Chunk(finish="filtered", usage=Usage(8))


@pytest.mark.parametrize("reason", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL"])
def test_a_broken_end_is_a_fault_and_never_an_answer(reason):
    chunk = gemini.read(response(finish=reason, finishMessage="Malformed function call: f("))
    assert chunk.finish is None
    assert chunk.fault == Fault("server", f"the answer ended with {reason}: Malformed function call: f(")


@pytest.mark.parametrize("reason", ["OTHER", "SOMETHING_NEW"])
def test_an_unknown_end_ends_the_answer_all_the_same(reason):
    assert gemini.read(response({"text": "4"}, finish=reason)) == Chunk("4", finish="unknown")


def error(code, status, message="no", **more):
    return {"error": {"code": code, "message": message, "status": status, **more}}


def test_an_error_inside_a_stream_has_its_own_status():
    event = error(503, "UNAVAILABLE", "The model is overloaded.")
    assert gemini.read(event) == gemini.read([event]) == Chunk(fault=Fault("overloaded", "The model is overloaded."))


TOO_LONG = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
QUOTA = "You exceeded your current quota, please check your plan and billing details. Please retry in 39s."
EMPTY = "Your prepayment credits are depleted. Please go to AI Studio."


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, error(400, "INVALID_ARGUMENT"), "request"),
        (400, error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."), "auth"),
        (400, error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."), "auth"),
        (400, [error(400, "INVALID_ARGUMENT", TOO_LONG)], "too_long"),
        (402, error(402, "RESOURCE_EXHAUSTED", EMPTY), "credit"),
        (429, error(429, "RESOURCE_EXHAUSTED", EMPTY), "credit"),
        (429, error(429, "RESOURCE_EXHAUSTED", QUOTA), "rate"),
        (403, error(403, "PERMISSION_DENIED"), "auth"),
        (404, error(404, "NOT_FOUND", "models/x is not found for API version v1beta"), "not_found"),
        (500, error(500, "INTERNAL"), "server"),
        (503, [error(503, "UNAVAILABLE")], "overloaded"),
        (504, error(504, "DEADLINE_EXCEEDED"), "server"),
        (502, "<!DOCTYPE html>", "server"),
        (500, [], "server"),
        (500, None, "server"),
    ],
)
def test_every_documented_error_has_its_kind(status, body, kind):
    assert gemini.fault(status, body).kind == kind


def test_a_message_that_holds_the_key_loses_it():
    message = gemini.fault(400, error(400, "INVALID_ARGUMENT", "bad url ?key=AIzaSyA-1_b&alt=sse")).message
    assert message == "bad url ?key=[key]&alt=sse"


def test_further_choices_and_probabilities_are_asked_for_in_geminis_words():
    extra = {"n": 2, "logprobs": True, "top_logprobs": 3}
    asked = Request(messages=HELLO, extra=extra, source="openai_chat")
    assert gemini.chat(asked, GEMINI).json["generationConfig"] == {
        "candidateCount": 2,
        "responseLogprobs": True,
        "logprobs": 3,
    }
    assert all(gemini.takes(name, asked, GEMINI) for name in extra)


def test_proofs_are_kept_on_thoughts_and_on_words():
    assert gemini.read(response({"text": "hm", "thought": True, "thoughtSignature": "s"})).signature == "s"
    proof = gemini.read(response({"text": "a", "thoughtSignature": "s"}))
    assert (proof.text, proof.block) == ("a", Thinking("", "s", "gemini", redacted=True))


def test_a_tool_that_failed_says_so():
    failed = ToolResult("c1", (Text("no such city"),), failed=True)
    turns = (*HELLO, Message("assistant", (ToolCall("f", "{}", "c1"),)), Message("tool", (failed,)))
    told = body(turns)["contents"][2]["parts"][0]["functionResponse"]["response"]
    assert told == {"error": "no such city"}


def test_what_only_other_formats_know_of_a_part_is_not_sent():
    hinted = Message("user", (Text("hello", {"cache_control": {"type": "ephemeral"}}),))
    asked = Request(messages=(hinted,), source="anthropic_messages")
    assert gemini.chat(asked, GEMINI).json["contents"] == body()["contents"]
