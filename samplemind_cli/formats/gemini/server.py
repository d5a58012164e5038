"""Reads the generateContent requests of Gemini's clients; answers.py writes the answers.

The handler puts what is in the path and the query into the body (`located`): `model`, `stream` (the verb is
streamGenerateContent) and `alt` ("sse" for events, anything else for one JSON array).
"""

from typing import Any

from samplemind_cli.formats import jsonschema, tool_choice
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import content
from samplemind_cli.formats.gemini.answers import error, events, whole
from samplemind_cli.formats.gemini.config import CONFIG_ONLY
from samplemind_cli.formats.gemini.fields import (
    CANONICAL,
    DECLARATION,
    GENERATE,
    IGNORED,
    NEUTRAL,
    PATH,
    REFUSED,
    TRANSLATED,
    named,
)
from samplemind_cli.formats.gemini.schemas import as_json_schema
from samplemind_cli.formats.types import Request

MODES = ("", "MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")
LEVELS = {"MINIMAL": "minimal", "LOW": "low", "MEDIUM": "medium", "HIGH": "high"}
KINDS = ("", "text/plain", "application/json")
_SCHEMAS = ("responseJsonSchema", "_responseJsonSchema", "responseSchema")
_CHOICES = {"ANY": "required", "AUTO": "auto", "NONE": "none", "VALIDATED": "auto"}
_WHOLE = ("candidateCount", "logprobs", "maxOutputTokens", "seed", "topK")  # integers may come as JSON strings
_BUDGET = "thinkingBudget"
_NESTED = ("generationConfig", "toolConfig")


def read(fields: Fields) -> Request:
    """The request in a body. Raises BadRequestError."""
    raw = fields.raw
    fields = Fields(named(raw, GENERATE))
    messages = tuple(content.messages(fields))
    if all(message.role == "system" for message in messages):
        raise fields.wrong("contents", "must contain at least one part")
    config = _numbers(fields.inner("generationConfig"))
    thinking = config.inner("thinkingConfig")
    schema, unkeyed = _schema(config)
    tools = tuple(tool for holder in fields.items("tools") for tool in _tools(holder))
    choice, extra = _choice(fields.inner("toolConfig").inner("functionCallingConfig"), tools)
    stops = config.get("stopSequences", list) or []
    if not all(isinstance(stop, str) and stop for stop in stops):
        raise config.wrong("stopSequences", "must be a list of non-empty strings")
    return Request(
        messages=messages,
        temperature=config.number("temperature", 0, 2),
        max_tokens=config.whole("maxOutputTokens"),
        schema=schema,
        json_mode=schema is None and config.raw.get("responseMimeType") == "application/json",
        tools=tools,
        tool_choice=choice,
        top_p=config.number("topP", 0, 1),
        stop=tuple(stops),
        seed=config.whole("seed", -(2**31)),
        presence_penalty=config.number("presencePenalty", -2, 2) or None,
        frequency_penalty=config.number("frequencyPenalty", -2, 2) or None,
        effort=LEVELS.get((thinking.get("thinkingLevel", str) or "").upper(), ""),
        thinking_budget=_budget(thinking),
        extra=extra | _form(config) | _extra(fields, config),
        unkeyed=unkeyed | {name: fields.raw[name] for name in IGNORED if fields.raw.get(name) is not None},
        source="gemini",
        body=raw,
    )


def located(fields: Fields, model: str, verb: str, alt: str = "") -> Fields:
    """A body with the parameters of its path and query, "…/models/MODEL:VERB?alt=ALT"."""
    return Fields({**fields.raw, "model": model, "stream": verb == "streamGenerateContent", "alt": alt})


def streams(fields: Fields) -> bool:
    """Whether the answer must be streamed."""
    return fields.get("stream", bool) or False


def _numbers(config: Fields) -> Fields:
    """The config with proper integers: protobuf's JSON allows them as strings and as 5.0, too."""
    numbers = {name: _whole(config.raw[name]) for name in _WHOLE if name in config.raw}
    if thinking := config.inner("thinkingConfig").raw:
        numbers["thinkingConfig"] = thinking | {name: _whole(thinking[name]) for name in thinking if name == _BUDGET}
    return Fields(config.raw | numbers, "generationConfig")


