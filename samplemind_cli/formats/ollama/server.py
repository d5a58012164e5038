"""Reads the chat requests of Ollama's clients (`/api/chat`); answers.py writes the answers."""

from typing import Any, Literal

from samplemind_cli.formats import jsonschema, reading
from samplemind_cli.formats.attached import decoded
from samplemind_cli.formats.fields import Fields, function_tool
from samplemind_cli.formats.ollama.answers import Events, error, whole_message
from samplemind_cli.formats.ollama.client import OPTIONS
from samplemind_cli.formats.ollama.fields import IGNORED, NEUTRAL, REFUSED, TRANSLATED
from samplemind_cli.formats.types import (
    Answer,
    Media,
    Message,
    Part,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

ROLES = ("system", "user", "assistant", "tool")
LEVELS = ("low", "medium", "high", "max")
_ENDLESS = 0  # num_predict: -1 and -2 set no bound either
_MESSAGE = frozenset({"role", "content", "images", "thinking", "tool_calls", "tool_name", "tool_call_id"})
_HEADS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))


def read(fields: Fields) -> Request:
    """The request in a body. Raises BadRequestError."""
    messages = tuple(map(_message, fields.items("messages")))
    if not messages:
        raise fields.wrong("messages", "must contain at least one message")
    return request(fields, messages, tuple(map(function_tool, fields.items("tools"))))


def streams(fields: Fields) -> bool:
    """Whether the answer must be streamed: the default."""
    return fields.get("stream", bool) is not False


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A whole answer; the format has no ids."""
    del number
    return whole_message(answer, _model(fields, f"{answer.provider}/{answer.model}"), generate=False)


def events(number: str, model: str, fields: Fields) -> Events:
    """The writer of a streamed answer, with the client's name for the model."""
    del number
    return Events(_model(fields, model), generate=False)


def loads(fields: Fields) -> Literal["", "load", "unload"]:
    """Whether a body without a prompt requests to load or unload the model; empty otherwise.

    Raises BadRequestError.
    """
    if fields.raw.get("messages") or _asks(fields):
        return ""
    for name, kind in (("messages", list), ("prompt", str), ("system", str), ("stream", bool)):
        fields.get(name, kind)
    request(fields, ())  # checks the other fields
    return "unload" if is_zero(fields.raw.get("keep_alive")) else "load"


def request(fields: Fields, messages: tuple[Message, ...], tools: tuple[dict[str, Any], ...] = ()) -> Request:
    """The request with these messages and the other fields of the body. Raises BadRequestError."""
    options = fields.inner("options")
    for name in REFUSED:
        if fields.raw.get(name) is not None and fields.raw[name] not in NEUTRAL.get(name, ()):
            raise fields.wrong(name, "is not supported here", "unsupported_parameter")
    longest, seed = options.whole("num_predict", -2), options.whole("seed", -(2**31), 2**63 - 1)
    schema = _schema(fields)
    effort, thinking = _thinking(fields)
    extra, unkeyed = _others(fields, options)
    return Request(
        messages=messages,
        temperature=options.number("temperature", 0, 2),
        max_tokens=None if longest is None or longest <= _ENDLESS else longest,
        schema=schema,
        json_mode=fields.raw.get("format") == "json",
        tools=tools,
        top_p=options.number("top_p", 0, 1),
        stop=_stops(options),
        seed=None if seed == -1 else seed,  # -1: a random one
        presence_penalty=options.number("presence_penalty", -2, 2) or None,
        frequency_penalty=options.number("frequency_penalty", -2, 2) or None,
        effort=effort,
        extra=thinking | extra,
        unkeyed=unkeyed,
        source="ollama",
        body=fields.raw if _is_documented(fields) else None,
    )


def _is_documented(fields: Fields) -> bool:
    """Whether the daemon reads a body as we do: it accepts no arguments as text and no images as URLs."""
    messages = fields.items("messages")
    calls = (call for message in messages for call in message.items("tool_calls"))
    pictures = (image for holder in (fields, *messages) for image in holder.get("images", list) or ())
    return not any(isinstance(call.inner("function").raw.get("arguments"), str) for call in calls) and not any(
        image.startswith("data:") for image in pictures
    )


