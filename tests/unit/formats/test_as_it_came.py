"""A body goes to a provider of its own format as it came, and whatever may change the answer is in the key."""

import copy
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from samplemind_cli.ai.cache import prompt_fingerprint
from samplemind_cli.ai.question import payload
from samplemind_cli.ai.types import Endpoint, Route
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.anthropic_messages import server as anthropic_server
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.gemini import server as gemini_server
from samplemind_cli.formats.headers import headed
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.ollama import generate
from samplemind_cli.formats.ollama import server as ollama_server
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import mistral
from samplemind_cli.formats.openai_chat import server as openai_server

HERE = Endpoint("http://x/v1", "m", "k")
OPENAI = Endpoint("https://api.openai.com/v1", "m", "k")
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}
MARK = {"type": "ephemeral", "ttl": "1h"}
WORDS = {"type": "text", "text": "W"}
FUNCTION = {"name": "f", "description": "d", "parameters": SCHEMA}
CALLED = {"name": "f", "arguments": {"a": 1}}

CLAUDE_CODE = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 32000,
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.190; cc_entrypoint=cli; cch=0;"},
        {"type": "text", "text": "You are Claude Code.", "cache_control": MARK},
    ],
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "<system-reminder>"}, {"type": "text", "text": "list"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "r"},
                {"type": "text", "text": "so", "citations": None},
                {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "q"}},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_1",
                    "content": [{"type": "text", "text": "a b"}],
                    "is_error": False,
                    "cache_control": MARK,
                },
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}},
                {"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}, "title": "t", "context": "c"},
                {
                    "type": "search_result",
                    "source": "https://x",
                    "title": "T",
                    "content": [{"type": "text", "text": "W"}],
                },
            ],
        },
    ],
    "tools": [
        {"name": "Bash", "description": "runs", "input_schema": SCHEMA, "strict": True, "defer_loading": False},
        {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
    ],
    "tool_choice": {"type": "auto", "disable_parallel_tool_use": True},
    "thinking": {"type": "adaptive", "display": "summarized"},
    "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": SCHEMA}},
    "context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]},
    "metadata": {"user_id": "u"},
    "stop_sequences": ["END"],
    "temperature": 0.5,
    "top_k": 5,
    "stream": True,
}
CHAT = {
    "model": "gpt-6",
    "messages": [
        {"role": "developer", "content": "be brief"},
        {
            "role": "user",
            "name": "ann",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
                {"type": "file", "file": {"file_id": "f1"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "7"},
    ],
    "tools": [
        {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True}}
    ],
    "tool_choice": {"type": "function", "function": {"name": "f"}},
    "parallel_tool_calls": False,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "strict": True, "schema": SCHEMA}},
    "max_completion_tokens": 100,
    "reasoning_effort": "low",
    "temperature": 0.5,
    "top_p": 0.5,
    "seed": 5,
    "stop": ["END"],
    "logprobs": True,
    "top_logprobs": 2,
    "logit_bias": {"5": 1},
    "verbosity": "low",
    "prompt_cache_key": "p",
    "user": "u",
    "stream": True,
    "stream_options": {"include_usage": True},
}
GEMINI = {
    "systemInstruction": {"parts": [{"text": "be brief"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": PNG}}]},
        {
            "role": "model",
            "parts": [
                {"text": "hm", "thought": True, "thoughtSignature": "s"},
                {"functionCall": {"id": "c1", "name": "f", "args": {"a": 1}}, "thoughtSignature": "t"},
                {"executableCode": {"language": "PYTHON", "code": "1"}},
            ],
        },
        {"role": "user", "parts": [{"functionResponse": {"id": "c1", "name": "f", "response": {"result": "7"}}}]},
    ],
    "tools": [{"functionDeclarations": [{"name": "f", "description": "d", "parametersJsonSchema": SCHEMA}]}],
    "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    "generationConfig": {
        "temperature": 0.5,
        "maxOutputTokens": 100,
        "topP": 0.5,
        "topK": 5,
        "seed": 5,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
        "responseJsonSchema": SCHEMA,
        "thinkingConfig": {"thinkingBudget": 100, "includeThoughts": True},
    },
    "labels": {"a": "b"},
}
OLLAMA = {
    "model": "llama3.2",
    "messages": [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "look", "images": [PNG]},
        {
            "role": "assistant",
            "content": "",
            "thinking": "hm",
            "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
        },
        {"role": "tool", "content": "7", "tool_name": "f"},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}],
    "format": SCHEMA,
    "think": "low",
    "keep_alive": "5m",
    "options": {"temperature": 0.5, "num_predict": 100, "num_ctx": 4096, "seed": 5, "stop": ["END"], "mirostat": 1},
    "stream": False,
}
GENERATE = {
    "model": "llama3.2",
    "prompt": "look",
    "system": "be brief",
    "images": [PNG],
    "format": "json",
    "think": True,
    "options": {"top_k": 5},
    "stream": True,
}
FORMATS = {
    "anthropic": (anthropic_server, anthropic, CLAUDE_CODE),
    "openai": (openai_server, openai, CHAT),
    "gemini": (gemini_server, gemini, GEMINI),
    "ollama": (ollama_server, ollama, OLLAMA),
    "ollama generate": (generate, ollama, GENERATE),
}
# What we decide ourselves, whatever a client says.
OURS = {"model", "stream", "stream_options", "truncate", "alt"}
# Where a body says what changes no answer; whether a schema is kept to is seen to in any case.
UNKEYED = {
    "anthropic": ("model", "stream", "metadata", "system.0"),
    "openai": (
        *("model", "stream", "stream_options", "user", "prompt_cache_key"),
        *("response_format.json_schema.name", "response_format.json_schema.strict"),
    ),
    "gemini": ("model", "labels"),
    "ollama": ("model", "stream", "keep_alive"),
    "ollama generate": ("model", "stream"),
}
every = pytest.mark.parametrize("name", FORMATS)


