"""Calls to providers of OpenAI's chat completions."""

from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.formats import conversation, custom_tools, faults, reading, schemas
from samplemind_cli.formats.openai_chat import customs, turns
from samplemind_cli.formats.openai_chat.events import read, readable
from samplemind_cli.formats.openai_chat.fields import DOCUMENTED
from samplemind_cli.formats.openai_responses.fields import IN_CHAT
from samplemind_cli.formats.request import HOSTS_PARTS, THINKING_FIELDS
from samplemind_cli.formats.types import (
    ABILITIES,
    PARAMETERS,
    Call,
    Endpoint,
    Fault,
    Inputs,
    Reader,
    Request,
)

__all__ = ["chat", "embed", "fault", "is_openai", "models", "read", "read_embeddings", "read_models"]
__all__ += ["readable", "reader", "takes"]

TAKEN = ABILITIES - {"video", "audio_url", "video_url", "file_url", "file_id", "image_id"}
_TAKEN = TAKEN | {*PARAMETERS, "temperature", "tool_choice", "effort", "name", "detail"}
# Fields of other formats that compatible servers have, too, by the same name.
_COMPATIBLE = {
    "video",
    "audio_url",
    "video_url",
    "top_k",
    "min_p",
    "repetition_penalty",
    "repeat_penalty",
    "typical_p",
    "cache_control",
}
_FILES = ("openai_chat", "openai_responses", "")  # formats whose file ids are OpenAI's
# The effort for a thinking budget of up to so many tokens.
_EFFORTS = ((0, "none"), (1024, "low"), (8192, "medium"))


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """OpenAI supports what it documents; a compatible server gets every field of a client of this format."""
    if (
        name in _TAKEN
        or name in DOCUMENTED
        or (name.startswith("openai_chat ") and not (is_openai(endpoint.base_url) and _is_of_hosts(name, request)))
        or (name == "thinking_budget" and not request.effort)
        or (name == "file_id" and request.source in _FILES)
    ):
        return True
    if is_openai(endpoint.base_url):
        return False
    return name in _COMPATIBLE or request.source in ("openai_chat", "")


