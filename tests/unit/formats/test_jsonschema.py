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
