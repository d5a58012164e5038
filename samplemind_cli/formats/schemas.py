"""Whether OpenAI can guarantee a JSON Schema, and the instruction for providers without JSON output."""

from collections.abc import Mapping
from typing import Any

from samplemind_cli.formats.reading import dumps, mapping, text

ANY_OBJECT: Mapping[str, Any] = {"type": "object"}

# What strict structured output takes (platform.openai.com/docs/guides/structured-outputs#supported-schemas).
_STRICT_TYPES = {"string", "number", "boolean", "integer", "object", "array", "null"}
_STRICT = {
    "type", "properties", "required", "additionalProperties", "items", "anyOf", "enum", "const", "$ref", "$defs",
    "definitions", "description", "title", "pattern", "format", "multipleOf", "minimum", "maximum",
    "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxItems",
}  # fmt: skip
STRICT_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}


def strict(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI accepts the schema in strict mode: closed objects, all properties required, known keywords."""
    return schema.get("type") == "object" and "anyOf" not in schema and _strict(schema)


def _strict(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    if "$ref" in schema:
        return set(schema) == {"$ref"} and text(schema["$ref"]).startswith("#")
    kinds = schema.get("type")
    known = {kinds} if isinstance(kinds, str) else set(kinds) if isinstance(kinds, list) else set()
    typed = bool(known) or bool(schema.keys() & {"anyOf", "enum", "const"})  # else it would accept anything
    plain = known <= _STRICT_TYPES and set(schema) <= _STRICT and schema.get("format", "date") in STRICT_FORMATS
    if not (typed and plain) or ("array" in known and "items" not in schema):
        return False
    inner = [*_values(schema, "properties"), *_values(schema, "$defs"), *_values(schema, "definitions")]
    inner += [schema["items"]] if "items" in schema else []
    inner += schema["anyOf"] if isinstance(schema.get("anyOf"), list) else []
    return _closed(schema, known) and all(map(_strict, inner))


def _closed(schema: Mapping[str, Any], kinds: set[str]) -> bool:
    properties = mapping(schema.get("properties"))
    if "object" not in kinds and not properties:
        return True
    required = schema.get("required", [])
    every = isinstance(required, list) and set(properties) == {name for name in required if isinstance(name, str)}
    return schema.get("additionalProperties") is False and every


def _values(schema: Mapping[str, Any], word: str) -> list[Any]:
    return list(mapping(schema.get(word)).values())


def in_words(schema: Mapping[str, Any] | None) -> str:
    """The instruction to answer in JSON, for a provider without an option for it."""
    message = "Answer with one JSON object and nothing else: no other words, no code fence."
    return message if schema is None else f"{message} It must satisfy this JSON Schema: {dumps(schema)}"
