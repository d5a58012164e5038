"""Reads the chat completion requests of OpenAI's clients."""

import re
from base64 import b64decode
from typing import Any, cast

from samplemind_cli.formats import custom_tools
from samplemind_cli.formats.fields import Fields, function_tool
from samplemind_cli.formats.openai_chat import answers, choices, customs, forms, thinking
from samplemind_cli.formats.openai_chat.fields import IGNORED, NEUTRAL, REFUSED, TRANSLATED
from samplemind_cli.formats.request import HOSTS_PARTS
from samplemind_cli.formats.types import (
    Answer,
    Media,
    MediaKind,
    Message,
    Opaque,
    Part,
    Problem,
    Request,
    Role,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

ROLES = ("system", "developer", "user", "assistant", "tool", "function")
SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
STOPS = 4  # as OpenAI has it
URLS: dict[str, MediaKind] = {"image_url": "image", "audio_url": "audio", "video_url": "video"}
PARTS = ("text", "refusal", *URLS, "input_audio", "file", *HOSTS_PARTS)
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w.+-]+=[^;,]*)*);base64,(.*)", re.DOTALL | re.IGNORECASE)
# Fields beside a message's content or a part's that are translated.
_MESSAGE = {"role", "content", "name", "tool_calls", "tool_call_id", "function_call", "refusal", "reasoning_content"}
_MESSAGE |= {"audio", "annotations", "reasoning"}


