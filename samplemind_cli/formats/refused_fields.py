"""Finds the field that a model refuses in its provider's error, and makes the request without it."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from samplemind_cli.formats import conversation
from samplemind_cli.formats.request import THINKING_FIELDS, is_constraint
from samplemind_cli.formats.types import Fault, Message, Opaque, Part, Request, Thinking

# OpenAI "Unsupported parameter: 'x' is not supported with this model", "Unsupported value: 'x' does not support 0.7",
# "Unrecognized request argument supplied: x", Ollama "… does not support thinking", xAI "does not support parameter x",
# "Argument not supported on this model: x", Groq "property 'x' is unsupported", Claude "`x` is deprecated for this
# model" and "x: Extra inputs are not permitted", Gemini "Thinking level is not supported for this model".
_REFUSES = re.compile(
    r"unsupported|not (yet |currently )?(be )?(support|permitted|allowed|accepted|recogni[sz]ed|enabled|available)"
    r"|(do|does|did)(n't| not) (currently )?(support|accept|allow|take)|cannot (both |all )?be (used|set|specified)"
    r"|may (not|only) be|unrecogni[sz]ed|unknown (name|field|param|arg|key)|unexpected (keyword|field|param|arg)"
    r"|deprecated|extra (inputs|fields)|extra_forbidden|only works in|incompatible|cannot find field"
    r"|additional propert|could not be (verified|decrypted)",
    re.IGNORECASE,
)
# The levels of thinking differ between models: a model may refuse only the level.
_LEVEL = re.compile(
    r"must be one of|expected one of|input should be|supported values|invalid (think )?value|budget \S+ is invalid",
    re.IGNORECASE,
)
_THINKING = frozenset({"effort", "thinking_budget", *THINKING_FIELDS})
_WORDS = {"schema": r"response_?format|json_?schema|response_?(json_?)?schema"}
_WORDS |= dict.fromkeys(
    _THINKING,
    r"reasoning[_. ]?effort|\b(thinking|think|effort|reasoning)\b|\bthinking[_ ]?(config|level|budget)|budget",
)
# Encrypted thinking of another account's model; this concerns one request and not the model.
PROOF = "encrypted_content"
_WORDS[PROOF] = r"encrypted[_ ]content"
_CAPS = ("max_tokens", "max_completion_tokens")  # two names for the same, of which a server may know only one
# Fields that we add, or that have an alternative.
_OURS = frozenset({"stream_options", "include", "reasoning_content", *_CAPS})


def field_in(fault: Fault, request: Request) -> str:
    """The field of the request that an error refuses, the first of several; "" if there is none.

    Its name is one of the request's `wishes`, `needs` or `unkeyed`, or of the fields that we add.
    """
    if fault.kind not in ("request", "unsupported"):
        return ""
    words = f"{fault.param}: {fault.message}" if fault.param else fault.message
    refused, level = _REFUSES.search(words), _LEVEL.search(words)
    named = [
        (match.start(), name)
        for name in _fields(request)
        if (refused or (level and name in _THINKING)) and (match := re.search(_pattern(name), words, re.IGNORECASE))
    ]
    return min(named)[1] if named else ""


def is_hint(name: str, request: Request) -> bool:
    """Whether the request may be sent without this field; one that a person set by hand is never left out."""
    if name in _OURS or name in request.unkeyed:
        return True
    return name not in request.needs and not (name in request.extra and is_constraint(name, request.source))


def without(request: Request, names: frozenset[str]) -> Request:
    """The request without these fields; its body is no longer passed on unchanged."""
    if not names:
        return request
    thinks = not names & _THINKING
    changes: dict[str, Any] = {"body": None}
    if not thinks:
        changes |= {"effort": "", "thinking_budget": None}
    if "temperature" in names:
        changes["temperature"] = None
    if "max_tokens" in names:
        changes["max_tokens_field"] = "max_completion_tokens"
    elif "max_completion_tokens" in names:
        changes["max_tokens_field"] = "max_tokens"
    gone = names if thinks else names | THINKING_FIELDS
    return replace(
        request,
        messages=tuple(
            _stripped(message, names) for message in conversation.known(request.messages, lambda n: n not in names)
        ),
        tools=tuple({name: value for name, value in tool.items() if name not in names} for tool in request.tools),
        extra={name: value for name, value in request.extra.items() if name not in gone},
        unkeyed={name: value for name, value in request.unkeyed.items() if name not in names},
        **changes,
    )


def _fields(request: Request) -> Iterator[str]:
    """The fields that an error may be about."""
    yield from request.wishes | request.needs | request.unkeyed.keys() | request.extra.keys()
    yield from ("stream_options", "include")
    if request.max_tokens is not None:
        yield request.max_tokens_field or "max_tokens"
    parts = [part for message in request.messages for part in message.parts]
    if any(isinstance(part, Thinking) for part in parts):
        yield "reasoning_content"
    if any(_is_sealed(part) for part in parts):
        yield PROOF


def _pattern(name: str) -> str:
    """The pattern for a name in an error, also in camel case; a common word must be marked as a name."""
    if name in _WORDS:
        return _WORDS[name]
    name = name.rpartition(".")[2]
    if re.search("_|[a-z][A-Z]", name) or name == "temperature":
        return rf"\b{re.escape(name).replace('_', '_?')}\b"
    word = re.escape(name)
    return rf"[.'\"`\[]{word}\b|\b(parameter|argument|field|propert\w+|supplied):? {word}\b|^{word}:"


def _is_sealed(part: Part) -> bool:
    """Whether it is encrypted thinking of OpenAI's Responses API."""
    if isinstance(part, Opaque):
        return part.origin == "openai_responses" and part.value.get("type") == "reasoning"
    return isinstance(part, Thinking) and part.origin == "openai_responses" and bool(part.signature)


def _stripped(message: Message, names: frozenset[str]) -> Message:
    parts = message.parts
    if "reasoning_content" in names:
        parts = tuple(part for part in parts if not isinstance(part, Thinking))
    if PROOF in names:
        parts = tuple(part for part in parts if not _is_sealed(part))
    return Message(message.role, parts, "" if "name" in names else message.name, message.hints)
