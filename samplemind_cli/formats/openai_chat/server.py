"""Reads the chat completion requests of OpenAI's clients."""

from typing import Any

from samplemind_cli.formats import custom_tools
from samplemind_cli.formats.fields import Fields, function_tool, is_flat
from samplemind_cli.formats.openai_chat import answers, choices, customs, forms, messages, thinking
from samplemind_cli.formats.openai_chat.fields import IGNORED, NEUTRAL, REFUSED, TRANSLATED
from samplemind_cli.formats.types import Answer, Problem, Request

STOPS = 4  # as OpenAI has it
_READ = TRANSLATED | IGNORED | REFUSED | forms.TRANSLATED


def read(fields: Fields) -> Request:
    """The request in a chat completion's body. Raises BadRequestError."""
    for name in (*REFUSED, *(("modalities",) if "audio" in (fields.raw.get("modalities") or ()) else ())):
        if _said(fields, name):
            raise fields.wrong(name, "is not supported here", "unsupported_parameter")
    turns = fields.items("messages")
    if not turns:
        raise fields.wrong("messages", "must contain at least one message")
    longest = fields.whole("max_completion_tokens")
    form = forms.read(fields)
    effort, budget = thinking.effort_and_budget(fields)
    top_p, parallel = fields.number("top_p", 0, 1), fields.get("parallel_tool_calls", bool)
    tools = tuple(map(_tool, fields.items("tools")))
    return Request(
        messages=tuple(map(messages.read, turns)),
        temperature=fields.number("temperature", 0, 2),
        max_tokens=_longest(fields) if longest is None else longest,
        max_tokens_field="" if longest is None else "max_completion_tokens",
        schema=form.schema,
        json_mode=form.json_mode,
        schema_name=form.name,
        strict=form.strict,
        tools=tools,
        tool_choice=choices.read(fields, tools),
        # OpenAI's defaults count as absent: clients send them without meaning anything.
        top_p=None if top_p == 1 else top_p,
        stop=stops(fields),
        seed=fields.whole("seed", -(2**63), 2**63 - 1),
        presence_penalty=fields.number("presence_penalty", -2, 2) or None,
        frequency_penalty=fields.number("frequency_penalty", -2, 2) or None,
        parallel_tool_calls=False if parallel is False and tools else None,
        effort=effort,
        thinking_budget=budget,
        extra={name: value for name, value in fields.raw.items() if _is_extra(fields, name)}
        | _inside(fields)
        | form.extra,
        unkeyed={name: fields.raw[name] for name in IGNORED if fields.raw.get(name) is not None},
        source="openai_chat",
        body=fields.raw if _is_documented(fields, turns) else None,
    )


def streams(fields: Fields) -> bool:
    """Whether the answer must be streamed."""
    return fields.get("stream", bool) or False


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A chat.completion object."""
    return answers.completion(answer, number, _customs(fields))


def events(number: str, model: str, fields: Fields) -> answers.Events:
    """The writer of a streamed completion."""
    count = fields.inner("stream_options").get("include_usage", bool) or False
    return answers.Events(number, model, count=count, customs=_customs(fields))


def error(problem: Problem) -> dict[str, Any]:
    """OpenAI's error object (platform.openai.com/docs/guides/error-codes)."""
    return answers.error(problem)


def error_type(status: int) -> str:
    """OpenAI's word for a kind of error."""
    return answers.error_type(status)


def _longest(fields: Fields) -> int | None:
    """The longest answer; -1 is LM Studio's word for one without bounds."""
    return None if fields.raw.get("max_tokens") == -1 else fields.whole("max_tokens")


def _tool(fields: Fields) -> dict[str, Any]:
    """A function, a custom tool, or one that a host has of its own, such as its search."""
    match fields.raw:
        case {"type": "custom"}:
            return customs.tool(fields)
        case {"type": "function" | None} | {"function": _} | {"name": _}:
            return function_tool(fields)
    own = {name: value for name, value in fields.raw.items() if value is not None}
    if not isinstance(own.get("type"), str) and not (
        len(own) == 1 and all(isinstance(one, dict) for one in own.values())
    ):
        return function_tool(fields)
    return own


def _customs(fields: Fields) -> frozenset[str]:
    """The names of the custom tools of a request."""
    return custom_tools.names(_tool(tool) for tool in fields.items("tools") if tool.raw.get("type") == customs.KIND)


def _is_documented(fields: Fields, turns: list[Fields]) -> bool:
    """Whether every host of this format reads a body as we do: not all support Mistral's own variants."""
    chosen = fields.raw.get("tool_choice")
    plain = not isinstance(chosen, dict) or chosen.get("type") in choices.KINDS
    flat = forms.is_flat(fields.inner("response_format").raw) or any(map(is_flat, fields.get("tools", list) or ()))
    return messages.are_documented(turns) and plain and not flat and chosen != "any"


def _said(fields: Fields, name: str) -> bool:
    return (value := fields.raw.get(name)) is not None and value not in NEUTRAL.get(name, ())


def _is_extra(fields: Fields, name: str) -> bool:
    if name in ("reasoning", "reasoning_effort"):
        return thinking.says_more(fields, name)
    return name not in _READ and _said(fields, name)


def _inside(fields: Fields) -> dict[str, Any]:
    """Unknown fields inside translated objects."""
    unknown: dict[str, Any] = {}
    if isinstance(fields.raw.get("tool_choice"), dict):
        choice = fields.inner("tool_choice")
        unknown |= choice.others(("type", "function", customs.KIND, "allowed_tools"), "tool_choice")
        unknown |= choice.inner("function").others(("name",), "tool_choice.function")
    return unknown


def stops(fields: Fields) -> tuple[str, ...]:
    """The texts before which an answer ends."""
    given = fields.raw.get("stop")
    if given in (None, ""):
        return ()
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or len(found) > STOPS or not all(isinstance(text, str) and text for text in found):
        raise fields.wrong("stop", f"must be a string or a list of at most {STOPS} non-empty strings")
    return tuple(found)