def is_zero(keep_alive: Any) -> bool:
    """Whether a model must be unloaded at once: 0, or a duration of zero."""
    if isinstance(keep_alive, str):
        return keep_alive.strip("-+hmsunµ.") in ("0", "00") and not keep_alive.startswith("-")
    return keep_alive == 0 and not isinstance(keep_alive, bool)


def _asks(fields: Fields) -> bool:
    """Whether a body of `/api/generate` has a prompt."""
    return any(fields.raw.get(name) for name in ("prompt", "images", "suffix"))


def _model(fields: Fields, route: str) -> str:
    return fields.get("model", str) or route


def _message(fields: Fields) -> Message:
    role: Any = fields.one_of("role", ROLES, "")
    text = fields.get("content", str) or ""
    words: list[Part] = [Text(text)] if text else []
    pictures = images(fields)
    hints = fields.others(_MESSAGE)
    if role == "tool":
        call_id, name = fields.get("tool_call_id", str) or "", fields.get("tool_name", str) or ""
        result = ToolResult(call_id, (Text(text), *pictures), name=name, hints=hints)
        return Message("tool", (result,))
    thought = fields.get("thinking", str)
    thoughts: list[Part] = [Thinking(thought, origin="ollama")] if thought else []
    return Message(role, [*thoughts, *words, *pictures, *map(_call, fields.items("tool_calls"))], hints=hints)


def images(fields: Fields) -> list[Media]:
    """The base64 images of a message or prompt; their first bytes tell the type. Raises BadRequestError."""
    given = fields.get("images", list) or []
    if not all(isinstance(image, str) for image in given):
        raise fields.wrong("images", "must be a list of base64 strings")
    return [_image(decoded(image.rpartition(";base64,")[2], fields, f"images[{n}]")) for n, image in enumerate(given)]


def _image(data: bytes) -> Media:
    kind = next((kind for head, kind in _HEADS if data.startswith(head)), "image/png")
    return Media("image", "image/webp" if data[8:12] == b"WEBP" else kind, data)


def _call(fields: Fields) -> ToolCall:
    function = fields.inner("function")
    arguments = function.raw.get("arguments")
    if isinstance(arguments, str) and not reading.is_object(reading.arguments(arguments)):
        raise function.wrong("arguments", "must be an object")
    if not isinstance(arguments, str | dict | None):
        raise function.wrong("arguments", "must be an object")
    hints = fields.others(("id", "type", "function")) | function.others(("index", "name", "arguments"), "function")
    return ToolCall(function.need("name", str), reading.arguments(arguments), fields.get("id", str) or "", hints=hints)


def _schema(fields: Fields) -> dict[str, Any] | None:
    given = fields.raw.get("format")
    if given in (None, "", "json"):
        return None
    if not isinstance(given, dict):
        raise fields.wrong("format", 'must be "json" or a JSON Schema')
    return jsonschema.checked(given, fields, "format")


def _thinking(fields: Fields) -> tuple[str, dict[str, Any]]:
    """The effort for `think`; a level is also kept as Ollama's own field."""
    given = fields.raw.get("think")
    if given is None or isinstance(given, bool):
        return {None: "", True: "medium", False: "none"}[given], {}
    if given not in LEVELS:
        raise fields.wrong("think", f"must be true, false, or one of {', '.join(LEVELS)}")
    return given, {"think": given}


def _stops(options: Fields) -> tuple[str, ...]:
    given = options.raw.get("stop")
    texts = [given] if isinstance(given, str) else [] if given is None else given
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise options.wrong("stop", "must be a string or a list of strings")
    return tuple(text for text in texts if text)


def _others(fields: Fields, options: Fields) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields for `extra`, and those that change no answer; an option's name is dotted only if unknown."""
    given = {name: value for name, value in fields.raw.items() if name != "options"}
    given |= {f"options.{name}": value for name, value in options.raw.items()}
    meant = {name: value for name, value in given.items() if value is not None and value not in NEUTRAL.get(name, ())}
    unkeyed = {name: value for name, value in meant.items() if name in IGNORED}
    listed = TRANSLATED | REFUSED | IGNORED
    extra = {_plain(name): value for name, value in meant.items() if name not in listed}
    return extra, unkeyed


def _plain(name: str) -> str:
    """The name of an option in `Request.extra`: plain if it means the same in every format."""
    return option if (option := name.removeprefix("options.")) in OPTIONS else name


__all__ = ["error", "events", "loads", "read", "streams", "whole"]
