from dataclasses import replace

import pytest

from samplemind_cli.ai import question, schemas
from samplemind_cli.errors import ProviderError, UsageError
from samplemind_cli.formats.types import Answer, Endpoint, Message, Request, Route, Text
from samplemind_cli.providers import Provider


@pytest.mark.parametrize(("text", "why"), [("not json", "not JSON"), ('{"key": 1}', "violates the schema")])
def test_an_answer_that_breaks_its_schema_is_an_error(text, why):
    with pytest.raises(ProviderError, match=why):
        schemas.check(text, {"type": "object", "properties": {"key": {"type": "string"}}}, "ollama")


def test_an_answer_that_satisfies_its_schema_passes():
    assert schemas.check('{"key": "Am"}', {"required": ["key"]}, "ollama") is None


def test_json_mode_wants_an_object_and_geminis_any_json():
    listed = Answer(parts=(Text("[1]"),), provider="gemini", model="m", key="k", finish_reason="stop")
    asked = Request(messages=(Message("user", "hi"),), json_mode=True)
    schemas.satisfied(listed, replace(asked, source="gemini"))
    with pytest.raises(ProviderError):
        schemas.satisfied(listed, asked)
    with pytest.raises(ProviderError):
        schemas.satisfied(replace(listed, parts=(Text("no"),)), replace(asked, source="gemini"))
    route = Route(Provider.GEMINI, Endpoint("http://x", "m"))
    assert question.payload(route, asked) != question.payload(route, replace(asked, source="gemini"))


@pytest.mark.parametrize("place", ["#/nowhere", "http://127.0.0.1:1/x", "file:///etc/passwd", "other.json"])
def test_what_a_schema_does_not_hold_itself_is_looked_for_nowhere_else(place, monkeypatch):
    monkeypatch.setattr("urllib.request.urlopen", lambda *_: pytest.fail("it was fetched"))

    with pytest.raises(UsageError, match="does not contain"):
        schemas.check("{}", {"$ref": place}, "ollama")


def test_a_schema_that_leads_to_itself_is_left():
    with pytest.raises(UsageError, match="nested too deeply"):
        schemas.check("{}", {"$ref": "#"}, "ollama")


def test_a_schema_may_refer_to_itself_as_far_as_the_answer_goes():
    tree = {"properties": {"left": {"$ref": "#"}}, "required": ["name"]}

    schemas.check('{"name": "a", "left": {"name": "b"}}', tree, "ollama")
    with pytest.raises(ProviderError, match=r"\$\.left"):
        schemas.check('{"name": "a", "left": {}}', tree, "ollama")


DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {}}


@pytest.mark.parametrize(
    "schema",
    [
        {"items": {"pattern": "^(a+)+$"}},
        {"items": {"pattern": "^(a|aa)+$"}},
        {"items": {"patternProperties": {"^(a+)+$": {}}, "pattern": r"^(\w+\s?)*$"}},
        {"$defs": DOUBLING, "$ref": "#/$defs/d0"},
    ],
)
def test_a_schema_that_would_be_computed_for_ever_is_given_up(schema, monkeypatch):
    monkeypatch.setattr(schemas, "SECONDS", 0.1)
    with pytest.raises(UsageError, match="takes more than"):
        schemas.check(f'["{"a" * 60}!"]', schema, "ollama")
