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
