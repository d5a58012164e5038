import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import validate

from samplemind_cli.mock.schema import example

SCHEMAS = [
    {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "required": ["a"]},
    {"type": "array", "items": {"type": "boolean"}, "minItems": 2},
    {"enum": ["x", "y"]},
    {"const": None},
    {"type": ["string", "null"], "minLength": 9},
    {"type": "string", "maxLength": 2},
    {"type": "integer", "minimum": 5, "multipleOf": 3},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5},
    {"type": "integer", "exclusiveMaximum": -3},
    {"anyOf": [{"type": "integer", "minimum": 7}, {"type": "null"}]},
    {"type": "object", "$defs": {"n": {"const": 4}}, "properties": {"n": {"$ref": "#/$defs/n"}}, "required": ["n"]},
    {"allOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": {}}, "required": ["b"]}]},
    {"type": "string", "format": "date-time"},
    True,
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_the_example_satisfies_its_schema(schema):
    validate(example(schema), schema)


@given(
    low=st.integers(-50, 50),
    span=st.integers(0, 50),
    kind=st.sampled_from(["integer", "number"]),
    least=st.integers(0, 5),
)
def test_the_example_satisfies_any_bounds(low, span, kind, least):
    schema = {"type": "array", "minItems": least, "items": {"type": kind, "minimum": low, "maximum": low + span}}
    validate(example(schema), schema)


def test_geminis_upper_case_types_are_read():
    assert example({"type": "OBJECT", "properties": {"n": {"type": "INTEGER"}}, "required": ["n"]}) == {"n": 0}


def test_a_schema_that_requires_itself_ends():
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"required": ["a"], "properties": {"a": {"$ref": "#/$defs/a"}}}}}
    assert "a" in example(schema)