def read(name, body):
    return FORMATS[name][0].read(Fields(body))


def key(request):
    return prompt_fingerprint(payload(Route("x", HERE), request))


def plain(body):
    return {name: value for name, value in json.loads(json.dumps(body)).items() if name not in OURS}


def places(value, path=()):
    """Every object in a body, and every value that is none, by the way there."""
    if isinstance(value, dict | list):
        yield path, value
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, name))
    else:
        yield path, value


def changed(body, path, value):
    """The body with another value somewhere, or with one more field."""
    body = copy.deepcopy(body)
    if isinstance(value, dict | list):
        there = body
        for step in path:
            there = there[step]
        there["brand_new"] = 1
        return body
    there = body
    for step in path[:-1]:
        there = there[step]
    there[path[-1]] = {str: lambda: value + "A", bool: lambda: not value}.get(type(value), lambda: (value or 0) + 1)()
    return body


@every
def test_a_body_goes_to_a_provider_of_its_own_format_as_it_came(name):
    body = FORMATS[name][2]
    call = FORMATS[name][1].chat(read(name, body), HERE)

    assert plain(call.json) == plain(body)
    assert json.dumps(body) == json.dumps(FORMATS[name][2])


@every
def test_whatever_may_change_an_answer_is_in_the_key(name):
    body = FORMATS[name][2]
    before = key(read(name, body))
    same = []
    for path, value in places(body):
        where = ".".join(map(str, path))
        if isinstance(value, list) or where.startswith(UNKEYED[name]):
            continue
        try:
            if key(read(name, changed(body, path, value))) == before:
                same.append(where)
        except BadRequestError:
            pass
    assert not same, " ".join(same)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def bodies(draw, name):
    """A body without some of what one may say, and with what nobody knows anywhere in it."""
    body = copy.deepcopy(FORMATS[name][2])
    needed = ("model", "messages", "contents", "prompt", "max_tokens")
    for field in draw(st.sets(st.sampled_from(sorted(body.keys() - set(needed))))):
        del body[field]
    objects = [value for _, value in places(body) if isinstance(value, dict)]
    for there in draw(st.lists(st.sampled_from(range(len(objects))), max_size=3)):
        objects[there].setdefault(draw(st.from_regex(r"[a-z_]{1,12}", fullmatch=True)), draw(VALUES))
    return body


@every
def test_any_body_goes_to_a_provider_of_its_own_format_as_it_came(name):
    @given(bodies(name))
    def holds(body):
        try:
            request = read(name, body)
        except BadRequestError:
            assume(False)
        assert plain(FORMATS[name][1].chat(request, HERE).json) == plain(body)

    holds()


def test_headers_that_change_an_answer_go_to_claude_and_are_in_the_key():
    request = read("anthropic", CLAUDE_CODE)
    told = headed(request, {"anthropic-beta": "context-1m-2025-08-07,brand-new", "x-api-key": "secret"})
    call = anthropic.chat(told, HERE)

    assert call.headers["anthropic-beta"] == "context-1m-2025-08-07,brand-new"
    assert call.headers["x-api-key"] == "k"
    assert told.wishes - request.wishes == {"anthropic-beta"}
    assert not openai.takes("anthropic-beta", told, OPENAI)
    assert key(told) != key(request)
    assert "anthropic-beta" not in openai.chat(told, HERE).headers


