"""Every field of the published documents is on exactly one list."""

import json
from itertools import combinations
from pathlib import Path

import pytest

from samplemind_cli.formats.ollama import fields

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "ollama.json"
LISTS = (fields.TRANSLATED, fields.CONSTRAINTS, fields.HINTS, fields.IGNORED, fields.REFUSED, fields.EMBED)


def documented():
    """The names of the fields of three bodies; those of their options are dotted."""
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    bodies = ("ChatRequest", "GenerateRequest", "EmbedRequest")
    top = {name for body in bodies for name in schemas[body]["properties"]}
    return top | {f"options.{name}" for name in schemas["ModelOptions"]["properties"]}


def unlisted(found):
    return found - set().union(*LISTS)


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
def test_every_documented_field_is_on_a_list():
    found = documented()

    assert len(found) > 20
    assert unlisted(found) == set()
    assert unlisted({*found, "brand_new"}) == {"brand_new"}


def test_every_field_that_the_official_client_knows_is_on_a_list():
    from ollama import _types

    bodies = (_types.ChatRequest, _types.GenerateRequest, _types.EmbedRequest, _types.EmbeddingsRequest)
    found = {name for body in bodies for name in body.model_fields}
    found |= {f"options.{name}" for name in _types.Options.model_fields}
    assert unlisted(found) <= {f"options.{name}" for name in ("embedding_only", "logits_all", "f16_kv", "vocab_only")}


def test_no_field_is_on_two_lists():
    assert [sorted(a & b) for a, b in combinations(LISTS, 2) if a & b] == []
