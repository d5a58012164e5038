import pytest

from samplemind_cli.formats.anthropic_messages import client
from samplemind_cli.formats.types import Endpoint, Message, Request

TREE = {"type": "object", "properties": {"child": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]}}}
NAMED = {"type": "object", "properties": {"a": {"type": "string"}}}


def body(schema):
    return client.chat(Request(messages=(Message("user", "q"),), schema=schema), Endpoint("http://x", "m")).json


def of(**properties):
    return {"type": "object", "properties": properties, "additionalProperties": False}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": "https://json-schema.org/draft/2020-12/schema"},
        {"$ref": "#/$defs/tree", "$defs": {"tree": TREE}},
        of(next={"anyOf": [{"$ref": "#"}, {"type": "null"}]}),
        {"$defs": {"a": of(b={"$ref": "#/$defs/b"}), "b": of(a={"$ref": "#/$defs/a"})}, "$ref": "#/$defs/a"},
        {"allOf": [NAMED, {"type": "object", "properties": {"b": {"type": "string"}}}]},
        {**NAMED, "anyOf": [{"properties": {"b": {"type": "string"}}}]},
        of(pair={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False}),
    ],
)
def test_what_structured_output_cannot_say_is_asked_for_in_words(schema):
    found = body(schema)
    assert "output_config" not in found
    assert "JSON Schema" in found["system"]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (of(a={"oneOf": [{"type": "string"}]}), of(a={"anyOf": [{"type": "string"}]})),
        (
            of(a={"type": "string", "pattern": "^(?=x)"}),
            of(a={"type": "string", "description": '{"pattern":"^(?=x)"}'}),
        ),
        (of(a={"type": "string", "format": "phone"}), of(a={"type": "string", "description": '{"format":"phone"}'})),
        (of(a={"type": "string", "format": "uri"}), of(a={"type": "string", "format": "uri"})),
        ({"$schema": "http://json-schema.org/draft-07/schema#", **of(a={"const": 3})}, of(a={"const": 3})),
        (
            {**NAMED, "if": {"properties": {"a": {"minLength": 2}}}, "then": {"required": ["b"]}},
            {
                **of(a={"type": "string"}),
                "description": '{"if":{"properties":{"a":{"minLength":2}}},"then":{"required":["b"]}}',
            },
        ),
        (of(**{"$ref": {"type": "string"}}), of(**{"$ref": {"type": "string"}})),
        (
            {"$ref": "#/$defs/a", "$defs": {"a": of(b={"$ref": "#/$defs/b"}), "b": {"type": "string"}}},
            {"$ref": "#/$defs/a", "$defs": {"a": of(b={"$ref": "#/$defs/b"}), "b": {"type": "string"}}},
        ),
    ],
)
def test_a_word_that_a_schema_for_claude_may_not_hold_is_told_beside_it(asked, told):
    assert body(asked)["output_config"]["format"]["schema"] == told
