"""JSON Schemas as each provider takes them."""

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
_STRICT_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
# What a schema for Claude may not say (docs/en/build-with-claude/structured-outputs): told in words instead.
_BOUNDS = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_BOUNDS |= {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
# What holds schemas by name, and what holds no schemas but values.
_NAMED = {"properties", "$defs", "definitions"}
_VALUES = {"enum", "const", "default", "examples"}


def strict(schema: Mapping[str, Any]) -> bool:
    """Whether OpenAI takes the schema as a guarantee: every object closed, all of it required, no further words."""
    return schema.get("type") == "object" and "anyOf" not in schema and _strict(schema)


def _strict(schema: Any) -> bool:
    if not isinstance(schema, Mapping):
        return False
    if "$ref" in schema:
        return set(schema) == {"$ref"} and text(schema["$ref"]).startswith("#")
    kinds = schema.get("type")
    known = {kinds} if isinstance(kinds, str) else set(kinds) if isinstance(kinds, list) else set()
    said = bool(known) or bool(schema.keys() & {"anyOf", "enum", "const"})  # else it would take anything
    plain = known <= _STRICT_TYPES and set(schema) <= _STRICT and schema.get("format", "date") in _STRICT_FORMATS
    if not (said and plain) or ("array" in known and "items" not in schema):
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


def for_claude(schema: Any) -> Any:
    """The schema as Claude takes it: objects closed, and bounds turned into words, which the core holds it to."""
    if isinstance(schema, list):
        return [for_claude(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {word: _inside(word, value) for word, value in schema.items() if word not in _BOUNDS}
    if bounds := {word: value for word, value in schema.items() if word in _BOUNDS}:
        kept["description"] = f"{text(kept.get('description'))} {dumps(bounds)}".strip()
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def open_objects(schema: Any) -> bool:
    """Whether an object in it takes properties that it does not name: Claude's structured output cannot say that."""
    if isinstance(schema, list):
        return any(map(open_objects, schema))
    if not isinstance(schema, Mapping):
        return False
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) or more is True or schema.get("patternProperties"):
        return True
    if schema.get("type") == "object" and not schema.get("properties") and more is not False:
        return not schema.keys() & {"anyOf", "oneOf", "allOf", "$ref", "enum", "const"}
    inner = [value for word, value in schema.items() if word not in _NAMED | _VALUES]
    inner += [value for word in _NAMED for value in _values(schema, word)]
    return any(map(open_objects, inner))


def _inside(word: str, value: Any) -> Any:
    if word in _VALUES:
        return value
    if word in _NAMED and isinstance(value, Mapping):
        return {name: for_claude(inner) for name, inner in value.items()}
    return for_claude(value)


def in_words(schema: Mapping[str, Any] | None) -> str:
    """The instruction that asks for JSON where a provider has no switch for it."""
    message = "Answer with one JSON object and nothing else: no other words, no code fence."
    return message if schema is None else f"{message} It must satisfy this JSON Schema: {dumps(schema)}"
