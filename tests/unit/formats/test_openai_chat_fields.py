"""Every field of the published document is on exactly one list."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from samplemind_cli.formats.openai_chat import fields

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "openai.json"
LISTS = (fields.TRANSLATED, fields.CONSTRAINTS, fields.HINTS, fields.IGNORED, fields.REFUSED)


def documented(schemas, schema):
    """The names of an object's properties, through references and `allOf`."""
    if "$ref" in schema:
        return documented(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    inherited = (documented(schemas, part) for part in schema.get("allOf", []))
    return set(schema.get("properties", {})).union(*inherited)


def unlisted(found):
    return found - set().union(*LISTS)


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
def test_every_documented_field_of_a_chat_completion_is_on_a_list():
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    found = documented(schemas, schemas["CreateChatCompletionRequest"])

    assert len(found) > 30
    assert unlisted(found) == set()
    assert unlisted({*found, "brand_new_field"}) == {"brand_new_field"}


def test_no_field_is_on_two_lists():
    assert [sorted(a & b) for a, b in combinations(LISTS, 2) if a & b] == []
