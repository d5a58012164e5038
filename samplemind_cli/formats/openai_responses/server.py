"""Reads the Responses requests of OpenAI's clients; nothing is stored between two requests."""

from typing import Any

from samplemind_cli.formats import jsonschema
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_chat import answers as chat
from samplemind_cli.formats.openai_responses import answers, compaction, items, tools
from samplemind_cli.formats.openai_responses.events import Events
from samplemind_cli.formats.openai_responses.fields import (
    FOREIGN,
    HINTS,
    IGNORED,
    LOGPROBS,
    NEUTRAL,
    REFUSED,
    SEALED,
    TRANSLATED,
)
from samplemind_cli.formats.types import EFFORTS, NO_TOKENS, Answer, Problem, Request

_FORMATS = ("text", "json_object", "json_schema")
# The fields that are read inside others; the kind of summary changes no answer.
_SUMMARY = ("summary", "generate_summary")
_INNER = {"text": ("format", "verbosity"), "reasoning": ("effort", *_SUMMARY)}
# This format's names for our fields.
PARAMS = dict.fromkeys(chat.PARAMS, "input")
PARAMS |= {"schema": "text.format", "effort": "reasoning.effort", "thinking_budget": "reasoning.effort"}
PARAMS |= {"logprobs": "include", NO_TOKENS: "max_output_tokens"}
MOST_LOGPROBS = 20  # OpenAI's own limit


def read(fields: Fields) -> Request:
    """The request in a response's body. Raises BadRequestError."""
    _refuse(fields)
    offer = tools.offered(fields)
    compacts = compaction.is_asked(fields)
    choice = "none" if compacts and offer.definitions else tools.choice(fields, offer)
    form = fields.inner("text").inner("format")
    schema = None if compacts else _schema(form)
    top_p, parallel = fields.number("top_p", 0, 1), fields.get("parallel_tool_calls", bool)
    return Request(
        messages=items.messages(fields),
        temperature=fields.number("temperature", 0, 2),
        max_tokens=fields.whole("max_output_tokens"),
        schema=schema,
        json_mode=not compacts and form.raw.get("type") == "json_object",
        schema_name=form.get("name", str) or "",
        strict=form.get("strict", bool),
        tools=tuple(offer.definitions),
        tool_choice=choice,
        top_p=None if top_p == 1 else top_p,
        parallel_tool_calls=False if parallel is False and offer.definitions else None,
        effort=_effort(fields.inner("reasoning")),
        extra=_extra(fields),
        unkeyed=_unkeyed(fields),
        source="openai_responses",
        body=fields.raw,
    )


def streams(fields: Fields) -> bool:
    """Whether the answer must be streamed."""
    return fields.get("stream", bool) or False


def error(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object, with this format's names."""
    return chat.error(problem, PARAMS)


def _refuse(fields: Fields) -> None:
    for name, why in REFUSED.items():
        if _said(fields, name):
            raise fields.wrong(name, why, "unsupported_parameter")
    for name in fields.raw:
        if name in FOREIGN and fields.raw[name] is not None:
            raise fields.wrong(name, "is a field of chat completions, not of responses", "unknown_parameter")


def _said(fields: Fields, name: str) -> bool:
    return (value := fields.raw.get(name)) is not None and value not in NEUTRAL.get(name, ())


def _unkeyed(fields: Fields) -> dict[str, Any]:
    """The fields that change no answer."""
    fields.get("metadata", dict)  # it is repeated to clients, which rely on its type
    ignored = {name: fields.raw[name] for name in IGNORED if fields.raw.get(name) is not None}
    summary = fields.inner("reasoning").raw
    return ignored | {f"reasoning.{name}": summary[name] for name in _SUMMARY if summary.get(name) is not None}


def _extra(fields: Fields) -> dict[str, Any]:
    """The hints: documented and undocumented fields."""
    listed = TRANSLATED | IGNORED | frozenset(REFUSED)
    extra = {name: value for name, value in fields.raw.items() if name not in listed and _said(fields, name)}
    verbosity = fields.inner("text").get("verbosity", str)
    if verbosity not in (None, "medium"):
        extra["verbosity"] = verbosity
    for holder, known in _INNER.items():
        for name, value in fields.inner(holder).raw.items():
            if name not in known and value not in (None, "auto"):
                extra[f"{holder}.{name}"] = value
    extra |= fields.inner("text").inner("format").others(("type", "name", "schema", "strict"), "text.format")
    if top := fields.whole("top_logprobs", 0, MOST_LOGPROBS):
        extra["top_logprobs"] = top
    included = fields.get("include", list) or []
    if top or LOGPROBS in included:
        extra["logprobs"] = True
    if more := [name for name in included if name not in (LOGPROBS, SEALED)]:
        extra["include"] = more
    return extra


def _effort(reasoning: Fields) -> str:
    effort = reasoning.get("effort", str) or ""
    if effort and effort not in EFFORTS:
        raise reasoning.wrong("effort", f"must be one of {', '.join(EFFORTS)}")
    return effort


def _schema(form: Fields) -> dict[str, Any] | None:
    """The JSON Schema of a text format."""
    if not form.raw or form.one_of("type", _FORMATS, "") != "json_schema":
        return None
    return jsonschema.checked(form.need("schema", dict), form, "schema")


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A response; `number` makes its ids."""
    return answers.whole(compaction.compacted(answer) if compaction.is_asked(fields) else answer, number, fields)


def events(number: str, model: str, fields: Fields) -> Events:
    """What tells a streamed response; `model` is what was asked for, until a chunk names its route."""
    return (compaction.CompactionEvents if compaction.is_asked(fields) else Events)(number, model, fields)


__all__ = ["HINTS", "error", "events", "read", "streams", "whole"]
