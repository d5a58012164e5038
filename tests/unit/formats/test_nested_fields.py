"""No field inside of a documented object is lost: it changes the cache's key, is refused, or is listed here."""

import json
from fnmatch import fnmatch

import pytest
from parts.documented import SPECS, Document

from samplemind_cli.ai.question import payload
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.openai_chat import server as chat
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Endpoint, Route

ROUTE = Route("p", Endpoint("http://h", "m"))
HI = [{"role": "user", "content": "q"}]
# Per format: its room, its document, what stands beside each field, and the tools beside a choice among them.
ROOMS = {
    "openai_chat": (chat, "openai.json", ["CreateChatCompletionRequest"], {"messages": HI}, []),
    "openai_responses": (responses, "openai.json", ["CreateResponse"], {"input": "q"}, [{"type": "mcp"}]),
    "anthropic_messages": (
        anthropic,
        "anthropic.yaml",
        ["CreateMessageParams", "BetaCreateMessageParams"],
        {"max_tokens": 9, "messages": HI},
        [{"name": "AAAA", "input_schema": {"type": "object"}}],
    ),
    "gemini": (
        gemini,
        "gemini.json",
        ["GenerateContentRequest"],
        {"contents": [{"parts": [{"text": "q"}]}]},
        [{"functionDeclarations": [{"name": "AAAA"}, {"name": "BBBB"}]}],
    ),
    "ollama": (ollama, "ollama.json", ["ChatRequest"], {"messages": HI}, []),
}
# They change no answer: how it is streamed and billed, what a server calls its items, and what is as good as unsaid.
UNSAID = {
    "openai_chat": ["stream_options.*", "prompt_cache_options.*", "response_format.json_schema<json_schema>.strict"],
    "openai_responses": [
        "stream_options.*",
        "prompt_cache_options.*",
        "reasoning.summary",
        "reasoning.generate_summary",
        "input.type",
        "input.status*",
        "input.id<*",
        "input.namespace<function_call_output>",
        "input.call_id<tool_search_output>",
        "input.execution<tool_search_output>",
        "input.content<reasoning>",  # the same as the summary that stands beside it
        "text.format.strict<json_schema>",
    ],
    "anthropic_messages": ["metadata.user_id", "tools.type"],
    "gemini": [
        "systemInstruction.role",
        "systemInstruction.parts",
        "contents.parts.functionResponse.parts",
        "systemInstruction.parts.functionResponse.parts",
        "toolConfig.functionCallingConfig",
        "generationConfig.thinkingConfig",
        "generationConfig.responseSchema.nullable<NULL>",
    ],
    "ollama": [],
}
REFUSED = {
    "openai_chat": ["messages.audio", "functions.*"],
    "openai_responses": ["prompt.*"],
    "gemini": ["contents.parts", "contents.role"],  # no part, no known role
}


def key(room, body):
    return json.dumps(payload(ROUTE, room.read(Fields(body))), sort_keys=True)


def decided(room, documents, base, tools):
    """Each nested field, and what becomes of it: True where it changes the key, why it is refused, False where lost."""
    found = {}
    for path, given, plain in documents:
        beside = {**base, **({"tools": tools} if path.startswith("tool") and "tools" not in given else {})}
        if found.get(path) is True:
            continue
        try:
            asked = key(room, {**beside, **given})
        except BadRequestError as refused:
            found.setdefault(path, str(refused))
            continue
        try:
            found[path] = asked != key(room, {**beside, **plain})
        except BadRequestError:
            found[path] = True
    return found


def listed(path, patterns):
    return any(fnmatch(path, pattern) for pattern in patterns)


@pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents (../shared/specs) are not here")
@pytest.mark.parametrize("name", ROOMS)
def test_no_nested_field_is_lost_or_refused_unless_it_is_listed(name):
    room, file, bodies, base, tools = ROOMS[name]
    document = Document(file)
    found = decided(room, (field for body in bodies for field in document.fields(body)), base, tools)

    assert len(found) > 10
    assert [path for path, known in found.items() if known is False and not listed(path, UNSAID[name])] == []
    refused = {path: why for path, why in found.items() if isinstance(why, str)}
    assert {path: why for path, why in refused.items() if not listed(path, REFUSED.get(name, ()))} == {}


@pytest.mark.parametrize("name", ROOMS)
def test_a_nested_field_that_nobody_reads_would_be_noticed(name):
    room, _, _, base, _ = ROOMS[name]
    (field, value) = next(iter((name, value) for name, value in base.items() if name != "max_tokens"))
    assert decided(room, [(f"{field}.x", {field: value}, {field: value})], base, []) == {f"{field}.x": False}
