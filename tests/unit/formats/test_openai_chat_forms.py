"""The form of an answer in the words of vLLM, SGLang, llama.cpp and their like: translated, passed on, or refused."""

import json
from dataclasses import replace

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.openai_chat import client, server
from samplemind_cli.formats.types import Endpoint

HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "m")
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}
TEXT = json.dumps(SCHEMA)
ELSEWHERE = [("openai_chat", OPENAI), ("anthropic_messages", HOST), ("gemini", HOST), ("ollama", HOST)]
ELSEWHERE += [("openai_chat.mistral", HOST), ("openai_responses", HOST)]


def read(**fields):
    return server.read(Fields({"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}))


def lacks(request, speaks, endpoint=HOST):
    return {name for name in request.needs if not CLIENTS[speaks].takes(name, request, endpoint)}


@pytest.mark.parametrize(
    "fields",
    [
        {"guided_json": SCHEMA},
        {"guided_json": TEXT},
        {"json_schema": SCHEMA},
        {"json_schema": TEXT},
        {"structured_outputs": {"json": SCHEMA}},
        {"structured_outputs": {"json": TEXT, "disable_any_whitespace": True}},
        {"guided_json": SCHEMA, "response_format": {"type": "json_schema", "json_schema": {"schema": SCHEMA}}},
    ],
)
def test_a_schema_is_one_whatever_its_host_calls_it(fields):
    request = read(**fields)
    assert request.schema == SCHEMA
    assert request.needs == {"schema"}
    assert client.chat(request, HOST).json.items() >= fields.items()  # as it came
    for endpoint in (HOST, OPENAI):
        sent = client.chat(replace(request, body=None), endpoint).json
        assert sent["response_format"]["json_schema"]["schema"] == SCHEMA
        assert not sent.keys() & {"guided_json", "json_schema"}
    assert gemini.chat(request, HOST).json["generationConfig"]["responseJsonSchema"] == SCHEMA


@pytest.mark.parametrize("fields", [{"guided_json_object": True}, {"structured_outputs": {"json_object": True}}])
def test_any_object_is_json_mode(fields):
    request = read(**fields)
    assert (request.json_mode, request.schema, request.needs) == (True, None, {"schema"})


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"guided_regex": "a+"}, "guided_regex"),
        ({"guided_grammar": "root ::= a"}, "guided_grammar"),
        ({"regex": "a+"}, "regex"),
        ({"ebnf": "root ::= a"}, "ebnf"),
        ({"grammar": "root ::= a"}, "grammar"),
        ({"structural_tag": "{}"}, "structural_tag"),
        ({"structured_outputs": {"regex": "a+"}}, "structured_outputs"),
        ({"structured_outputs": {"grammar": "root ::= a"}}, "structured_outputs"),
        ({"response_format": {"type": "grammar", "grammar": "root ::= a"}}, "response_format.type"),
        ({"response_format": {"type": "regex", "pattern": "a+"}}, "response_format.type"),
        ({"response_format": {"type": "structural_tag", "structures": []}}, "response_format.type"),
    ],
)
def test_a_grammar_goes_to_hosts_of_the_same_format_and_is_refused_elsewhere(fields, name):
    request = read(**fields)
    assert lacks(request, "openai_chat") == set()
    for asked in (request, replace(request, body=None)):
        assert client.chat(asked, HOST).json.items() >= fields.items()
    assert {speaks: lacks(request, speaks, endpoint) for speaks, endpoint in ELSEWHERE} == {
        speaks: {name} for speaks, _ in ELSEWHERE
    }


@pytest.mark.parametrize(
    "fields", [{"guided_choice": ["a", "b"]}, {"structured_outputs": {"choice": ["a", "b"]}}], ids=str
)
def test_a_choice_of_texts_is_geminis_enum_and_refused_where_there_is_no_word_for_it(fields):
    request = read(**fields)
    config = gemini.chat(request, HOST).json["generationConfig"]
    assert config == {"responseMimeType": "text/x.enum", "responseSchema": {"type": "STRING", "enum": ["a", "b"]}}
    assert {speaks for speaks, endpoint in ELSEWHERE if not lacks(request, speaks, endpoint)} == {"gemini"}
    assert client.chat(replace(request, body=None), HOST).json.items() >= fields.items()


def test_the_embedded_models_engine_takes_a_grammar():
    request = read(grammar='root ::= "a"')
    assert lacks(request, "openai_chat.embedded") == set()
    assert CLIENTS["openai_chat.embedded"].chat(request, HOST).json["grammar"] == 'root ::= "a"'


def test_how_a_schema_is_kept_to_is_a_hint():
    request = read(structured_outputs={"json": SCHEMA, "whitespace_pattern": " "}, guided_decoding_backend="x")
    assert request.wishes == {"structured_outputs.whitespace_pattern", "guided_decoding_backend"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"guided_json": "no"}, "guided_json"),
        ({"guided_json": [1]}, "guided_json"),
        ({"json_schema": {"type": 5}}, "json_schema"),
        ({"structured_outputs": {"json": 5}}, "structured_outputs.json"),
        ({"structured_outputs": "x"}, "structured_outputs"),
        ({"guided_json": SCHEMA, "json_schema": {"type": "array"}}, "response_format"),
        ({"response_format": {"type": "x"}}, "response_format.type"),
    ],
)
def test_what_is_no_schema_is_named(fields, param):
    with pytest.raises(BadRequestError) as refused:
        read(**fields)
    assert refused.value.param == param