def _is_of_hosts(name: str, request: Request) -> bool:
    """Whether it is a field that OpenAI does not document, or a part of a message; a tool is for it to refuse."""
    plain = name.removeprefix("openai_chat ")
    return plain in request.extra or plain in HOSTS_PARTS


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed chat completion: the body of a client of this format unchanged, else a translated one."""
    official = is_openai(endpoint.base_url)
    unchanged = _unchanged_body(request, endpoint)
    body = {**(_body(request, endpoint) if unchanged is None else unchanged), "model": endpoint.model, "stream": True}
    # Obfuscation pads every event with random characters.
    plain = {"include_obfuscation": False} if official else {}
    body["stream_options"] = {**plain, **reading.mapping(body.get("stream_options")), "include_usage": True}
    sent = {**headers(endpoint), **(request.headers if request.source == "openai_chat" else {})}
    return Call(f"{endpoint.base_url}/chat/completions", body, sent)


def _unchanged_body(request: Request, endpoint: Endpoint) -> Mapping[str, Any] | None:
    """The body that a client sent, if its provider takes that.

    OpenAI itself answers 400 to a field that it does not know, and its newer models know no `max_tokens` either; other
    hosts know no custom tools.
    """
    unchanged = conversation.unchanged_body(request, "openai_chat")
    if unchanged is not None and not is_openai(endpoint.base_url):
        return None if customs.are_in(unchanged) else unchanged
    if unchanged is None or not unchanged.keys() <= DOCUMENTED:
        return None
    if not all(takes(name, request, endpoint) for name in request.wishes):
        return None
    longest = {} if request.max_tokens is None else {"max_completion_tokens": request.max_tokens}
    return {name: value for name, value in unchanged.items() if name != "max_tokens"} | longest


def _body(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    official = is_openai(endpoint.base_url)
    request = request if official else request.narrowed()
    known = partial(takes, request=request, endpoint=endpoint)
    named = custom_tools.names(request.tools) if official else frozenset[str]()
    messages = conversation.known(conversation.linked(request.messages), known)
    body: dict[str, Any] = {"messages": [sent for message in messages for sent in turns.written(message, named)]}
    for name in ("temperature", *PARAMETERS):
        if (value := getattr(request, name)) not in (None, ()):
            body[name] = value
    if request.max_tokens is not None:
        # OpenAI's reasoning models reject `max_tokens`; many compatible servers support only that name.
        body["max_completion_tokens" if official else request.max_tokens_field or "max_tokens"] = request.max_tokens
    if level := _effort(request, official=official):
        body["reasoning_effort"] = level
    if request.schema is not None:
        body["response_format"] = _format(request)
    elif request.json_mode:
        body["response_format"] = {"type": "json_object"}
    if tools := list(conversation.tools(request, known)):
        body["tools"] = list(map(customs.declared, tools)) if named else tools
        if request.parallel_tool_calls is False:
            body["parallel_tool_calls"] = False
        if request.tool_choice is not None:
            body["tool_choice"] = customs.choice(request.tool_choice, named)
    reading.beside(body, request.further(known))
    return {**body, **_unkeyed(request, official=official)}


def reader(request: Request) -> Reader:
    """A reader of single events; several choices, if requested, are distinguished by index."""
    found = read if request.extra.get("n") not in (None, 1) else partial(read, one=True)
    names = custom_tools.names(request.tools)
    return customs.CustomReader(found, names) if names else found


def embed(texts: Inputs, dimensions: int | None, endpoint: Endpoint) -> Call:
    """`/embeddings` (platform.openai.com/docs/api-reference/embeddings)."""
    body: dict[str, Any] = {"model": endpoint.model, "input": list(texts), "encoding_format": "float"}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return Call(f"{endpoint.base_url}/embeddings", body, headers(endpoint))


def read_embeddings(body: Any) -> tuple[list[list[float]], int | None]:
    """`data`, whose items have an index."""
    items = reading.mappings(reading.mapping(body).get("data"))
    ordered = sorted(items, key=lambda item: reading.place(item.get("index")))
    usage = reading.mapping(reading.mapping(body).get("usage"))
    return [reading.vector(item.get("embedding")) for item in ordered], reading.count(usage.get("prompt_tokens"))


def fault(status: int, body: Any) -> Fault:
    """`{"error": {message, type, param, code}}`; compatible servers put the status into `code` or drop the wrapping."""
    return faults.fault(status, body)


def models(endpoint: Endpoint) -> Call:
    """`GET /models`."""
    return Call(f"{endpoint.base_url}/models", None, headers(endpoint), "GET")


def read_models(body: Any) -> list[str]:
    """`data[].id`; Together returns only the list."""
    found = body if isinstance(body, list) else reading.mapping(body).get("data") or reading.mapping(body).get("models")
    return list(reading.names(found if isinstance(found, list) else [], "id", "name"))


def is_openai(base_url: str) -> bool:
    """Whether this is OpenAI itself, not a compatible server."""
    host = urlsplit(base_url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")  # its regions: eu., us.


def _unkeyed(request: Request, *, official: bool) -> Mapping[str, Any]:
    """Fields that change no answer. Responses' fields of the same names work only with OpenAI itself."""
    if official and request.source == "openai_responses":
        return {name: value for name, value in request.unkeyed.items() if name in IN_CHAT}
    return request.unkeyed if request.source == "openai_chat" else {}


def headers(endpoint: Endpoint) -> dict[str, str]:
    """The key, if there is one."""
    return {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}


def _effort(request: Request, *, official: bool) -> str:
    """The effort, unless the client used fields of the host's own for it."""
    if (
        request.source == "openai_chat"
        and not official
        and request.extra.keys() & {*THINKING_FIELDS, "chat_template_kwargs"}
    ):
        return ""
    return effort(request)


def effort(request: Request) -> str:
    """The effort, also for a budget of tokens."""
    if request.effort or request.thinking_budget is None:
        return request.effort
    return next((word for most, word in _EFFORTS if request.thinking_budget <= most), "high")


def _format(request: Request) -> dict[str, Any]:
    schema = dict(request.schema or {})
    guaranteed = request.strict is not False and schemas.strict(schema)
    named = {"name": request.schema_name or "answer", "schema": schema, "strict": guaranteed}
    return {"type": "json_schema", "json_schema": named}
