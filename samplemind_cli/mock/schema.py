"""The smallest JSON value that satisfies a simple JSON Schema."""

import math
from collections.abc import Mapping
from typing import Any

DEEPEST = 32  # a recursive schema has no finite example
LONGEST = 10_000  # items or characters, even if a schema requires more
TEXT = "mock"


def example(schema: Any, root: Any = None, depth: int = 0) -> Any:
    """A value for `schema`: required properties only, first alternatives, lowest numbers. Patterns are ignored."""
    root = schema if root is None else root
    if not isinstance(schema, Mapping) or depth > DEEPEST:
        return None
    if "$ref" in schema:
        return example(_resolve(str(schema["$ref"]), root), root, depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if schema.get(name):
            parts = schema[name] if name == "allOf" else schema[name][:1]
            return example(_merge([_without(schema, name), *parts], root), root, depth + 1)
    fixed = [schema[name] for name in ("const", "default") if name in schema] + list(schema.get("enum", ()))
    return fixed[0] if fixed else _of_type(_kind(schema), schema, root, depth)


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return str(kind[0] if isinstance(kind, list) else kind).lower()  # Gemini's own schemas write OBJECT


def _of_type(kind: str, schema: Mapping[str, Any], root: Any, depth: int) -> Any:
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: example(properties.get(name, {}), root, depth + 1) for name in schema.get("required", ())}
    if kind == "array":
        return [
            example(schema.get("items", {}), root, depth + 1) for _ in range(min(schema.get("minItems", 0), LONGEST))
        ]
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "string":
        return _text(schema)
    return True if kind == "boolean" else None


def _number(schema: Mapping[str, Any]) -> int | float:
    step = schema.get("multipleOf", 1)
    low = schema.get("minimum", -math.inf)
    low = max(low, schema["exclusiveMinimum"] + step) if "exclusiveMinimum" in schema else low
    high = schema.get("maximum", math.inf)
    high = min(high, schema["exclusiveMaximum"] - step) if "exclusiveMaximum" in schema else high
    nearest = min(max(0, low), high)
    value: int | float = math.ceil(nearest / step) * step
    return value if value <= high else float(nearest)


def _text(schema: Mapping[str, Any]) -> str:
    formats = {"date": "2026-01-01", "date-time": "2026-01-01T00:00:00Z", "email": "mock@example.com"}
    text = formats.get(schema.get("format", ""), TEXT)
    return text.ljust(min(schema.get("minLength", 0), LONGEST), ".")[: schema.get("maxLength", LONGEST)]


def _merge(parts: list[dict[str, Any]], root: Any) -> dict[str, Any]:
    """Schemas merged into one: properties and required lists are joined; of other keywords the last one counts."""
    merged: dict[str, Any] = {}
    for part in parts:
        part = _resolve(str(part["$ref"]), root) if "$ref" in part else part  # noqa: PLW2901 - the part it stands for
        properties = {**merged.get("properties", {}), **part.get("properties", {})}
        required = [*merged.get("required", ()), *part.get("required", ())]
        merged |= {**part, "required": required} | ({"properties": properties} if properties else {})
    return merged


def _without(schema: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != name}


def _resolve(reference: str, root: Any) -> Any:
    """The part of `root` that a local reference such as `#/$defs/Note` points to; {} if there is none."""
    value = root
    for step in reference.removeprefix("#").split("/")[1:]:
        value = value.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(value, Mapping) else {}
    return value
