"""Reads the form of the answer: OpenAI's `response_format`, and the fields of vLLM, SGLang and llama.cpp for it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.formats import jsonschema, reading
from samplemind_cli.formats.fields import Fields

_FORMAT = "response_format"
TYPES = ("text", "json_object", "json_schema")
GRAMMARS = ("grammar", "regex", "structural_tag")  # of Fireworks, of Together, of vLLM and SGLang
_STRUCTURED = "structured_outputs"  # vLLM's, which holds what its `guided_…` fields did
_SCHEMAS = ("guided_json", "json_schema")  # vLLM's, llama.cpp's
_OBJECT = "guided_json_object"
TRANSLATED = frozenset({_STRUCTURED, _OBJECT, *_SCHEMAS})
# Fields of `structured_outputs` about how a schema is enforced.
_MANNERS = frozenset(
    {
        "backend",
        "disable_additional_properties",
        "disable_any_whitespace",
        "disable_fallback",
        "whitespace_pattern",
    }
)


@dataclass(frozen=True, slots=True)
class AnswerForm:
    """A JSON Schema with its name, or any JSON object. `extra`: fields that only some hosts have."""

    schema: dict[str, Any] | None
    json_mode: bool
    name: str = ""
    strict: bool | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def read(fields: Fields) -> AnswerForm:
    """The form that a body requests. Raises BadRequestError."""
    given, structured = _nested(fields.inner(_FORMAT)), fields.inner(_STRUCTURED)
    kind = given.one_of("type", (*TYPES, *GRAMMARS), "") if given.raw else ""
    holder = given.inner("json_schema") if kind == "json_schema" else Fields({})
    schemas = [*_of_format(given, holder), *_of_hosts(fields, structured)]
    if any(schema != schemas[0] for schema in schemas):
        raise fields.wrong(_FORMAT, f"and {', '.join(sorted(TRANSLATED & fields.raw.keys()))} name different schemas")
    objects = kind == "json_object" or fields.raw.get(_OBJECT) is True or structured.raw.get("json_object") is True
    known = () if kind in GRAMMARS else ("type", "json_schema", "schema")
    extra = given.others(known, _FORMAT) | holder.others(("name", "strict", "schema"), f"{_FORMAT}.json_schema")
    named, strict = holder.get("name", str) or "", holder.get("strict", bool)
    schema = schemas[0] if schemas else None
    return AnswerForm(schema, objects and not schemas, named, strict, extra | _beside(structured))


def is_flat(given: Mapping[str, Any]) -> bool:
    """Whether a schema stands in a response format without an object of its own, as Together and responses have it."""
    return given.get("type") == "json_schema" and "json_schema" not in given and "schema" in given


def _nested(given: Fields) -> Fields:
    if not is_flat(given.raw):
        return given
    return Fields({"type": "json_schema", "json_schema": given.others(("type",))}, _FORMAT)


def _of_format(given: Fields, holder: Fields) -> Iterator[dict[str, Any]]:
    kind = given.raw.get("type")
    if kind == "json_object" and given.raw.get("schema"):  # as llama.cpp, Together and Fireworks have it
        yield jsonschema.checked(given.need("schema", dict), given, "schema")
    elif kind == "json_schema":
        yield jsonschema.checked(holder.need("schema", dict), holder, "schema")


def _of_hosts(fields: Fields, structured: Fields) -> Iterator[dict[str, Any]]:
    """The schemas in hosts' own fields, also as JSON text."""
    for holder, name in (*((fields, name) for name in _SCHEMAS), (structured, "json")):
        if (given := holder.raw.get(name)) is not None:
            schema = reading.parsed(given) if isinstance(given, str) else given
            if not isinstance(schema, dict):
                raise holder.wrong(name, "must be a JSON Schema")
            yield jsonschema.checked(schema, holder, name)


def _beside(structured: Fields) -> dict[str, Any]:
    """The fields of `structured_outputs` other than a schema: a choice, a regex or a grammar, or how it is enforced."""
    rest = structured.others(("json", "json_object"))
    if rest.keys() <= _MANNERS:
        return {f"{_STRUCTURED}.{name}": value for name, value in rest.items()}
    return {_STRUCTURED: rest}


def choices(extra: Mapping[str, Any]) -> list[str]:
    """The texts of which the answer must be one, in vLLM's fields."""
    structured = reading.mapping(extra.get(_STRUCTURED))
    only = structured.get("choice") if structured.keys() <= {"choice", *_MANNERS} else None
    texts = extra.get("guided_choice") or only
    return texts if isinstance(texts, list) and all(isinstance(each, str) for each in texts) else []