def test_the_version_that_a_client_speaks_goes_to_claude_and_is_no_part_of_the_question():
    request = read("anthropic", CLAUDE_CODE)
    told = headed(request, {"anthropic-version": "2026-10-21"})

    assert anthropic.chat(told, HERE).headers["anthropic-version"] == "2026-10-21"
    assert (key(told), told.wishes) == (key(request), request.wishes)


def test_a_header_that_says_nothing_or_is_no_line_of_ascii_is_as_none():
    request = read("anthropic", CLAUDE_CODE)

    assert headed(request, {"anthropic-version": "2023-06-01", "anthropic-beta": ""}) is request
    assert headed(request, {"anthropic-beta": "\xe9"}) is request
    assert anthropic.chat(request, HERE).headers["anthropic-version"] == "2023-06-01"


def turns(*content):
    return {**CLAUDE_CODE, "messages": [*CLAUDE_CODE["messages"], *content]}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "thinking", "thinking": "hm", "signature": "samplemind:gemini::proof"},
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {}},
        {"type": "tool_use", "id": "functions.Bash:0", "name": "Bash", "input": {}},
    ],
)
def test_what_another_provider_wrote_is_told_anew(block):
    said = {"type": "text", "text": "so"}
    body = turns({"role": "assistant", "content": [block, said]}, {"role": "user", "content": "go on"})
    sent = anthropic.chat(read("anthropic", body), HERE).json

    assert block not in sent["messages"][-2]["content"]
    assert said in sent["messages"][-2]["content"]
    assert sent["thinking"] == body["thinking"]


def test_a_missing_max_tokens_is_what_every_claude_allows():
    body = {name: value for name, value in CLAUDE_CODE.items() if name != "max_tokens"}

    assert anthropic.chat(read("anthropic", body), HERE).json["max_tokens"] == anthropic.MAX_TOKENS


def test_openai_itself_is_sent_what_it_documents_and_its_own_name_of_max_tokens():
    call = openai.chat(read("openai", CHAT), OPENAI)
    old = {name: value for name, value in CHAT.items() if name != "max_completion_tokens"} | {"max_tokens": 9}

    assert plain(call.json) == plain(CHAT)
    renamed = plain(openai.chat(read("openai", old), OPENAI).json)
    assert renamed == plain({**CHAT, "max_completion_tokens": 9})
    assert "chat_template_kwargs" not in openai.chat(read("openai", {**CHAT, "chat_template_kwargs": {}}), OPENAI).json
    assert openai.chat(read("openai", {**CHAT, "chat_template_kwargs": {}}), HERE).json["chat_template_kwargs"] == {}


def test_mistral_is_sent_what_its_document_knows():
    sent = mistral.chat(read("openai", CHAT), HERE).json

    assert sent["random_seed"] == CHAT["seed"]
    assert not {"verbosity", "user", "seed", "stream_options", "reasoning_effort"} & sent.keys()


def test_a_gemini_that_wants_signatures_gets_one_for_a_call_that_another_model_made():
    body = copy.deepcopy(GEMINI)
    del body["contents"][1]["parts"][1]["thoughtSignature"]
    request = read("gemini", body)

    assert plain(gemini.chat(request, Endpoint("http://x", "gemini-2.5-flash")).json) == plain(body)
    signed = gemini.chat(request, Endpoint("http://x", "gemini-3-pro")).json["contents"][1]["parts"]
    assert next(part for part in signed if "functionCall" in part)["thoughtSignature"]


def test_what_ollama_itself_would_not_read_is_told_in_its_words():
    body = copy.deepcopy(OLLAMA)
    body["messages"][1]["images"] = [f"data:image/png;base64,{PNG}"]
    body["messages"][2]["tool_calls"][0]["function"]["arguments"] = '{"a":1}'
    sent = ollama.chat(read("ollama", body), HERE).json

    assert sent["messages"][1]["images"] == [PNG]
    assert sent["messages"][2]["tool_calls"][0]["function"]["arguments"] == {"a": 1}


def test_a_prompt_goes_to_ollamas_generate_and_a_chat_to_its_chat():
    assert ollama.chat(read("ollama generate", GENERATE), HERE).url.endswith("/api/generate")
    assert ollama.chat(read("ollama", OLLAMA), HERE).url.endswith("/api/chat")
    assert ollama.chat(read("openai", {"messages": CHAT["messages"][:2]}), HERE).url.endswith("/api/chat")
