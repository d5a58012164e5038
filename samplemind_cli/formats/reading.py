"""Reads JSON of any shape without exceptions: what has one sensible reading is taken, invalid metadata is ignored."""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from math import isfinite
from struct import error as StructError  # noqa: N812 - a class
from struct import iter_unpack
from typing import Any

import orjson

from samplemind_cli.formats.types import Finish, Media, ToolCall, Usage

# The event for a stream that ended with its own marker instead of an event.
OVER: dict[str, Any] = {"type": "stream_over"}
_OF_A_PART = frozenset({"type", "text", "content", "value", "refusal", "summary", "thinking", "reasoning"})
_DIGITS = 10  # an index has fewer
_FENCE = re.compile(r"(?:```|~~~)[\w+-]*+[ \t]*+\r?\n?(.*)(?:```|~~~)", re.DOTALL)

# Finish reasons, in lower case: those of the formats, and of servers that mix them.
_ENDS: dict[str, Finish] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "end": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "eos_reached": "stop",
    "complete": "stop",
    "completed": "stop",
    "finished": "stop",
    "done": "stop",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "max_length": "length",
    "max_tokens_reached": "length",
    "max_output_reached": "length",
    "token_limit": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "length",  # a part of an answer, to be continued by another request
    "content_filter": "filtered",
    "content_filtered": "filtered",
    "safety": "filtered",
    "recitation": "filtered",
    "language": "filtered",
    "blocklist": "filtered",
    "prohibited_content": "filtered",
    "spii": "filtered",
    "image_safety": "filtered",
    "image_prohibited_content": "filtered",
    "image_recitation": "filtered",
    "sensitive": "filtered",  # GLM's
    "refusal": "refusal",
}


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The JSON objects in the value if it is an array; the value itself where it is one object that says something.

    An array that PHP writes as an object, by its numbers, is one.
    """
    if isinstance(value, dict) and value and all(map(str.isdecimal, value)):
        return mappings(list(value.values()))
    if isinstance(value, dict):
        return [value] if value else []
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def identifier(value: Any) -> str:
    """A name or an id: a string, or a whole number as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)


def content(value: Any) -> tuple[str, str]:
    """The text and the thinking in content: a string, a part, or a list of parts, which may be nested.

    Some hosts parse the text: a number, a boolean, or an object other than a part is read as its JSON text.
    """
    if isinstance(value, str):
        return value, ""
    if isinstance(value, int | float) or (isinstance(value, dict) and value and not value.keys() & _OF_A_PART):
        return dumps(value), ""
    words, thought = "", ""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            words += part
        elif isinstance(part, dict):
            if (kind := text(part.get("type"))) in ("thinking", "reasoning", "reasoning_content"):
                holders = ("thinking", kind, "text", "content", "summary")
                inner = content(next((part[name] for name in holders if part.get(name)), None))
                thought += "".join(inner)
            else:
                inner = content(
                    next(
                        (part[name] for name in ("text", "content", "value", "refusal", "summary") if part.get(name)),
                        "",
                    )
                )
                words, thought = words + inner[0], thought + inner[1]
    return words, thought


def count(value: Any) -> int | None:
    """The value if it can be a number of tokens: whole, not negative, and exact in every JSON parser; else None."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def vector(value: Any) -> list[float]:
    """The value if it is an array of numbers, else an empty one; a string holds 32-bit floats in base64."""
    if isinstance(value, str):
        value = _floats(value)
    numbers = value if isinstance(value, list) else []
    return numbers if all(type(number) in (float, int) for number in numbers) else []


def _floats(words: str) -> list[float]:
    try:
        numbers = [number for (number,) in iter_unpack("<f", b64decode(words, validate=True))]
    except (ValueError, StructError):
        return []
    return numbers if all(map(isfinite, numbers)) else []


def place(value: Any) -> int:
    """An index: a whole number, or its digits; 0 for anything else."""
    return count(int(value) if isinstance(value, str) and value.isdecimal() and len(value) < _DIGITS else value) or 0


def total(*counts: int | None) -> int | None:
    """The sum of the known counts; None if none is known."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def either(fields: dict[str, Any], name: str) -> Any:
    """The value of a name in camel case, or in snake case: Google's own libraries write both."""
    return fields[name] if name in fields else fields.get(_snake(name))


@cache
def _snake(name: str) -> str:
    return re.sub("(?=[A-Z])", "_", name).lower()


def counted(usage: Usage) -> Usage | None:
    """The usage; None if it is empty."""
    return None if usage == Usage() else usage


def finish(reason: Any) -> Finish | None:
    """The finish reason in a provider's field, in any case; "unknown" for an unknown word or a number.

    Some send "null" in every event except the last.
    """
    if not isinstance(reason, str):
        return finish(mapping(reason).get("type") or "?") if reason else None
    word = reason.strip().lower()
    if word in ("null", "none"):
        return None
    return _ENDS.get(word.removeprefix("finish_reason_"), "unknown") if word else None


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def packed(value: Any) -> bytes:
    """Compact JSON in UTF-8, also of large integers and lone surrogates."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, or a lone surrogate
        return json.dumps(value, separators=(",", ":")).encode()


def arguments(value: Any) -> str:
    """A call's arguments as JSON text: an object is encoded, JSON inside a JSON string is unwrapped; nothing is "{}".

    So is an empty list, as PHP encodes an object without fields. Text other than a JSON object is returned unchanged: a
    model's mistake.
    """
    if value in (None, []) or (isinstance(value, str) and value.strip() in ("", "null", "[]")):
        return "{}"
    if not isinstance(value, str):
        return dumps(value)
    if value.lstrip()[:1] == '"':
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):
            return value
        return inner if is_object(inner) else value
    return value


def piece(value: Any) -> str:
    """A piece of a call's arguments: a string unchanged, null as "", anything else as its JSON text."""
    return value if isinstance(value, str) else "" if value is None else dumps(value)


def parsed(value: str) -> Any:
    """The value of JSON text; None if it is not JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def unfenced(words: str) -> str:
    """The text, without a code fence around all of it."""
    match = _FENCE.fullmatch(words.strip())
    return match[1].rstrip() if match else words


def is_object(value: str) -> bool:
    """Whether text is a JSON object that every parser accepts: without NaN."""
    try:
        return value.lstrip()[:1] == "{" and isinstance(_STRICT.decode(value), dict)
    except (ValueError, RecursionError):
        return False


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_refused)


def beside(body: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body with further fields; dotted names lead into nested objects."""
    for name, value in fields.items():
        *path, last = name.split(".")
        holder = body
        for step in path:
            inner = mapping(holder.get(step))
            holder[step] = holder = {**inner}
        holder[last] = value
    return body


def given_arguments(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object; any other value is in its field "input"."""
    if not call.arguments.strip():
        return {}
    try:
        value = json.loads(call.arguments)
    except (ValueError, RecursionError):
        value = call.arguments
    return {} if value is None else value if isinstance(value, dict) else {"input": value}


def encoded(media: Media) -> str:
    """The bytes in base64."""
    return b64encode(media.data).decode()


def data_url(media: Media) -> str:
    """The URL, or the bytes as a `data:` URL."""
    return media.url or f"data:{media.media_type or 'application/octet-stream'};base64,{encoded(media)}"


def names(values: Iterable[Any], *keys: str) -> Iterator[str]:
    """The first non-empty string under one of `keys`, of each object."""
    for value in values:
        yield from [name for key in keys if (name := text(mapping(value).get(key)))][:1]
