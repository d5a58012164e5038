"""The providers' published documents, and requests made by hand."""

import json
from functools import cache
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from samplemind_cli.mock.http1 import HttpRequest

SPECS = Path(__file__).resolve().parents[4] / "shared" / "specs"

# The real daemon says more here than its document: a call's id and index, a model's parent and name.
INCOMPLETE = {("ollama.json", name) for name in ("ToolCall", "ModelSummary", "Ps")}
# Each part of a response knows its own properties alone.
INCOMPLETE |= {("openai.json", name) for name in ("Response", "ModelResponseProperties", "ResponseProperties")}


@cache
def _registry(name):
    document = json.loads((SPECS / name).read_text())
    schemas = document["components"]["schemas"]
    document["components"]["schemas"] = {
        title: schema if (name, title) in INCOMPLETE else _strict(schema) for title, schema in schemas.items()
    }
    return Registry().with_resource(f"urn:{name}", DRAFT202012.create_resource(document))


def _strict(node):
    """The schemas, but `nullable: true` as JSON Schema says it, and no property that they do not name."""
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _strict(value) for key, value in node.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object" and "allOf" not in made:
        made.setdefault("additionalProperties", False)
    if made.pop("nullable", None) is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made


@pytest.fixture
def fits():
    """Assert that a value fits a schema of a published document."""

    def check(document, schema, value):
        if not SPECS.is_dir():
            pytest.skip("the published API documents are not here (../shared/specs)")
        reference = {"$ref": f"urn:{document}#/components/schemas/{schema}"}
        Draft202012Validator(reference, registry=_registry(document)).validate(value)

    return check


@pytest.fixture
def request_to():
    """Make a request as it would have come over the wire."""

    def make(target, body=None, method=None, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        data = b"" if body is None else json.dumps(body).encode()
        return HttpRequest(method or ("GET" if body is None else "POST"), target, named, data)

    return make
