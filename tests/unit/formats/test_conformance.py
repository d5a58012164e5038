"""What the adapters send, held against the documents the providers publish.

A document that lets unknown keys pass says nothing about a misspelt one, so the keys are compared too.
"""

import json
from functools import cache
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_responses import client as responses
from samplemind_cli.formats.types import Endpoint, Message, Request, Text, ToolCall, ToolResult, attachment

SPECS = Path(__file__).parents[4] / "shared" / "specs"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SPECS.is_dir(), reason="the published documents (../shared/specs) are not here"),
]

IMAGES = ("image/png", "image/jpeg", "image/webp", "image/gif")
AUDIO = ("audio/wav", "audio/mpeg", "audio/x-wav")
SCHEMAS = (
    {"type": "object", "properties": {"genre": {"type": "string", "maxLength": 9}}, "required": ["genre"]},
    {"type": "object", "properties": {}, "additionalProperties": False},
    {"$defs": {"n": {"type": "number"}}, "type": "array", "items": {"$ref": "#/$defs/n"}},
)

names = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
ids = st.text(max_size=12)
words = st.text(max_size=30) | st.just("long " * 1000)
parameters = st.sampled_from([{}, {"parameters": SCHEMAS[0]}, {"parameters": {}}])
tools = st.builds(
    lambda name, described, given: {"type": "function", "function": {"name": name, **described, **given}},
    names,
    st.sampled_from([{}, {"description": "does it"}]),
    parameters,
)
choices = st.sampled_from([None, "auto", "none", "required"]) | st.builds(
    lambda name: {"type": "function", "function": {"name": name}}, names
)
calls = st.builds(ToolCall, names, st.sampled_from(["", "{}", '{"a": [1, null]}', "[1]", "broken {"]), ids)


def files(kinds):
    return st.lists(st.builds(attachment, st.sampled_from(kinds), st.binary(max_size=9)), max_size=2).map(tuple)


def turns(kinds):
    asked = st.builds(lambda text, files: [Message("user", (Text("? " + text), *files))], words, files(kinds))
    called = st.builds(
        lambda text, calls: [
            Message("assistant", (Text(text), *calls)),
            *(Message("tool", [ToolResult(call.id, (Text(text),))]) for call in calls),
        ],
        words,
        st.lists(calls, min_size=1, max_size=3),
    )
    answered = st.builds(lambda text: [Message("assistant", text)], words)
    system = st.builds(lambda text: [Message("system", text)], words)
    middle = st.lists(asked | called | answered | system, max_size=4)
    return st.builds(lambda head, middle, last: (*head, *chain(*middle), *last), system | st.just([]), middle, asked)


PARAMETERS = {
    "top_p": st.none() | st.floats(0, 1),
    "stop": st.lists(st.text(min_size=1, max_size=5), max_size=4).map(tuple),
    "seed": st.none() | st.integers(0, 2**31 - 1),
    "presence_penalty": st.none() | st.floats(-2, 2),
    "frequency_penalty": st.none() | st.floats(-2, 2),
    "parallel_tool_calls": st.sampled_from([None, False]),
}


def takes(adapter, name):
    return name == "parallel_tool_calls" or adapter.takes(name, Request(messages=()), Endpoint("http://x", "m"))


def requests(kinds, adapter):
    """Every request an adapter may be asked."""
    return st.builds(
        Request,
        messages=turns(kinds),
        temperature=st.none() | st.floats(0, 2),
        max_tokens=st.none() | st.integers(1, 100_000),
        schema=st.none() | st.sampled_from(SCHEMAS),
        tools=st.lists(tools, max_size=2).map(tuple),
        tool_choice=choices,
        **{name: given for name, given in PARAMETERS.items() if takes(adapter, name)},
    )


