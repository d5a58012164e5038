"""Calls to the Ollama daemon, `/api/chat`, and its responses: NDJSON."""

from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.formats import conversation, faults, reading
from samplemind_cli.formats.ollama import forced
from samplemind_cli.formats.types import (
    PARAMETERS,
    Call,
    Chunk,
    Endpoint,
    Fault,
    Inputs,
    Media,
    Message,
    Opaque,
    Reader,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Usage,
)

# A model's options (`Options` in api/types.go) without a field of their own in a request.
OPTIONS = frozenset(
    {
        "draft_num_predict",
        "main_gpu",
        "min_p",
        "num_batch",
        "num_ctx",
        "num_gpu",
        "num_keep",
        "num_thread",
        "repeat_last_n",
        "repeat_penalty",
        "top_k",
        "typical_p",
        "use_mmap",
    }
)
# Beside them, at the top of a body.
TOP = frozenset({"keep_alive", "logprobs", "think", "top_logprobs"})
_TAKEN = frozenset({"image", "tools", "tool_choice", "schema", "temperature", "effort", "thinking_budget"})
_TAKEN |= {*PARAMETERS, *OPTIONS, *TOP}
_LEVELS = {"minimal": "low", "xhigh": "high", "max": "high"}


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """What the API documents: the daemon silently ignores unknown fields and options."""
    del endpoint
    return name in _TAKEN or request.source == "ollama"


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A chat, or a generate: the body of a client of this format unchanged, else a translated one.

    `truncate: false`: by default a long prompt silently loses its beginning. The API has no tool choice: "none" sends
    no tools; a required call becomes a `format`.
    """
    if (unchanged := conversation.unchanged_body(request, "ollama")) is not None:
        path = "/api/chat" if "messages" in unchanged else "/api/generate"
        return Call(f"{endpoint.base_url}{path}", {**unchanged, **_always(endpoint)})
    if request.source == "ollama" and request.extra.keys() & {"raw", "suffix"}:
        return Call(f"{endpoint.base_url}/api/generate", _head(request, endpoint) | _prompt(request.messages))
    request = request.narrowed()
    messages = conversation.linked(request.messages)
    sent = [each for message in messages for each in _messages(message, ids=_has_ids(request))]
    body = {**_head(request, endpoint), "messages": sent}
    if functions := forced.candidates(request):
        body["format"] = forced.call_schema(functions)
        body["messages"] = [{"role": "system", "content": forced.instruction(functions)}, *body["messages"]]
    elif request.tool_choice != "none" and (tools := [_tool(tool) for tool in request.tools if "function" in tool]):
        body["tools"] = tools
    return Call(f"{endpoint.base_url}/api/chat", body)


def _head(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """A body without its messages or prompt."""
    body = _always(endpoint)
    own = request.source == "ollama"
    options: dict[str, Any] = {"temperature": request.temperature, "num_predict": request.max_tokens}
    options |= {name: getattr(request, name) for name in PARAMETERS} | {"stop": list(request.stop)}
    for name, value in {**request.extra, **(request.unkeyed if own else {})}.items():
        option = name.removeprefix("options.")
        if name in OPTIONS or (own and option != name):
            options[option] = value
        elif name in TOP or (own and name not in body):
            body[name] = value
    if given := {name: value for name, value in options.items() if value not in (None, [])}:
        body["options"] = given
    if (think := _think(request, endpoint.model)) is not None:
        body["think"] = think
    if request.schema is not None:
        body["format"] = dict(request.schema)
    elif request.json_mode:
        body["format"] = "json"
    return body


def _always(endpoint: Endpoint) -> dict[str, Any]:
    return {"model": endpoint.model, "stream": True, "truncate": False}


def _prompt(messages: Sequence[Message]) -> dict[str, Any]:
    """A prompt without a chat template, or with a suffix: only `/api/generate` supports these."""
    system = "\n\n".join(part.text for part in conversation.system(messages))
    prompt = next((message for message in reversed(messages) if message.role == "user"), Message("user"))
    return _with_images({"prompt": prompt.text, **({"system": system} if system else {})}, prompt.parts)


def reader(request: Request) -> Reader:
    """Lines are read one by one, but for a call that was asked for as a `format`: its text is the call."""
    return forced.Reading(request, read) if forced.candidates(request) else read


def read(event: Any) -> Chunk:
    """One line of the stream, or the whole answer: both have the same shape."""
    body = reading.mapping(event)
    answered = isinstance(body.get("message"), dict) or body.keys() & {"response", "done"}
    if body.get("error") or (not answered and faults.is_error_event(event)):
        return Chunk(fault=fault(200, event))
    message = reading.mapping(body.get("message"))
    text, thinking = reading.content(message.get("content") if message else body.get("response"))
    done = body.get("done") is True
    reason = reading.text(body.get("done_reason")) or "stop"  # old daemons give no reason
    if done and reason in ("load", "unload"):  # there was no prompt: the model was only loaded
        return Chunk(fault=faults.named("server", f"the answer ended with {reason}"))
    return Chunk(
        text=text,
        thinking=thinking or "".join(reading.content(message.get("thinking") or body.get("thinking"))),
        tool_calls=tuple(map(_call, reading.mappings(message.get("tool_calls")))),
        finish=reading.finish(reason) if done else None,
        usage=reading.counted(
            Usage(
                input_tokens=reading.count(body.get("prompt_eval_count")),
                output_tokens=reading.count(body.get("eval_count")),
            )
        ),
        model=reading.text(body.get("model")),
        logprobs=tuple(reading.mappings(body.get("logprobs"))),
    )


def readable(event: Any) -> bool:
    """Whether it is a documented line."""
    body = reading.mapping(event)
    message = body.get("message", {"content": body.get("response")})
    calls = reading.mapping(message).get("tool_calls") or []
    return (
        isinstance(reading.mapping(message).get("content"), str)
        and isinstance(calls, list)
        and all(isinstance(reading.mapping(reading.mapping(c).get("function")).get("arguments"), dict) for c in calls)
    )


def embed(texts: Inputs, dimensions: int | None, endpoint: Endpoint) -> Call:
    """`/api/embed` (docs.ollama.com/api/embed); as with `chat`, a text that does not fit is refused and not cut."""
    body: dict[str, Any] = {"model": endpoint.model, "input": list(texts), "truncate": False}
    if dimensions is not None:
        body["dimensions"] = dimensions
    return Call(f"{endpoint.base_url}/api/embed", body)


def read_embeddings(body: Any) -> tuple[list[list[float]], int | None]:
    """`embeddings`, one per text."""
    vectors = reading.mapping(body).get("embeddings")
    counted = reading.count(reading.mapping(body).get("prompt_eval_count"))
    return [reading.vector(vector) for vector in vectors] if isinstance(vectors, list) else [], counted


def fault(status: int, body: Any) -> Fault:
    """`{"error": "text"}`: the text identifies a 500 for a schema that it cannot compile, and a used-up cloud plan."""
    return faults.relabelled(
        faults.fault(status, body),
        {"invalid JSON schema": "request", "usage limit": "credit", "does not support": "unsupported"},
    )


def models(endpoint: Endpoint) -> Call:
    """`GET /api/tags`."""
    return Call(f"{endpoint.base_url}/api/tags", None, {}, "GET")


def read_models(body: Any) -> list[str]:
    """`models[].name`."""
    return list(reading.names(reading.mappings(reading.mapping(body).get("models")), "name", "model"))


def _think(request: Request, model: str) -> bool | str | None:
    """gpt-oss has levels of thinking and always thinks; other models have a switch."""
    if "think" in request.extra:
        return None
    if not request.effort:
        return None if request.thinking_budget is None else request.thinking_budget != 0
    if "gpt-oss" in model:
        return "low" if request.effort == "none" else _LEVELS.get(request.effort, request.effort)
    return request.effort != "none"


def _has_ids(request: Request) -> bool:
    """Whether a client of this format gave its calls ids; most rely on names and order."""
    parts = (part for message in request.messages for part in message.parts)
    return request.source == "ollama" and any(isinstance(part, ToolCall) and part.id for part in parts)


def _messages(message: Message, *, ids: bool = False) -> list[dict[str, Any]]:
    """The messages of a turn: each tool result is a message of its own."""
    body: dict[str, Any]
    sent = []
    for result in message.tool_results:
        body = {"role": "tool", "content": result.text, "tool_name": result.name}
        sent.append(_with_images(body | ({"tool_call_id": result.call_id} if ids else {}), result.parts))
    rest = [part for part in message.parts if not isinstance(part, ToolResult)]
    foreign = bool(rest) and all(isinstance(part, Opaque) for part in rest)
    if message.role == "tool" or foreign or (sent and not rest):
        return sent
    body = {"role": message.role, "content": "".join(p.text for p in rest if isinstance(p, Text))}
    if len([part for part in rest if isinstance(part, Text)]) > 1:
        body["content"] = message.text
    if thoughts := "".join(part.text for part in rest if isinstance(part, Thinking) and part.origin == "ollama"):
        body["thinking"] = thoughts
    if calls := message.tool_calls:
        body["tool_calls"] = [
            {
                **({"id": call.id} if ids else {}),
                "function": {"name": call.name, "arguments": reading.given_arguments(call)},
            }
            for call in calls
        ]
    return [*sent, _with_images(body, rest)]


def _with_images(body: dict[str, Any], parts: Sequence[Any]) -> dict[str, Any]:
    images = [reading.encoded(part) for part in parts if isinstance(part, Media)]
    return {**body, "images": images} if images else body


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """A tool in OpenAI's shape, with `parameters`, which are required here."""
    function = {"parameters": {"type": "object"}, **reading.mapping(tool.get("function"))}
    return {"type": "function", "function": {name: value for name, value in function.items() if name != "strict"}}


def _call(call: dict[str, Any]) -> ToolCall:
    function = reading.mapping(call.get("function")) or call
    return ToolCall(
        name=reading.text(function.get("name")),
        arguments=reading.arguments(function.get("arguments", function.get("parameters"))),
        id=reading.identifier(call.get("id")),
    )