def _whole(value: Any) -> Any:
    if isinstance(value, str) and value.removeprefix("-").isdecimal() and value.isascii() and len(value) < 20:  # noqa: PLR2004 - int64
        return int(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _budget(thinking: Fields) -> int | None:
    """The budget in tokens; None (given as -1) leaves it to the model."""
    budget = thinking.whole(_BUDGET, -1)
    return None if budget == -1 else budget


def _schema(config: Fields) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The JSON Schema of the answer, and Gemini's own kind of schema, which Gemini gets unchanged."""
    if _form(config):
        return None, {}
    kind = config.get("responseMimeType", str)
    for name in _SCHEMAS:
        given = config.get(name, dict)
        if given is None:
            continue
        if kind == "text/plain":
            raise config.wrong(name, "requires a responseMimeType of application/json")
        if name != "responseSchema":
            return jsonschema.checked(given, config, name), {}
        return jsonschema.checked(as_json_schema(given), config, name), {name: given}
    return None, {}


def _form(config: Fields) -> dict[str, Any]:
    """An answer in a form that only Gemini knows, such as text/x.enum, and the schema that stands for it there."""
    if config.get("responseMimeType", str) in (None, *KINDS):
        return {}
    return {config.name(name): config.raw[name] for name in ("responseMimeType", *_SCHEMAS) if name in config.raw}


def _tools(holder: Fields) -> list[dict[str, Any]]:
    """The functions in one entry of `tools` in OpenAI's shape, and the tools that Gemini runs itself."""
    own = [{name: value} for name, value in holder.raw.items() if name != "functionDeclarations" and value is not None]
    return [*map(_function, holder.items("functionDeclarations")), *own]


def _function(fields: Fields) -> dict[str, Any]:
    function: dict[str, Any] = {"name": fields.need("name", str)}
    if described := fields.get("description", str):
        function["description"] = described
    if (schema := fields.get("parametersJsonSchema", dict)) is not None:
        function["parameters"] = schema
    elif (parameters := fields.get("parameters", dict)) is not None:
        function["parameters"] = as_json_schema(parameters)
    return {"type": "function", "function": function, **fields.others(DECLARATION)}


def _choice(config: Fields, tools: tuple[dict[str, Any], ...]) -> tuple[str | dict[str, Any] | None, dict[str, Any]]:
    """The tool choice, and the parts of it that no other format has."""
    if (mode := (config.get("mode", str) or "").upper()) not in MODES:
        raise config.wrong("mode", f"must be one of {', '.join(filter(None, MODES))}")
    names = config.get("allowedFunctionNames", list) or []
    known = [tool["function"]["name"] for tool in tools if "function" in tool]
    for name in names:
        if name not in known:
            raise config.wrong("allowedFunctionNames", f"names {str(name)[:100]!r}, which is not one of the tools")
    more = config.others(("mode", "allowedFunctionNames"), "toolConfig.functionCallingConfig")
    if mode == "ANY" and len(names) == 1:
        return tool_choice.named(names[0]), more
    choice: str | dict[str, Any] | None = _CHOICES.get(mode)
    if names and choice != "none":
        functions = [tool for tool in tools if "function" in tool]
        choice = tool_choice.among(functions, list(map(tool_choice.named, names)), _CHOICES.get(mode, "auto"))
    return choice, more | ({config.name("mode"): mode} if mode == "VALIDATED" else {})


def _extra(fields: Fields, config: Fields) -> dict[str, Any]:
    """Every other field, by its name in `Request.extra`."""
    every = {name: value for name, value in fields.raw.items() if name not in _NESTED}
    every |= {f"generationConfig.{name}": value for name, value in config.raw.items()}
    every |= {f"toolConfig.{name}": value for name, value in fields.inner("toolConfig").raw.items()}
    translated = TRANSLATED - {"generationConfig.thinkingConfig"}  # it has more than an effort and a budget
    listed = translated | PATH | IGNORED | REFUSED
    return {
        _own(name): value
        for name, value in every.items()
        if name not in listed and value is not None and value not in NEUTRAL.get(name, ())
    }


def _own(name: str) -> str:
    plain = name.removeprefix("generationConfig.")
    return CANONICAL.get(name) or (plain if plain in CONFIG_ONLY else name)


__all__ = ["error", "events", "located", "read", "streams", "whole"]
