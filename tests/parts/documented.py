"""Requests made of a published document: each optional field of each nested object once with a value, once without."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SPECS = Path(__file__).parents[3] / "shared" / "specs"
DEEPEST = 8
# What an object needs to be read, where the document does not say that it is required.
GOOD = {
    "data": "AAAA",
    "mimeType": "image/png",
    "image_url": "https://a/b.png",
    "file_data": "data:application/pdf;base64,AAAA",
    "file_url": "https://a/b.pdf",
    "url": "https://a/b.png",
    "schema": {"type": "object"},
    "function": {"name": "AAAA"},
}
SCALARS: dict[str, Any] = {"string": "AAAA", "number": 0.5, "integer": 3, "boolean": True}
FORMATS = {"int64": "3", "uri": "https://a/b"}

Schema = dict[str, Any]


class Document:
    """The schemas of one document."""

    def __init__(self, name: str) -> None:
        self._schemas = json.loads((SPECS / name).read_bytes())["components"]["schemas"]

    def fields(self, name: str) -> Iterator[tuple[str, Any, Any]]:
        """The dotted name of each nested field of a body; its outermost field with it, and without it."""
        for field, schema in self._whole(self._schemas[name])["properties"].items():
            for path, given, plain in self._inside(schema, ()):
                yield f"{field}.{path}", {field: given}, {field: plain}

    def _whole(self, schema: Schema) -> Schema:
        """A schema without references, with what `allOf` adds to it."""
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].rpartition("/")[2]]
        for part in map(self._whole, schema.get("allOf", [])):
            schema = {**part, **_joined(part, schema)}
        return schema

    def _kinds(self, schema: Schema) -> Iterator[Schema]:
        """The schemas of which a value satisfies one."""
        schema = self._whole(schema)
        union = schema.get("oneOf") or schema.get("anyOf") or []
        for one in union:
            for kind in self._kinds(one):
                if kind.get("type") != "null":
                    yield {**kind, **_joined(schema, kind)}
        if not union:
            yield schema

    def _value(self, schema: Schema, depth: int = 0) -> Any:
        """A short value that satisfies a schema."""
        schema = next(self._kinds(schema), {})
        if "const" in schema or "enum" in schema:
            return schema.get("const", schema.get("enum", [""])[-1])
        kinds = schema.get("type", "object" if "properties" in schema else "")
        kind = next(each for each in kinds if each != "null") if isinstance(kinds, list) else kinds
        if kind in SCALARS:
            return FORMATS.get(schema.get("format", ""), schema.get("minimum", SCALARS[kind]))
        if kind == "array":
            return [self._value(schema.get("items", {}), depth + 1)] if depth < DEEPEST else []
        if schema.get("properties"):
            return self._object(schema, depth)
        others = schema.get("additionalProperties")
        return {"a": self._value(others, depth + 1) if isinstance(others, dict) else "b"}

    def _object(self, schema: Schema, depth: int = 0) -> Any:
        known = schema["properties"] if depth < DEEPEST else {}
        needed = [name for name in schema.get("required", ()) if name in known]
        found = {name: GOOD[name] if name in GOOD else self._value(known[name], depth + 1) for name in needed}
        good = next((name for name in GOOD if name in known), "") if {*needed} <= {"type", "name", "detail"} else ""
        return {**found, good: GOOD[good]} if good else found

    def _inside(self, schema: Schema, seen: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
        for kind in self._kinds(schema):
            if kind.get("type") == "array":
                for path, given, plain in self._inside(kind.get("items", {}), seen):
                    yield path, [given], [plain]
            mark = " ".join(sorted(kind.get("properties", {})))
            if mark and mark not in seen:
                for base in self._bases(kind):
                    yield from self._of_object(kind, base, (*seen, mark))

    def _bases(self, kind: Schema) -> Iterator[Schema]:
        """An object with what it needs, of each role that it may have."""
        base = self._object(kind)
        roles = self._whole(kind["properties"].get("role", {})).get("enum", [])
        yield from ({**base, "role": role} for role in roles) if roles else [base]

    def _of_object(self, kind: Schema, base: Schema, seen: tuple[str, ...]) -> Iterator[tuple[str, Any, Any]]:
        what = base.get("type")
        for name, schema in kind["properties"].items():
            label = f"{name}<{what}>" if isinstance(what, str) else name
            if name not in kind.get("required", ()):
                without = {key: value for key, value in base.items() if key != name}
                for value in self._values(name, schema):
                    yield label, {**base, name: value}, without
            for path, given, plain in self._inside(schema, seen):
                yield f"{label}.{path}", {**base, name: given}, {**base, name: plain}

    def _values(self, name: str, schema: Schema) -> Iterator[Any]:
        yield from [GOOD[name]] if name in GOOD else []
        for kind in self._kinds(schema):
            yield from kind.get("enum", (True, False) if kind.get("type") == "boolean" else [self._value(kind)])


def _joined(first: Schema, second: Schema) -> Schema:
    properties = {**first.get("properties", {}), **second.get("properties", {})}
    required = [*first.get("required", ()), *second.get("required", ())]
    return {**second, "properties": properties, "required": required} if properties else second
