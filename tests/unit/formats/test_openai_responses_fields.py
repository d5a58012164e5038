"""Every field of the published documents is on exactly one list."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from samplemind_cli.formats.openai_chat import completions
from samplemind_cli.formats.openai_responses import client
from samplemind_cli.formats.openai_responses import fields as responses

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "openai.json"
ROOMS = {"CreateResponse": responses, "CreateCompletionRequest": completions}
NAMES = ("TRANSLATED", "CONSTRAINTS", "HINTS", "IGNORED", "REFUSED")


def lists(room):
    return [set(getattr(room, name)) for name in NAMES]


def documented(schemas, schema):
    """The names of an object's properties, through references and `allOf`."""
    if "$ref" in schema:
        return documented(schemas, schemas[schema["$ref"].rpartition("/")[2]])
    inherited = (documented(schemas, part) for part in schema.get("allOf", []))
    return set(schema.get("properties", {})).union(*inherited)


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
@pytest.mark.parametrize("name", ROOMS)
def test_every_documented_field_is_on_a_list_and_every_listed_one_documented(name):
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    found, listed = documented(schemas, schemas[name]), set().union(*lists(ROOMS[name]))

    assert len(found) > 15
    assert found == listed
    assert {*found, "brand_new_field"} - listed == {"brand_new_field"}


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
def test_the_models_that_only_responses_has_are_known_by_their_names():
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    alone = schemas["ModelIdsResponses"]["anyOf"][1]["enum"]
    shared = schemas["ModelIdsShared"]["anyOf"][1]["enum"]

    assert len(alone) > 10
    assert [model for model in alone if not client.alone(model)] == []
    named_so = [model for model in shared if "pro" in model.split("-") or "codex" in model]
    assert [model for model in (*shared, "gemini-2.5-pro", "qwen-pro") if client.alone(model)] == named_so


@pytest.mark.parametrize("room", ROOMS.values())
def test_no_field_is_on_two_lists_nor_a_documented_one_among_the_foreign(room):
    assert [sorted(a & b) for a, b in combinations([*lists(room), set(room.FOREIGN)], 2) if a & b] == []
