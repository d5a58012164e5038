"""Reading JSON of any shape without an exception: what has one sensible reading is taken, wrong metadata is unsaid."""

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

# What a reader hears when a stream says by its own word, and not by an event, that it is over.
OVER: dict[str, Any] = {"type": "stream_over"}
_OF_A_PART = frozenset({"type", "text", "content", "value", "refusal", "summary", "thinking", "reasoning"})
_DIGITS = 10  # fewer of them are a place
_FENCE = re.compile(r"\s*(?:```|~~~)[\w+-]*[ \t]*\r?\n?(.*?)\s*(?:```|~~~)\s*", re.DOTALL)

# How an answer may end, in lower case: the formats' own words, and those of servers that mix them.
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
    """A name or an id: a string, or a number as its digits."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)


def content(value: Any) -> tuple[str, str]:
    """The text and the thinking in content: a string, one part, or a list of parts that may hold further ones.

    Some hosts parse what is said: a number, true or false, an object that is no part, are told as their JSON text.
    """
    if isinstance(value, str):
        return value, ""
    if isinstance(value, int | float) or (isinstance(value, dict) and value and not value.keys() & _OF_A_PART):
        return dumps(value), ""
    said, thought = "", ""
    for part in value if isinstance(value, list) else [value]:
        if isinstance(part, str):
            said += part
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
                said, thought = said + inner[0], thought + inner[1]
    return said, thought


def count(value: Any) -> int | None:
    """The value if it can be a number of tokens: a whole one, of a size that every reader of JSON can hold."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def vector(value: Any) -> list[float]:
    """The value if it is an array of numbers, else an empty one; a text is one in base64, of four bytes each."""
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
    """A number that says a place: a whole one, or its digits; 0 where there is none."""
    return count(int(value) if isinstance(value, str) and value.isdecimal() and len(value) < _DIGITS else value) or 0


def total(*counts: int | None) -> int | None:
    """The sum of what is known, None where nothing is."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def either(found: dict[str, Any], name: str) -> Any:
    """The value of a name in camel case, or of the same in snake case, as Google's own libraries write both."""
    return found[name] if name in found else found.get(_snake(name))


@cache
def _snake(name: str) -> str:
    return re.sub("(?=[A-Z])", "_", name).lower()


def counted(usage: Usage) -> Usage | None:
    """The usage, or None where it says nothing."""
    return None if usage == Usage() else usage


def finish(reason: Any) -> Finish | None:
    """The end that a provider's word means, whatever its case; "unknown" for a word that nobody knows, or a number.

    Some write "null" into every event that is not the last.
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
    """Compact JSON in UTF-8, whatever its integers and texts hold."""
    try:
        return orjson.dumps(value)
    except TypeError:  # an integer beyond 64 bits, half of an emoji
        return json.dumps(value, separators=(",", ":")).encode()


def arguments(value: Any) -> str:
    """A call's arguments as JSON text: an object is written as one, text within text is opened; nothing is "{}".

    So is an empty list, as PHP writes an object without fields. Text that is no JSON object comes back as it is: a
    model's slip.
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
    """A piece of a call's arguments: text as it is, an object as its JSON text, nothing as nothing."""
    return value if isinstance(value, str) else "" if value is None else dumps(value)


def parsed(value: str) -> Any:
    """What JSON text says; None where it is none."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return None


def unfenced(words: str) -> str:
    """The inside of a code fence that is around all of a text."""
    found = _FENCE.fullmatch(words)
    return found[1] if found else words


def is_object(value: str) -> bool:
    """Whether text is a whole JSON object, as every reader of JSON takes it: without NaN."""
    try:
        return value.lstrip()[:1] == "{" and isinstance(_STRICT.decode(value), dict)
    except (ValueError, RecursionError):
        return False


def _refused(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


_STRICT = json.JSONDecoder(parse_constant=_refused)


def beside(body: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The body with further fields; one with a dotted name stands inside of the object that it names."""
    for name, value in fields.items():
        *path, last = name.split(".")
        there = body
        for step in path:
            inner = mapping(there.get(step))
            there[step] = there = {**inner}
        there[last] = value
    return body


def given_arguments(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object; what is no object stands under "input", never lost."""
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
    """Where to find it: the address it has, or its bytes as a `data:` URL."""
    return media.url or f"data:{media.media_type or 'application/octet-stream'};base64,{encoded(media)}"


def names(values: Iterable[Any], *keys: str) -> Iterator[str]:
    """The first string under one of `keys`, of each object."""
    for value in values:
        if found := next((text(mapping(value).get(key)) for key in keys if text(mapping(value).get(key))), ""):
            yield found
