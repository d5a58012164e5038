"""A chat completion as OpenAI's clients ask for it, read into the core's vocabulary."""

import re
from base64 import b64decode
from typing import Any, cast

from samplemind_cli.ai import schemas
from samplemind_cli.ai.router import PRIORITIES
from samplemind_cli.ai.types import Attachment, Message, Options, Request, Role, TaskType, ToolCall
from samplemind_cli.server.fields import Fields
from samplemind_cli.server.message import Problem

TASKS = tuple(str(task) for task in TaskType)
ROLES = ("system", "developer", "user", "assistant", "tool")
CHOICES = ("none", "auto", "required")
SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
_MODEL = re.compile(r"[\x21-\x7e]{1,256}")
_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+);base64,(.+)", re.DOTALL)
STOPS = 4  # as OpenAI has it
# What changes an answer and has no place in our requests: refused unless it has the value that changes nothing. What
# changes none (user, metadata, store, service_tier, prompt_cache_key, …) is taken and left at that.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "n": (1,),
    "logit_bias": ({},),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "modalities": (["text"],),
    "verbosity": ("medium",),
    "functions": ([],),
    "function_call": ("auto", "none"),
    "reasoning_effort": (),
    "web_search_options": (),
    "prediction": (),
    "audio": (),
}


def completion(fields: Fields) -> Request:
    """The request in a chat completion's body. Raises Problem (400)."""
    for name, neutral in _NEUTRAL.items():
        if (value := fields.raw.get(name)) is not None and value not in neutral:
            raise Problem(400, f"{name} is not supported here", "unsupported_parameter", param=name)
    messages = fields.items("messages")
    if not messages:
        raise fields.wrong("messages", "must hold at least one message")
    longest = fields.whole("max_completion_tokens")
    return Request(
        messages=tuple(map(_message, messages)),
        temperature=fields.number("temperature", 0, 2),
        max_tokens=fields.whole("max_tokens") if longest is None else longest,
        schema=_schema(fields.inner("response_format")),
        tools=tuple(map(_tool, fields.items("tools"))),
        tool_choice=_choice(fields),
        **_parameters(fields),
        stream=fields.get("stream", bool) or False,
    )


def way(model: str, options: Options) -> Options:
    """The options that a model's name stands for: `auto`, `auto:task`, `auto:task:priority`, `provider/model`."""
    if not _MODEL.fullmatch(model):
        raise Problem(400, "model must be 1 to 256 printable ASCII characters", "invalid_value", param="model")
    auto, *rest = model.split(":")
    if auto != "auto":
        return _changed(options, model=model)
    task, priority = (*rest, "", "")[:2]
    if len(rest) > 2 or (task and task not in TASKS) or (priority and priority not in PRIORITIES):  # noqa: PLR2004 - both
        known = f"auto[:{'|'.join(TASKS)}[:{'|'.join(PRIORITIES)}]]"
        raise Problem(404, f"there is no model {model}; known: {known}", "model_not_found", param="model")
    return _changed(options, task=task or options.task, priority=priority or options.priority)


def _changed(options: Options, **values: str) -> Options:
    from dataclasses import replace

    return replace(options, **values)  # type: ignore[arg-type]  # each is a string


def _parameters(fields: Fields) -> dict[str, Any]:
    """What not every provider takes. OpenAI's defaults count as unsaid: clients send them unasked."""
    top_p, parallel = fields.number("top_p", 0, 1), fields.get("parallel_tool_calls", bool)
    return {
        "top_p": None if top_p == 1 else top_p,
        "stop": _stops(fields),
        "seed": fields.whole("seed", 0),  # below 0 and beyond 31 bits it means "any" to one provider or another
        "presence_penalty": fields.number("presence_penalty", -2, 2) or None,
        "frequency_penalty": fields.number("frequency_penalty", -2, 2) or None,
        "parallel_tool_calls": False if parallel is False and fields.raw.get("tools") else None,
    }


