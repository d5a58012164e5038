"""Adapts JSON Schemas for Claude (docs/en/build-with-claude/structured-outputs)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from samplemind_cli.formats.reading import dumps, mapping, mappings, text
from samplemind_cli.formats.schemas import STRICT_FORMATS

# The supported keywords; others go into the description, and the core validates the answer.
_WORDS = {
    "type",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "anyOf",
    "allOf",
    "enum",
    "const",
    "format",
}
_WORDS |= {"$ref", "$defs", "definitions", "description", "title", "default", "pattern"}
_OMITTED = {"$schema", "$id", "$comment"}
_FORMATS = STRICT_FORMATS | {"uri"}
_LOOKING = re.compile(r"\(\?[=!<]|\\[1-9bB]")  # lookarounds, backreferences, word boundaries
# Keywords that hold schemas by name, and keywords that hold values.
_NAMED = {"properties", "$defs", "definitions"}
_VALUES = {"enum", "const", "default", "examples", "required", "type"}
_CHOICES = ("anyOf", "oneOf", "allOf")


def closed(schema: Any) -> Any:
    """The schema with closed objects; unsupported keywords go into the description."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    every = {"anyOf" if word == "oneOf" and "anyOf" not in schema else word: value for word, value in schema.items()}
    kept = {word: _inside(word, value) for word, value in every.items() if _is_taken(word, value)}
    more = {word: value for word, value in every.items() if word not in kept and word not in _OMITTED}
    if more:
        kept["description"] = f"{text(kept.get('description'))} {dumps(more)}".strip()
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def is_beyond(schema: Mapping[str, Any]) -> bool:
    """Whether structured output does not support it: a schema for anything, an open object, a recursive schema."""
    return not schema.keys() - _OMITTED or _is_open(schema) or _holds_itself(schema)


def _is_taken(word: str, value: Any) -> bool:
    match word:
        case "format":
            return value in _FORMATS
        case "pattern":
            return not _LOOKING.search(text(value))
    return word in _WORDS


def _is_open(schema: Any) -> bool:
    """Whether an object in it allows unnamed properties, or a list has different schemas by position."""
    if isinstance(schema, list):
        return any(map(_is_open, schema))
    if not isinstance(schema, Mapping):
        return False
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping) or more is True or schema.keys() & {"patternProperties", "prefixItems"}:
        return True
    if _is_spread(schema):
        return True
    if schema.get("type") == "object" and not schema.get("properties") and more is not False:
        return not schema.keys() & {*_CHOICES, "$ref", "enum", "const"}
    inner = [value for word, value in schema.items() if word not in _NAMED | _VALUES]
    inner += [value for word in _NAMED for value in mapping(schema.get(word)).values()]
    return any(map(_is_open, inner))


def _is_spread(schema: Mapping[str, Any]) -> bool:
    """Whether one object's properties are in several places, each of which would exclude the others'."""
    parts = [part for word in _CHOICES for part in mappings(schema.get(word)) if part.keys() & {"properties", "$ref"}]
    return bool(parts) and ("allOf" in schema or bool(schema.get("properties")))


def _holds_itself(schema: Mapping[str, Any]) -> bool:
    inner = {ref: set(_references(_at(schema, ref))) for ref in _references(schema)}
    while inner and (ends := {ref for ref, refs in inner.items() if not refs & inner.keys()}):
        inner = {ref: refs for ref, refs in inner.items() if ref not in ends}
    return bool(inner)  # each of the rest leads to another one


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _references(inner)


def _at(schema: Any, reference: str) -> Any:
    """The value at a JSON pointer; None if there is none."""
    for step in reference.removeprefix("#").split("/")[1:]:
        schema = mapping(schema).get(step.replace("~1", "/").replace("~0", "~"))
    return schema


def _inside(word: str, value: Any) -> Any:
    if word in _VALUES:
        return value
    if word in _NAMED and isinstance(value, Mapping):
        return {name: closed(inner) for name, inner in value.items()}
    return closed(value)
