"""Converts a Gemini `Schema`, OpenAPI's kind with types in capitals, to JSON Schema."""

from collections.abc import Mapping
from typing import Any

from samplemind_cli.formats.gemini.fields import renamed

_COUNTS = ("maxItems", "minItems", "minProperties", "maxProperties", "minLength", "maxLength")  # int64: JSON strings


def as_json_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema; fields without an equivalent, such as `propertyOrdering`, are kept."""
    found = renamed(schema)
    nullable = found.pop("nullable", None) is True
    kept = {word: _value(word, value) for word, value in found.items() if value is not None}
    if kept.get("type") == "type_unspecified":
        del kept["type"]
    if "example" in kept:
        kept["examples"] = [kept.pop("example")]
    if not nullable:
        return kept
    if kept.get("anyOf"):
        return {**kept, "anyOf": [*kept["anyOf"], {"type": "null"}]}
    if "type" in kept:
        kept["type"] = [kept["type"], "null"]
    if isinstance(kept.get("enum"), list) and None not in kept["enum"]:
        kept["enum"] = [*kept["enum"], None]
    return kept


def _value(word: str, value: Any) -> Any:
    if word == "type" and isinstance(value, str):
        return value.lower()
    if word in _COUNTS and isinstance(value, str) and value.isdecimal() and len(value) < 20:  # noqa: PLR2004 - int64
        return int(value)
    if word == "properties" and isinstance(value, Mapping):
        return {name: _inner(inner) for name, inner in value.items()}
    if word == "anyOf" and isinstance(value, list):
        return [_inner(inner) for inner in value]
    if word in ("items", "additionalProperties"):
        return _inner(value)
    return value


def _inner(value: Any) -> Any:
    return as_json_schema(value) if isinstance(value, Mapping) else value
