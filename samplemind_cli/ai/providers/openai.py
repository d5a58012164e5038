"""OpenAI's chat completions (platform.openai.com/docs/api-reference/chat), spoken by many compatible servers too."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.ai.providers import wire
from samplemind_cli.ai.types import (
    PARAMETERS,
    Ability,
    Attachment,
    Call,
    Chunk,
    Endpoint,
    Fault,
    FaultKind,
    Finish,
    Message,
    Request,
    ToolCall,
    Usage,
)

TAKES: frozenset[Ability] = frozenset({"image", "audio", "tools", "schema", *PARAMETERS})

_ENDS: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "filtered",
}
# Words in an error's `type` and `code`, the telling ones first: a 429 without credit must not look like a full minute.
# (platform.openai.com/docs/guides/error-codes; `exceed_context_size_error` is llama.cpp's.)
_KINDS: tuple[tuple[str, FaultKind], ...] = (
    ("insufficient_quota", "credit"),
    ("credit_balance", "credit"),
    ("billing", "credit"),
    ("spend_limit", "credit"),
    ("usage_limit", "credit"),
    ("context_length_exceeded", "too_long"),
    ("exceed_context_size", "too_long"),
    ("model_not_found", "not_found"),
    ("invalid_api_key", "auth"),
    ("rate_limit_exceeded", "rate"),
)
_AUDIO = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}
# What strict structured output does not know (docs/guides/structured-outputs); such a schema is sent as a wish.
_NOT_STRICT = {"allOf", "oneOf", "not", "if", "then", "else"}
_NOT_STRICT |= {"dependentRequired", "dependentSchemas", "patternProperties"}


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A chat completion; parameters that only OpenAI itself knows go to OpenAI alone. Without a key, no key is sent."""
    official = _is_openai(endpoint.base_url)
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": [_message(message) for message in request.messages],
        "stream": request.stream,
        **request.parameters,  # all of them are OpenAI's own
    }
    if request.stream:
        # Obfuscation pads every event with random characters.
        body["stream_options"] = {"include_usage": True, **({"include_obfuscation": False} if official else {})}
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.max_tokens is not None:
        # OpenAI's reasoning models reject `max_tokens`; many compatible servers know no other name.
        body["max_completion_tokens" if official else "max_tokens"] = request.max_tokens
    if request.schema is not None:
        body["response_format"] = _format(dict(request.schema))
    if request.tools:
        body["tools"] = [dict(tool) for tool in request.tools]
        if request.tool_choice is not None:
            choice = request.tool_choice
            body["tool_choice"] = choice if isinstance(choice, str) else dict(choice)
    headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    return Call(f"{endpoint.base_url}/chat/completions", body, headers)


def read(event: Any) -> Chunk:
    """One event (`delta`) or the whole completion (`message`). A refusal's text is text; its end is "refusal"."""
    body = wire.mapping(event)
    if body.get("error"):
        return Chunk(fault=fault(200, body))
    choice = next(iter(wire.mappings(body.get("choices"))), {})
    whole = wire.mapping(choice.get("message"))
    said = whole or wire.mapping(choice.get("delta"))
    refusal = wire.text(said.get("refusal"))
    calls = tuple(_call(call, whole=bool(whole)) for call in wire.mappings(said.get("tool_calls")))
    reason = wire.text(choice.get("finish_reason"))
    finish = _ENDS.get(reason)
    if refusal:
        finish = "refusal"
    elif calls and finish == "stop":
        finish = "tool_calls"
    return Chunk(
        text=wire.text(said.get("content")) + refusal,
        thinking=wire.text(said.get("reasoning_content")) or wire.text(said.get("reasoning")),
        tool_calls=calls,
        finish=finish,
        usage=_usage(wire.mapping(body.get("usage"))),
        fault=wire.unfinished(reason) if reason and finish is None else None,
        model=wire.text(body.get("model")),
    )


def embed(texts: Sequence[str], dimensions: int | None, endpoint: Endpoint) -> Call:
    """`/embeddings` (platform.openai.com/docs/api-reference/embeddings)."""
    body: dict[str, Any] = {"model": endpoint.model, "input": list(texts), "encoding_format": "float"}
    if dimensions is not None:
        body["dimensions"] = dimensions
    headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
    return Call(f"{endpoint.base_url}/embeddings", body, headers)


def read_embeddings(body: Any) -> tuple[list[list[float]], int | None]:
    """`data`, whose items name their place."""
    items = wire.mappings(wire.mapping(body).get("data"))
    ordered = sorted(items, key=lambda item: wire.count(item.get("index")) or 0)
    usage = wire.mapping(wire.mapping(body).get("usage"))
    return [wire.vector(item.get("embedding")) for item in ordered], wire.count(usage.get("prompt_tokens"))


def fault(status: int, body: Any) -> Fault:
    """`{"error": {message, type, param, code}}`; compatible servers put the status into `code` or drop the wrapping."""
    error = wire.error(body)
    code = error.get("code")
    label = f"{wire.text(error.get('type'))} {wire.text(code)}"
    kind = next((kind for word, kind in _KINDS if word in label), None)
    message = wire.text(error.get("message")) or wire.text(error.get("detail"))
    return wire.fault(wire.http_status(code, status), message, kind)


def _is_openai(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")  # its regions: eu., us.


def _message(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.attachments:
        words = [{"type": "text", "text": message.text}] if message.text else []
        body["content"] = words + [_part(attachment) for attachment in message.attachments]
    if message.tool_calls:
        body["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments or "{}"}}
            for call in message.tool_calls
        ]
    if message.role == "tool":
        body["tool_call_id"] = message.tool_call_id
    return body


def _part(attachment: Attachment) -> dict[str, Any]:
    kind = attachment.media_type
    if kind.startswith("audio/"):
        sound = {"data": wire.encoded(attachment), "format": _AUDIO.get(kind, kind.removeprefix("audio/"))}
        return {"type": "input_audio", "input_audio": sound}
    return {"type": "image_url", "image_url": {"url": f"data:{kind};base64,{wire.encoded(attachment)}"}}


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    strict = schema.get("type") == "object" and _strict(schema)
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": strict}}


def _strict(schema: Any) -> bool:
    """Whether OpenAI takes the schema as a guarantee: every object closed, every property required, no composition."""
    if isinstance(schema, list):
        return all(map(_strict, schema))
    if not isinstance(schema, Mapping):
        return True
    properties = wire.mapping(schema.get("properties"))
    if schema.get("type") == "object" or properties:
        required = schema.get("required")
        every = isinstance(required, list) and all(name in required for name in properties)
        if schema.get("additionalProperties") is not False or not every:
            return False
    shared = wire.mapping(schema.get("$defs"))
    inner = [*properties.values(), *shared.values(), schema.get("items"), schema.get("anyOf")]
    return _NOT_STRICT.isdisjoint(schema) and _strict(inner)


def _call(call: dict[str, Any], *, whole: bool) -> ToolCall:
    function = wire.mapping(call.get("function"))
    return ToolCall(
        name=wire.text(function.get("name")),
        arguments=wire.text(function.get("arguments")),
        id=wire.text(call.get("id")),
        index=None if whole else wire.count(call.get("index")),
    )


def _usage(usage: dict[str, Any]) -> Usage | None:
    return wire.counted(
        Usage(
            input_tokens=wire.count(usage.get("prompt_tokens")),
            output_tokens=wire.count(usage.get("completion_tokens")),
            cached_tokens=wire.count(wire.mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
            reasoning_tokens=wire.count(wire.mapping(usage.get("completion_tokens_details")).get("reasoning_tokens")),
        )
    )
