import json

import pytest

from samplemind_cli.formats import faults


@pytest.mark.parametrize(
    ("body", "parts"),
    [
        ({}, 1),
        ({"error": {}}, 2),
        ({"error": {"message": "x", "code": 1}}, 2),
        (json.loads('{"error":' * 5 + "{}" + "}" * 5), 6),
        ({"errors": [{"detail": [{"msg": ""}] * 3}] * 3}, 13),
    ],
)
def test_each_part_of_an_error_is_looked_at_once(monkeypatch, body, parts):
    seen = []
    look = faults._of_object
    monkeypatch.setattr(faults, "_of_object", lambda found, depth: seen.append(found) or look(found, depth))

    faults.fault(400, body)

    assert len(seen) <= parts


@pytest.mark.parametrize("shown", ["sk-ab***wxyz", "x" * 3000 + "***y", "key ****", 'said "a***" to it', "/ab***cd"])
def test_a_masked_key_is_taken_out_wherever_it_stands(shown):
    assert "***" not in faults.clean(f"wrong: {shown} is none")


@pytest.mark.parametrize(
    "key",
    [
        "0123456789abcdef0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "ya29.a0AfH6SMBxyzABCDEF",
        "ghp_abcdefghijklmnopqrstuvwxyz012345",
        "b1a2c3d4-e5f6-7890-abcd-ef1234567890",
        "wx.abcdEFGH1234567890ijklMNOP",
        "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4",
    ],
)
@pytest.mark.parametrize(
    "told",
    [
        "Invalid token {}",
        'key "{}" expired',
        "apikey={}",
        '{{"key":"{}"}}',
        "No auth credentials for {}",
        "x-api-key: {} is none",
        "the secret '{}' is wrong",
    ],
)
def test_a_key_that_looks_like_no_providers_is_known_by_what_it_is_called(key, told):
    assert key not in faults.clean(told.format(key))


@pytest.mark.parametrize(
    "told",
    [
        'invalid key: "additionalProperties" in schema',
        "unknown key: temperature_setting",
        "Invalid value for token: max_tokens_exceeded",
        "The model `claude-3-5-sonnet-20241022` does not exist",
        "Rate limit reached for gpt-oss-20b on tokens per min: Limit 30000, Used 123456",
        "messages.1.content.0: unexpected `tool_use_id` found: call_abc123DEF456",
    ],
)
def test_words_that_are_no_key_stay(told):
    assert faults.clean(told) == told
