"""JSON Schemas as Claude takes them (docs/en/build-with-claude/structured-outputs)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from samplemind_cli.formats.reading import dumps, mapping, mappings, text
from samplemind_cli.formats.schemas import STRICT_FORMATS

# What a schema may say; every other word is told as a description, and the core holds the answer to it.
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
_UNTOLD = {"$schema", "$id", "$comment"}
_FORMATS = STRICT_FORMATS | {"uri"}
_LOOKING = re.compile(r"\(\?[=!<]|\\[1-9bB]")  # around, back, or at the borders of words
# What holds schemas by name, and what holds no schemas but values.
_NAMED = {"properties", "$defs", "definitions"}
_VALUES = {"enum", "const", "default", "examples", "required", "type"}
_CHOICES = ("anyOf", "oneOf", "allOf")


def told(schema: Any) -> Any:
    """The schema with its objects closed, and what it may not say in words."""
    if isinstance(schema, list):
        return [told(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {"anyOf" if word == "oneOf" and "anyOf" not in schema else word: value for word, value in schema.items()}
    kept = {word: _inside(word, value) for word, value in found.items() if _is_taken(word, value)}
    more = {word: value for word, value in found.items() if word not in kept and word not in _UNTOLD}
    if more:
        kept["description"] = f"{text(kept.get('description'))} {dumps(more)}".strip()
    if kept.get("type") == "object" or "properties" in kept:
        kept["additionalProperties"] = False
    return kept


def is_beyond(schema: Mapping[str, Any]) -> bool:
    """Whether structured output cannot say it: a schema of anything, an open object, one that holds itself."""
    return not schema.keys() - _UNTOLD or _is_open(schema) or _holds_itself(schema)


def _is_taken(word: str, value: Any) -> bool:
    match word:
        case "format":
            return value in _FORMATS
        case "pattern":
            return not _LOOKING.search(text(value))
    return word in _WORDS


def _is_open(schema: Any) -> bool:
    """Whether an object in it takes properties that it does not name, or a list's items differ by place."""
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
    """Whether one object's properties stand in several places, of which each would be closed to the others'."""
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
    """What a JSON pointer names; None where there is nothing."""
    for step in reference.removeprefix("#").split("/")[1:]:
        schema = mapping(schema).get(step.replace("~1", "/").replace("~0", "~"))
    return schema


def _inside(word: str, value: Any) -> Any:
    if word in _VALUES:
        return value
    if word in _NAMED and isinstance(value, Mapping):
        return {name: told(inner) for name, inner in value.items()}
    return told(value)
