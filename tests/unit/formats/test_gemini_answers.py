"""What Gemini's clients are told, read back by our own reader of Gemini."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai.draft import Draft
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import client, server
from samplemind_cli.formats.types import (
    Answer,
    Chunk,
    Endpoint,
    Opaque,
    Problem,
    Route,
    Text,
    Thinking,
    ToolCall,
    Usage,
)
from samplemind_cli.providers import Provider

SHOWN = {"generationConfig": {"thinkingConfig": {"include_thoughts": True}}}
SSE, ARRAY = Fields({**SHOWN, "alt": "sse"}), Fields(SHOWN)


def answer(*parts, **changes):
    given = {"provider": "gemini", "model": "m", "key": "k", "finish_reason": "stop"}
    return Answer(parts=parts or (Text("x"),), **{**given, **changes})


def body(found, fields=SSE):
    return json.loads(server.whole(found, "1", fields))


def streamed(chunks, fields=SSE, model="gemini/m"):
    events = server.events("1", model, fields)
    sent = b"".join([*(event for chunk in chunks for event in events.of(chunk)), events.end()])
    if fields.raw.get("alt") != "sse":
        return json.loads(sent)
    return [json.loads(event.removeprefix(b"data: ")) for event in sent.split(b"\r\n\r\n") if event]


def reread(events):
    draft = Draft("k", origin="gemini")
    for event in events:
        draft.add(client.read(event))
    return draft.answer("gemini", "m")


def test_a_whole_answer_has_its_parts_in_order():
    signed = ToolCall("f", '{"a":1}', "c1", signature="s2")
    found = body(answer(Thinking("hm", "s1", "gemini"), Text("a"), signed, finish_reason="tool_calls"))

    assert found["candidates"] == [
        {
            "content": {
                "role": "model",
                "parts": [
                    {"text": "hm", "thought": True, "thoughtSignature": "s1"},
                    {"text": "a"},
                    {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c1"}, "thoughtSignature": "s2"},
                ],
            },
            "index": 0,
            "finishReason": "STOP",
        }
    ]
    assert (found["modelVersion"], found["responseId"]) == ("gemini/m", "1")


def test_tokens_are_counted_as_gemini_does():
    assert body(answer(usage=Usage(20, 12, 16, 7)))["usageMetadata"] == {
        "promptTokenCount": 20,
        "cachedContentTokenCount": 16,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "totalTokenCount": 32,
    }
    assert "usageMetadata" not in body(answer())


def test_thoughts_are_told_to_those_who_asked_for_them_and_proofs_to_everyone():
    parts = (Thinking("hm", "s", "gemini"), Thinking("", "p", "gemini", redacted=True), Text("x"))
    quiet = Fields({"alt": "sse"})
    expected = [{"text": "", "thoughtSignature": "p"}, {"text": "x"}]
    assert body(answer(*parts), quiet)["candidates"][0]["content"]["parts"] == expected
    live = [Chunk(thinking="hm"), Chunk("x"), Chunk(answer=answer(*parts))]
    told = [event["candidates"][0]["content"]["parts"] for event in streamed(live, quiet)]
    assert told == [[{"text": "x"}], [{"text": ""}]]


def test_a_proof_that_another_provider_signed_is_kept_back():
    found = body(answer(Thinking("hm", "s", "anthropic_messages"), Text("x")))
    assert found["candidates"][0]["content"]["parts"][0] == {"text": "hm", "thought": True}
    live = [Chunk(thinking="hm", signature="s"), Chunk(answer=answer())]
    assert "thoughtSignature" not in str(streamed(live, model="claude/m"))
    assert "thoughtSignature" in str(streamed(live, model="gemini/m"))
    found_late = [Chunk(route=Route(Provider.GEMINI, Endpoint("http://x", "m"))), *live]
    late = streamed(found_late, model="auto")
    assert (late[0]["modelVersion"], "thoughtSignature" in str(late)) == ("gemini/m", True)


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("stop", "STOP"), ("length", "MAX_TOKENS"), ("filtered", "SAFETY"), ("unknown", "OTHER"), ("tool_calls", "STOP")],
)
def test_an_end_has_geminis_word(finish, reason):
    assert body(answer(finish_reason=finish))["candidates"][0]["finishReason"] == reason


def test_further_choices_are_candidates_whole_and_streamed():
    both = answer(Text("a"), others=(answer(Text("b"), finish_reason="length"),))
    expected = [("a", "STOP", 0), ("b", "MAX_TOKENS", 1)]

    def said(candidates):
        return [(c["content"]["parts"][0]["text"], c["finishReason"], c["index"]) for c in candidates]

    assert said(body(both)["candidates"]) == said(streamed([Chunk(answer=both)])[0]["candidates"]) == expected
    events = streamed([Chunk("a", others=((1, Chunk("b")),)), Chunk(answer=both)])
    assert reread(events).others[0].text == "b"


def test_calls_in_interleaved_pieces_are_told_whole_and_in_order():
    calls = (ToolCall("f", '{"a":1}', "1"), ToolCall("g", "{}", "2"))
    pieces = [
        Chunk(tool_calls=(ToolCall("f", '{"a"', "1", 0),)),
        Chunk(tool_calls=(ToolCall("g", "{}", "2", 1),)),
        Chunk(tool_calls=(ToolCall("", ":1}", "", 0),)),
        Chunk(answer=answer(*calls, finish_reason="tool_calls")),
    ]
    events = streamed(pieces)
    assert reread(events).tool_calls == calls
    assert len(events) == 2


def test_an_answer_out_of_the_cache_is_a_stream_too():
    kept = answer(Text("x"), ToolCall("f", "{}", "1"), cached="local", usage=Usage(1, 2), finish_reason="tool_calls")
    chunk = Chunk("x", tool_calls=kept.tool_calls, answer=kept)
    for fields in (SSE, ARRAY):
        found = reread(streamed([chunk], fields))
        assert (found.parts, found.usage, found.finish_reason) == (kept.parts, kept.usage, "tool_calls")


def test_without_sse_a_stream_is_one_array_whatever_becomes_of_it():
    assert [e["candidates"][0]["content"]["parts"][0]["text"] for e in streamed([Chunk("a"), Chunk("b")], ARRAY)] == [
        "a",
        "b",
    ]
    assert streamed([], ARRAY) == []
    events = server.events("1", "gemini/m", ARRAY)
    broken = b"".join([events.idle(), *events.of(Chunk("a")), events.idle(), events.failed(Problem(503, "busy"))])
    assert [next(iter(item)) for item in json.loads(broken)] == ["candidates", "error"]
    assert (events.kind, server.events("1", "m", SSE).kind) == ("application/json", "text/event-stream")


def test_errors_have_the_status_that_clients_try_again_on():
    assert server.error(Problem(429, "slow down", wait=2.5, kind="rate")) == {
        "error": {
            "code": 429,
            "message": "slow down",
            "status": "RESOURCE_EXHAUSTED",
            "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}],
        }
    }
    named = server.error(Problem(400, "contents is required", param="contents"))["error"]
    assert (named["status"], named["details"][0]["fieldViolations"][0]["field"]) == ("INVALID_ARGUMENT", "contents")
    statuses = {
        404: "NOT_FOUND",
        401: "UNAUTHENTICATED",
        413: "INVALID_ARGUMENT",
        503: "UNAVAILABLE",
        529: "UNAVAILABLE",
    }
    for code, status in statuses.items():
        assert server.error(Problem(code, "x"))["error"]["status"] == status


@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (Problem(429, "slow down", wait=1, kind="rate"), "rate"),
        (Problem(429, "the day's share is spent", kind="quota"), "quota"),
        (Problem(429, "the day's share is spent", code="insufficient_quota"), "quota"),
        (Problem(503, "busy"), "overloaded"),
        (Problem(404, "no such model"), "not_found"),
        (Problem(502, "broken"), "overloaded"),
    ],
)
def test_our_own_reader_knows_what_an_error_means(problem, kind):
    assert client.fault(problem.status, server.error(problem)).kind == kind


def test_what_stands_beside_the_words_comes_back_where_it_was():
    event = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"executableCode": {"code": "1"}},
                        {"codeExecutionResult": {"output": "1"}},
                        {"text": "", "thoughtSignature": "s"},
                    ],
                },
                "groundingMetadata": {"webSearchQueries": ["q"]},
                "finishReason": "STOP",
                "index": 0,
            }
        ]
    }
    found = reread([event])
    told = body(found)
    assert told["candidates"] == event["candidates"]
    assert reread([told]).parts == found.parts


def test_probabilities_of_tokens_are_translated():
    tokens = (
        {"token": "é", "logprob": -0.5, "bytes": [195, 169], "top_logprobs": [{"token": "e", "logprob": -1.0}]},
        {"token": "b", "logprob": -0.1, "bytes": [98], "top_logprobs": []},
    )
    told = body(answer(Text("éb"), logprobs=tokens))["candidates"][0]["logprobsResult"]
    assert told["chosenCandidates"][0] == {"token": "é", "logProbability": -0.5}
    found = client.read(body(answer(Text("éb"), logprobs=tokens))).logprobs
    assert [(entry["token"], entry["logprob"], len(entry["top_logprobs"])) for entry in found] == [
        ("é", -0.5, 1),
        ("b", -0.1, 0),
    ]


def test_integers_beyond_64_bits_survive():
    call = ToolCall("f", '{"n":123456789012345678901234567890}', "1")
    assert reread([body(answer(call, finish_reason="tool_calls"))]).tool_calls == (call,)


words = st.text(min_size=1, max_size=5)
calls = st.lists(st.tuples(words, st.dictionaries(words, st.integers() | words, max_size=2)), max_size=3).map(
    lambda found: tuple(
        ToolCall(name, json.dumps(given, ensure_ascii=False, separators=(",", ":")), f"c{n}")
        for n, (name, given) in enumerate(found)
    )
)


@given(st.lists(words, max_size=3), words, calls, st.sampled_from(["length", "filtered", "unknown", "stop"]), st.data())
def test_whatever_is_streamed_is_read_as_the_same_answer(thoughts, text, tools, finish, data):
    usage = data.draw(st.sampled_from([Usage(), Usage(3, 5, 1, 2), Usage(0, 0)]))
    end = "tool_calls" if tools and finish in ("stop", "unknown") else finish
    thought = (Thinking("".join(thoughts), origin="gemini"),) if thoughts else ()
    found = answer(*thought, Text(text), *tools, finish_reason=end, usage=usage)
    pieces = [list(_cut(data, n, call)) for n, call in enumerate(tools)]
    mixed = []
    while any(pieces):
        mixed.append(data.draw(st.sampled_from([queue for queue in pieces if queue])).pop(0))
    opened = sorted({piece.index for piece in mixed}, key=[piece.index for piece in mixed].index)
    live = [*(Chunk(thinking=one) for one in thoughts), Chunk(text), *(Chunk(tool_calls=(one,)) for one in mixed)]
    for fields in (SSE, ARRAY):
        reheard = reread(streamed([*live, Chunk(answer=found)], fields))
        assert [part for part in reheard.parts if not isinstance(part, ToolCall)] == [*thought, Text(text)]
        assert list(reheard.tool_calls) == [tools[n] for n in opened]
        assert (reheard.finish_reason, reheard.usage) == (end, usage)
    again = reread([body(found)])
    assert (again.parts, again.finish_reason, again.usage) == (found.parts, end, usage)


def _cut(data, n, call):
    """The pieces of a call."""
    at = data.draw(st.integers(0, len(call.arguments)))
    yield ToolCall(call.name, call.arguments[:at], call.id, n)
    if call.arguments[at:]:
        yield ToolCall("", call.arguments[at:], "", n)


def test_an_opaque_block_of_another_format_is_left_out():
    assert body(answer(Text("x"), Opaque("anthropic_messages", {"type": "y"})))["candidates"][0]["content"][
        "parts"
    ] == [{"text": "x"}]