def read(fields: Fields) -> Request:
    """The request in a chat completion's body. Raises BadRequestError."""
    for name in REFUSED:
        if _said(fields, name):
            raise fields.wrong(name, "is not supported here", "unsupported_parameter")
    messages = fields.items("messages")
    if not messages:
        raise fields.wrong("messages", "must contain at least one message")
    longest = fields.whole("max_completion_tokens")
    form = forms.read(fields)
    effort, budget = thinking.effort_and_budget(fields)
    top_p, parallel = fields.number("top_p", 0, 1), fields.get("parallel_tool_calls", bool)
    tools = tuple(map(_tool, fields.items("tools")))
    return Request(
        messages=tuple(map(_message, messages)),
        temperature=fields.number("temperature", 0, 2),
        max_tokens=fields.whole("max_tokens") if longest is None else longest,
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
        body=fields.raw if _is_documented(fields) else None,
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


def _tool(fields: Fields) -> dict[str, Any]:
    return customs.tool(fields) if fields.raw.get("type") == customs.KIND else function_tool(fields)


def _customs(fields: Fields) -> frozenset[str]:
    """The names of the custom tools of a request."""
    return custom_tools.names(_tool(tool) for tool in fields.items("tools") if tool.raw.get("type") == customs.KIND)


def _is_documented(fields: Fields) -> bool:
    """Whether every host of this format reads a body as we do: not all support Mistral's own variants."""
    contents = [message.raw.get("content") for message in fields.items("messages")]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    bare = any(isinstance(part, dict) and isinstance(part.get(kind), str) for part in parts for kind in URLS)
    return not bare and fields.raw.get("tool_choice") != "any"


def _said(fields: Fields, name: str) -> bool:
    return (value := fields.raw.get(name)) is not None and value not in NEUTRAL.get(name, ())


def _is_extra(fields: Fields, name: str) -> bool:
    if name in ("reasoning", "reasoning_effort"):
        return thinking.says_more(fields, name)
    return name not in TRANSLATED | IGNORED | REFUSED | forms.TRANSLATED and _said(fields, name)


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


def _message(fields: Fields) -> Message:
    role = fields.one_of("role", ROLES, "")
    if role in ("tool", "function"):
        parts = tuple(part for part in _content(fields) if isinstance(part, Text | Media))
        call_id = fields.need("tool_call_id", str) if role == "tool" else ""
        name = fields.need("name", str) if role == "function" else fields.get("name", str) or ""
        return Message("tool", (ToolResult(call_id, parts, name=name, hints=_hints(fields, _MESSAGE)),))
    said = (*_thinking(fields), *_content(fields), *_calls(fields)) if role == "assistant" else _content(fields)
    spoken = cast("Role", "system" if role == "developer" else role)
    return Message(spoken, said, fields.get("name", str) or "", _hints(fields, _MESSAGE))


def _hints(fields: Fields, known: set[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.raw.items() if name not in known and value is not None}


def _thinking(fields: Fields) -> tuple[Part, ...]:
    words = fields.get("reasoning_content", str) or ""
    if not words and isinstance(fields.raw.get("reasoning"), str):
        words = fields.raw["reasoning"]
    return (Thinking(words, origin="openai_chat"),) if words else ()


def _content(fields: Fields) -> tuple[Part, ...]:
    content = fields.raw.get("content")
    if content is None and fields.raw.get("role") == "assistant":  # it called tools
        refusal = fields.get("refusal", str)
        if fields.raw.get("audio"):
            raise fields.wrong("audio", "is not supported here", "unsupported_parameter")
        return (Text(refusal),) if refusal else ()
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list):
        raise fields.wrong("content", "must be a string or a list of parts")
    return tuple(map(_part, fields.items("content")))


def _part(part: Fields) -> Part:
    kind = part.one_of("type", PARTS, "")
    hints = _hints(part, {"type", kind})
    if kind in ("text", "refusal"):
        return Text(part.need(kind, str), hints)
    if kind in HOSTS_PARTS:
        return Opaque("openai_chat", part.raw)
    if kind in URLS:
        bare = isinstance(part.raw.get(kind), str)  # as Mistral has it
        holder = Fields({"url": part.raw[kind]}, part.name(kind)) if bare else part.inner(kind)
        hints |= holder.others(("url", "detail"), kind)
        return media(holder, "url", URLS[kind], detail=holder.get("detail", str) or "", hints=hints)
    holder = part.inner(kind)
    hints |= holder.others(("filename", "file_id", "file_data") if kind == "file" else ("format", "data"), kind)
    if kind == "file":
        return _file(holder, hints)
    form = holder.one_of("format", tuple(SOUNDS), "")
    return Media("audio", SOUNDS[form], decoded(holder.need("data", str), holder, "data"), hints=hints)


def _file(holder: Fields, hints: dict[str, Any]) -> Media:
    name = holder.get("filename", str) or ""
    if file_id := holder.get("file_id", str):
        return Media("file", name=name, file_id=file_id, hints=hints)
    return media(holder, "file_data", "file", name=name, hints=hints)


def media(holder: Fields, key: str, kind: str, **more: Any) -> Media:
    """The media of a URL: the bytes of a `data:` URL, or an http URL, which is passed on and never fetched.

    Raises BadRequestError.
    """
    url = holder.need(key, str)
    if found := _DATA_URL.fullmatch(url):
        media_type = found[1].lower()
        if kind != "file" and not media_type.startswith(f"{kind}/"):
            raise holder.wrong(key, f"must contain {'a video' if kind == 'video' else f'an {kind}'}")
        return Media(cast("Any", kind), media_type, decoded(found[3], holder, key), **more)
    if url[:8].lower().startswith(("https://", "http://", *(("gs://",) if kind == "video" else ()))):
        return Media(cast("Any", kind), url=url, **more)
    raise holder.wrong(key, "must be a base64 data: URL or an https:// URL")


def decoded(text: str, fields: Fields, key: str) -> bytes:
    """Decoded base64, in either alphabet, with or without padding and line breaks. Raises BadRequestError."""
    plain = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise fields.wrong(key, "is not base64") from None


def _calls(fields: Fields) -> tuple[ToolCall, ...]:
    calls = [_call(call, call.need("id", str)) for call in fields.items("tool_calls")]
    if fields.raw.get("function_call"):  # as it was before tools
        legacy = fields.inner("function_call")
        calls.append(ToolCall(legacy.need("name", str), legacy.get("arguments", str) or "{}"))
    return tuple(calls)


def _call(call: Fields, call_id: str) -> ToolCall:
    if call.one_of("type", ("function", customs.KIND), "function") == customs.KIND:
        return customs.call(call)
    function = call.inner("function")
    hints = _hints(call, {"id", "type", "function", "index"}) | function.others(("name", "arguments"), "function")
    return ToolCall(function.need("name", str), function.get("arguments", str) or "", call_id, hints=hints)
