import pytest

from samplemind_cli.formats import jsonschema


def nested(depth):
    schema = {}
    for _ in range(depth):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize("schema", [{"type": "king"}, {"$schema": 7}, {"pattern": "("}, nested(3000)])
def test_what_is_no_schema_has_a_flaw(schema):
    assert jsonschema.flaw(schema)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"$schema": "https://somewhere.else/schema"}])
def test_a_schema_has_no_flaw(schema):
    assert jsonschema.flaw(schema) == ""


@pytest.mark.parametrize(
    "schema",
    [
        {"$schema": "http://json-schema.org/draft-04/schema#", "enum": [[{"a": n}] for n in range(3000)]},
        {"properties": {f"p{n}": {"type": "string"} for n in range(50_000)}},
    ],
)
def test_a_schema_that_takes_too_long_to_look_through_is_none(schema, monkeypatch):
    monkeypatch.setattr(jsonschema, "SECONDS", 0.1)
    assert "takes too long" in jsonschema.flaw(schema)
