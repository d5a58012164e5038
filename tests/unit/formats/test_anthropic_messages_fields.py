"""Every field of the published documents is on exactly one list."""

import json
from itertools import combinations
from pathlib import Path
from typing import get_type_hints

import pytest

from samplemind_cli.formats.anthropic_messages import fields

SPEC = Path(__file__).parents[4] / "shared" / "specs" / "anthropic.yaml"
LISTS = (fields.TRANSLATED, fields.CONSTRAINTS, fields.HINTS, fields.IGNORED, fields.REFUSED)
# What the official client sends as headers.
HEADERS = {"betas", "user_profile_id", "workspace_id"}


def unlisted(found):
    return set(found) - set().union(*LISTS)


@pytest.mark.skipif(not SPEC.is_file(), reason="the published documents (../shared/specs) are not here")
@pytest.mark.parametrize("kind", ["CreateMessageParams", "CountMessageTokensParams"])
def test_every_documented_field_of_a_message_is_on_a_list(kind):
    schemas = json.loads(SPEC.read_bytes())["components"]["schemas"]
    found = {*schemas[kind]["properties"], *schemas[f"Beta{kind}"]["properties"]}

    assert len(found) > 9
    assert unlisted(found) == set()
    assert unlisted({*found, "brand_new_field"}) == {"brand_new_field"}


@pytest.mark.slow
def test_every_field_that_the_official_client_sends_is_on_a_list():
    from anthropic.types import beta, message_count_tokens_params, message_create_params

    found = set()
    for params in (
        message_create_params.MessageCreateParamsStreaming,
        message_count_tokens_params.MessageCountTokensParams,
        beta.message_create_params.MessageCreateParamsStreaming,
    ):
        found |= get_type_hints(params).keys()

    assert len(found) > 20
    assert unlisted(found - HEADERS) == set()


def test_no_field_is_on_two_lists():
    assert [sorted(a & b) for a, b in combinations(LISTS, 2) if a & b] == []