def _stops(fields: Fields) -> tuple[str, ...]:
    given = fields.raw.get("stop")
    if given in (None, ""):
        return ()
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or len(found) > STOPS or not all(isinstance(text, str) and text for text in found):
        raise fields.wrong("stop", f"must be a text, or a list of at most {STOPS} that are not empty")
    return tuple(found)


def _message(fields: Fields) -> Message:
    role = fields.one_of("role", ROLES, "")
    text, attachments = _content(fields)
    calls = tuple(map(_call, fields.items("tool_calls")))
    answers = fields.need("tool_call_id", str) if role == "tool" else ""
    return Message(cast("Role", "system" if role == "developer" else role), text, attachments, calls, answers)


def _content(fields: Fields) -> tuple[str, tuple[Attachment, ...]]:
    content = fields.raw.get("content")
    if content is None and fields.raw.get("role") == "assistant":  # it called tools
        return "", ()
    if isinstance(content, str):
        return content, ()
    if not isinstance(content, list):
        raise fields.wrong("content", "must be a string or a list of parts")
    texts, attachments = [], []
    for part in fields.items("content"):
        kind = part.one_of("type", ("text", "refusal", "image_url", "input_audio"), "")
        if kind in ("text", "refusal"):
            texts.append(part.need(kind, str))
        else:
            attachments.append(_image(part) if kind == "image_url" else _sound(part))
    return "\n".join(texts), tuple(attachments)


def _image(part: Fields) -> Attachment:
    holder = part.inner("image_url")
    found = _DATA_URL.fullmatch(holder.need("url", str))
    if not found:  # fetching a stranger's URL would open this network to him
        raise holder.wrong("url", "must be a data: URL with a base64 image; others are not fetched")
    return Attachment(found[1], _decoded(found[2], holder, "url"))


def _sound(part: Fields) -> Attachment:
    holder = part.inner("input_audio")
    kind = SOUNDS[holder.one_of("format", tuple(SOUNDS), "")]
    return Attachment(kind, _decoded(holder.need("data", str), holder, "data"))


def _decoded(text: str, fields: Fields, key: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise fields.wrong(key, "is not base64") from None


def _call(fields: Fields) -> ToolCall:
    function = fields.inner("function")
    return ToolCall(function.need("name", str), function.get("arguments", str) or "", fields.need("id", str))


def _tool(fields: Fields) -> dict[str, Any]:
    fields.one_of("type", ("function",), "function")
    function = fields.inner("function")
    function.need("name", str)
    function.get("description", str)
    function.get("parameters", dict)
    return fields.raw


def _choice(fields: Fields) -> str | dict[str, Any] | None:
    choice = fields.raw.get("tool_choice")
    if choice is None or isinstance(choice, str):
        return fields.one_of("tool_choice", CHOICES, "auto") if choice else None
    named = fields.inner("tool_choice")
    named.one_of("type", ("function",), "")
    named.inner("function").need("name", str)
    return named.raw


def _schema(fields: Fields) -> dict[str, Any] | None:
    if not fields.raw:
        return None
    kind = fields.one_of("type", ("text", "json_object", "json_schema"), "")
    holder = fields.inner("json_schema")
    if kind != "json_schema":
        return {"type": "object"} if kind == "json_object" else None
    schema = holder.get("schema", dict)
    if schema is None:
        raise holder.wrong("schema", "is required")
    return checked_schema(schema, holder)


def checked_schema(schema: dict[str, Any], holder: Fields) -> dict[str, Any]:
    """A schema that is one, and whose references stay inside it: the validator would fetch others."""
    if any(not reference.startswith("#") for reference in _references(schema)):
        raise holder.wrong("schema", "may refer to its own parts alone")
    if why := schemas.flaw(schema):
        raise holder.wrong("schema", f"is no JSON Schema: {why}")
    return schema


def _references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    if not isinstance(value, dict):
        return []
    own = [found for name in ("$ref", "$dynamicRef") if isinstance(found := value.get(name), str)]
    return own + [found for item in value.values() for found in _references(item)]