class Document:
    """One schema of an OpenAPI document, with all that it refers to."""

    def __init__(self, file, name):
        self.schemas = json.loads((SPECS / file).read_bytes())["components"]["schemas"]
        self.name = name
        reached, waiting = {}, [name]
        while waiting:
            if (here := waiting.pop()) not in reached:
                reached[here] = self._plain(self.schemas[here], waiting)
        self.schemas = reached
        root = {"$ref": f"#/components/schemas/{name}", "components": {"schemas": reached}}
        self.validator = Draft202012Validator(root)

    def _plain(self, schema, found):
        """The schema with OpenAPI's `nullable` and `discriminator` in JSON Schema's words.

        The names it refers to go to `found`. Of what a discriminator tells apart more than one may fit the rest.
        """
        if isinstance(schema, list):
            return [self._plain(item, found) for item in schema]
        if not isinstance(schema, dict):
            return schema
        if isinstance(reference := schema.get("$ref"), str):
            found.append(reference.rpartition("/")[2])
        plain = {word: self._plain(value, found) for word, value in schema.items() if word != "discriminator"}
        if "discriminator" in schema and "oneOf" in plain:
            plain["anyOf"] = plain.pop("oneOf")
        return {"anyOf": [plain, {"type": "null"}]} if plain.pop("nullable", None) is True else plain

    def errors(self, value):
        """What is wrong with a value: what the document says, and keys it does not know."""
        said = [f"{error.json_path}: {error.message[:200]}" for error in self.validator.iter_errors(value)]
        return said + list(self._strays(value, [self.schemas[self.name]], self.name))

    def _strays(self, value, schemas, where):
        flat = [part for schema in schemas for part in self._flat(schema)]
        if isinstance(value, list):
            for item in value:
                yield from self._strays(item, [part["items"] for part in flat if "items" in part], where + "[]")
        if isinstance(value, dict):
            objects = [part for part in flat if part.get("type", "object") == "object"]
            if any("properties" not in part for part in objects):
                return  # an object of any shape
            for key, inner in value.items():
                known = [part["properties"][key] for part in objects if key in part["properties"]]
                if known:
                    yield from self._strays(inner, known, f"{where}.{key}")
                else:
                    yield f"{where}.{key} is not in the document"

    def _flat(self, schema):
        """The schema without its references and alternatives."""
        if "$ref" in schema:
            return self._flat(self.schemas[schema["$ref"].rpartition("/")[2]])
        parts = [inner for word in ("allOf", "anyOf", "oneOf") for inner in schema.get(word, [])]
        return [flat for part in parts for flat in self._flat(part)] if parts else [schema]


@cache
def document(file, name):
    return Document(file, name)


def sent(adapter, request, endpoint):
    return json.loads(json.dumps(adapter.chat(request, endpoint).json))


@given(requests(IMAGES, ollama))
def test_ollama(request):
    body = sent(ollama, request, Endpoint("http://x", "tiny"))
    # These stand in the daemon's api/types.go and not in its document.
    assert body.pop("truncate") is False
    for name in ("presence_penalty", "frequency_penalty"):
        body.get("options", {}).pop(name, None)
    for message in body["messages"]:
        assert ("tool_name" in message) == (message["role"] == "tool")
        message.pop("tool_name", None)
    assert document("ollama.json", "ChatRequest").errors(body) == []


@given(requests(IMAGES + AUDIO, gemini))
def test_gemini(request):
    body = sent(gemini, request, Endpoint("http://x", "gemini-flash-latest")) | {"model": "models/gemini-flash-latest"}
    assert document("gemini.json", "GenerateContentRequest").errors(body) == []


@given(requests(IMAGES, anthropic))
def test_anthropic(request):
    body = sent(anthropic, request, Endpoint("http://x", "claude-sonnet-5-5"))
    # The document at hand is older than `output_config`; it knows the format inside from the beta.
    config = body.pop("output_config", None)
    assert document("anthropic.yaml", "CreateMessageParams").errors(body) == []
    if config is not None:
        assert config.keys() == {"format"}
        assert document("anthropic.yaml", "BetaJsonOutputFormat").errors(config["format"]) == []


@given(requests(IMAGES + AUDIO, openai))
def test_openai(request):
    body = sent(openai, request, Endpoint("https://api.openai.com/v1", "gpt-6-luna"))
    assert document("openai.json", "CreateChatCompletionRequest").errors(body) == []


@given(requests(IMAGES + AUDIO, openai))
def test_openai_as_compatible_servers_take_it(request):
    body = sent(openai, request, Endpoint("http://x/v1", "local"))
    assert document("openai.json", "CreateChatCompletionRequest").errors(body) == []


@given(requests(IMAGES, responses))
def test_responses(request):
    body = sent(responses, request, Endpoint("https://api.openai.com/v1", "gpt-5-codex"))
    if "max_output_tokens" in body:  # fewer are OpenAI's own 400, which says so
        body["max_output_tokens"] += 16
    assert document("openai.json", "CreateResponse").errors(body) == []


@pytest.mark.parametrize(
    ("file", "name", "body"),
    [
        ("ollama.json", "ChatRequest", {"model": "m", "messages": [{"role": "user", "content": "hi", "imagse": []}]}),
        ("gemini.json", "GenerateContentRequest", {"model": "m", "contents": [], "generationConfig": {"max": 1}}),
        ("openai.json", "CreateChatCompletionRequest", {"model": "m", "messages": [], "max_token": 1}),
        ("anthropic.yaml", "CreateMessageParams", {"model": "m", "messages": [], "max_tokens": 0}),
        ("openai.json", "CreateResponse", {"model": "m", "input": "hi", "max_tokens": 1}),
    ],
)
def test_a_wrong_body_is_found_out(file, name, body):
    assert document(file, name).errors(body)
