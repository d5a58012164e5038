"""Ollama's own format, `/api/chat` (docs.ollama.com/api/chat and `api/types.go`): NDJSON when streamed."""

from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.ai.providers import wire
from samplemind_cli.ai.types import (
    Ability,
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

TAKES: frozenset[Ability] = frozenset(
    {"image", "tools", "schema", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty"}
)

_ENDS: dict[str, Finish] = {"stop": "stop", "length": "length"}


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A chat that is answered whole or refused: `truncate: false`, or a long prompt loses its beginning without a word.

    The format has no tool choice: "none" sends no tools, any other is the model's own.
    """
    body: dict[str, Any] = {
        "model": endpoint.model,
        "messages": _messages(request.messages),
        "stream": request.stream,
        "truncate": False,
    }
    options: dict[str, Any] = {"temperature": request.temperature, "num_predict": request.max_tokens}
    if given := {name: value for name, value in options.items() if value is not None} | request.parameters:
        body["options"] = given
    if request.schema is not None:
        body["format"] = dict(request.schema)
    if request.tools and request.tool_choice != "none":
        body["tools"] = [_tool(tool) for tool in request.tools]
    return Call(f"{endpoint.base_url}/api/chat", body)


def read(event: Any) -> Chunk:
    """One line of the stream, or the whole answer: both have the same shape."""
    body = wire.mapping(event)
    if body.get("error"):
        return Chunk(fault=fault(200, body))
    message = wire.mapping(body.get("message"))
    calls = tuple(_call(call) for call in wire.mappings(message.get("tool_calls")))
    finish, bad_end = _end(body, calls) if body.get("done") is True else (None, None)
    return Chunk(
        text=wire.text(message.get("content")),
        thinking=wire.text(message.get("thinking")),
        tool_calls=calls,
        finish=finish,
        usage=wire.counted(
            Usage(
                input_tokens=wire.count(body.get("prompt_eval_count")), output_tokens=wire.count(body.get("eval_count"))
            )
        ),
        fault=bad_end,
        model=wire.text(body.get("model")),
    )


def embed(texts: Sequence[str], dimensions: int | None, endpoint: Endpoint) -> Call:
    """`/api/embed` (docs.ollama.com/api/embed); as with `chat`, a text that does not fit is refused and not cut."""
    body: dict[str, Any] = {"model": endpoint.model, "input": list(texts), "truncate": False}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return Call(f"{endpoint.base_url}/api/embed", body)


def read_embeddings(body: Any) -> tuple[list[list[float]], int | None]:
    """`embeddings`, one per text."""
    vectors = wire.mapping(body).get("embeddings")
    counted = wire.count(wire.mapping(body).get("prompt_eval_count"))
    return [wire.vector(vector) for vector in vectors] if isinstance(vectors, list) else [], counted


def fault(status: int, body: Any) -> Fault:
    """`{"error": "text"}`: the text tells a 500 for a schema it cannot compile, and a cloud plan that is used up."""
    message = wire.text(wire.error(body).get("message"))
    kind: FaultKind | None = None
    if "invalid JSON schema" in message:
        kind = "request"
    elif "usage limit" in message:
        kind = "credit"
    return wire.fault(status, message, kind)


def _messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    names = wire.tool_names(messages)
    return [_message(message, names) for message in messages]


def _message(message: Message, names: Mapping[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = {"role": message.role, "content": message.text}
    if message.attachments:
        body["images"] = [wire.encoded(attachment) for attachment in message.attachments]
    if message.tool_calls:
        body["tool_calls"] = [
            {"function": {"name": call.name, "arguments": wire.arguments(call)}} for call in message.tool_calls
        ]
    if message.role == "tool":
        body["tool_name"] = names.get(message.tool_call_id, message.tool_call_id)
    return body


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """OpenAI's shape is Ollama's too, except that here `parameters` is required."""
    return {**tool, "function": {"parameters": {"type": "object"}, **wire.mapping(tool.get("function"))}}


def _call(call: dict[str, Any]) -> ToolCall:
    function = wire.mapping(call.get("function"))
    return ToolCall(
        name=wire.text(function.get("name")),
        arguments=wire.dumps(wire.mapping(function.get("arguments"))),
        id=wire.text(call.get("id")),
    )


def _end(body: dict[str, Any], calls: tuple[ToolCall, ...]) -> tuple[Finish | None, Fault | None]:
    """Old daemons give no reason. "load" is no end: nothing was asked, the model was put into memory, no more."""
    reason = wire.text(body.get("done_reason")) or "stop"
    if reason not in _ENDS:
        return None, wire.unfinished(reason)
    return ("tool_calls" if calls and reason == "stop" else _ENDS[reason]), None
