"""Every field of the published document is on exactly one list."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from samplemind_cli.formats.gemini import fields

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "gemini.json"
LISTS = (fields.TRANSLATED, fields.CONSTRAINTS, fields.HINTS, fields.IGNORED, fields.REFUSED)


def documented():
    """The names of a generateContent body's fields; those of its two settings are dotted."""
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    top = set(schemas["GenerateContentRequest"]["properties"])
    config = {f"generationConfig.{name}" for name in schemas["GenerationConfig"]["properties"]}
    return top | config | {f"toolConfig.{name}" for name in schemas["ToolConfig"]["properties"]}


def unlisted(found):
    return found - set().union(*LISTS)


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
def test_every_documented_field_is_on_a_list():
    found = documented()

    assert len(found) > 25
    assert unlisted(found) == set()
    assert unlisted({*found, "generationConfig.brandNew"}) == {"generationConfig.brandNew"}


def test_no_field_is_on_two_lists():
    assert [sorted(a & b) for a, b in combinations(LISTS, 2) if a & b] == []


@pytest.mark.parametrize(
    ("name", "json_name"),
    [("system_instruction", "systemInstruction"), ("topK", "topK"), ("_response_json_schema", "_responseJsonSchema")],
)
def test_protobuf_names_become_those_of_json(name, json_name):
    assert fields.camel(name) == json_name
