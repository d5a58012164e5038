"""Anthropic's Messages API, according to its reference and its streaming guide."""

import json
from collections.abc import Iterator
from typing import Any

from samplemind_cli.mock.dialects.dialect import (
    NAMED_SSE,
    ApiError,
    Document,
    Event,
    Generated,
    RefusedRequest,
    Reply,
    body_of,
    choose_tool,
    find_handler,
    invalid_field,
    messages_after,
    whole_number,
)
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec, count_tokens, text_of

NAME = "anthropic"
ERRORS = {
    "auth": ApiError(401, "invalid x-api-key"),
    # in practice a 400, not the documented 402
    "credit": ApiError(400, "Your credit balance is too low to access the Anthropic API."),
    "too-long": ApiError(400, "prompt is too long: 210000 tokens > 200000 maximum"),
}
MIDSTREAM = ApiError(529, "Overloaded")
TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
NO_SAMPLING = "2026-10-21"  # from this version on, temperature and the like are rejected
SAMPLING = ("temperature", "top_p", "top_k")
FINISHES = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal"}


def reply(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """What the API answers. Raises RefusedRequest."""
    handler = find_handler(ROUTES, request)
    if not (request.headers.get("x-api-key") or request.headers.get("authorization")):
        raise RefusedRequest(401, "x-api-key header is required")
    if not request.headers.get("anthropic-version"):
        raise RefusedRequest(400, "anthropic-version: header is required")
    return handler(request, models)


def error_body(error: ApiError) -> Any:
    """An error's body, and an `error` event's data."""
    kind = TYPES.get(error.status, "api_error" if error.status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP
    return {"type": "error", "error": {"type": kind, "message": error.message}, "request_id": "req_mock"}


def _messages(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models)
    messages = body["messages"]
    loaded = [tool for tool in body.get("tools") or [] if not tool.get("defer_loading")]
    tools = [ToolSpec(tool["name"], tool.get("input_schema", {})) for tool in loaded]
    choice = body.get("tool_choice") or {}
    names = [choice["name"]] if choice.get("type") == "tool" else []
    turn = messages_after(messages, "assistant")
    answered = any(part.get("type") == "tool_result" for message in turn for part in _parts(message))
    prompt_request = PromptRequest(
        model=body["model"],
        prompt=text_of(turns[-1]) if (turns := [m for m in turn if m["role"] != "system"]) else text_of(messages[-1]),
        input_text=f"{text_of(body.get('system'))} {text_of(messages)}",
        stream=bool(body.get("stream")),
        max_tokens=whole_number(body["max_tokens"]),
        schema=((body.get("output_config") or {}).get("format") or {}).get("schema"),
        tool=None if answered or choice.get("type") == "none" else choose_tool(tools, names),
        think=(body.get("thinking") or {}).get("type") in ("enabled", "adaptive"),
    )
    return Generated(prompt_request, _whole, _events, NAMED_SSE)


def _count(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """A prompt's tokens: its words, tools included."""
    body = _check(request, models, {"model": str, "messages": list})
    texts = f"{text_of(body.get('system'))} {text_of(body['messages'])}"
    tools = json.dumps(body["tools"]) if body.get("tools") else ""
    return Document({"input_tokens": count_tokens(f"{texts} {tools}")}, of_model=True)


def _check(request: HttpRequest, models: tuple[str, ...], needed: dict[str, type] | None = None) -> dict[str, Any]:
    body = body_of(request, "The request body is not valid JSON")
    if invalid := invalid_field(body, needed or {"model": str, "max_tokens": int, "messages": list}):
        name, missing = invalid
        raise RefusedRequest(400, f"{name}: Field required" if missing else f"{name}: Input should be a valid type")
    if not body["messages"]:
        raise RefusedRequest(400, "messages: at least one message is required")
    for n, message in enumerate(body["messages"]):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant", "system"):
            raise RefusedRequest(400, f"messages.{n}.role: Input should be 'user' or 'assistant'")
    roles = [message["role"] for message in body["messages"]]
    for n, role in enumerate(roles):  # platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages
        if role == "system" and (n == 0 or roles[n - 1] == "system" or roles[n + 1 : n + 2] == ["user"]):
            raise RefusedRequest(400, f"messages.{n}: system follows a user turn and ends the turns or precedes one")
    if request.headers["anthropic-version"] >= NO_SAMPLING and (rejected := [n for n in SAMPLING if n in body]):
        raise RefusedRequest(400, f"{rejected[0]}: Extra inputs are not permitted")
    if models and body["model"] not in models:
        raise RefusedRequest(404, f"model: {body['model']}")
    return body


def _parts(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []


def _message(
    request: PromptRequest, answer: ScriptedAnswer, content: list[Any], finish: str | None, spoken: int
) -> dict[str, Any]:
    return {
        "id": f"msg_{request.id}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": content,
        "stop_reason": finish,
        "stop_sequence": None,
        "usage": {**_usage(answer, spoken), "cache_creation": None, "service_tier": "standard"},
    }


def _usage(answer: ScriptedAnswer, spoken: int) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens,
        "output_tokens": spoken,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "server_tool_use": None,
    }


def _whole(request: PromptRequest, answer: ScriptedAnswer) -> Any:
    content: list[dict[str, Any]] = []
    if answer.thinking:
        content.append({"type": "thinking", "thinking": "".join(answer.thinking), "signature": "mock"})
    if answer.text:
        content.append({"type": "text", "text": "".join(answer.text), "citations": None})
    if answer.tool:
        content.append({**_tool_block(request, answer), "input": answer.call_arguments})
    return _message(request, answer, content, _finish(answer), answer.output_tokens)


def _events(request: PromptRequest, answer: ScriptedAnswer) -> Iterator[Event]:
    yield Event({"type": "message_start", "message": _message(request, answer, [], None, 1)})
    yield Event({"type": "ping"})
    blocks: list[tuple[dict[str, Any], str, tuple[str, ...]]] = [
        ({"type": "thinking", "thinking": "", "signature": ""}, "thinking", answer.thinking),
        ({"type": "text", "text": "", "citations": None}, "text", answer.text),
        (_tool_block(request, answer), "input_json", answer.arguments),
    ]
    index = 0
    for block, kind, words in blocks:
        if words:
            yield from _block(index, block, kind, words)
            index += 1
    end = {"stop_reason": _finish(answer), "stop_sequence": None}
    yield Event({"type": "message_delta", "delta": end, "usage": _usage(answer, answer.output_tokens)})
    yield Event({"type": "message_stop"})


def _block(index: int, block: dict[str, Any], kind: str, words: tuple[str, ...]) -> Iterator[Event]:
    def delta(kind: str, name: str, value: str) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", name: value}}

    yield Event({"type": "content_block_start", "index": index, "content_block": block})
    for word in words:
        yield Event(delta(kind, "partial_json" if kind == "input_json" else kind, word), token=True)
    if kind == "thinking":
        yield Event(delta("signature", "signature", "mock"))
    yield Event({"type": "content_block_stop", "index": index})


def _tool_block(request: PromptRequest, answer: ScriptedAnswer) -> dict[str, Any]:
    return {"type": "tool_use", "id": f"toolu_{request.id}", "name": answer.tool, "input": {}}


def _finish(answer: ScriptedAnswer) -> str:
    return FINISHES.get(answer.finish, answer.finish)


def _models(_request: HttpRequest, models: tuple[str, ...]) -> Reply:
    created = "2026-01-01T00:00:00Z"
    data = [{"type": "model", "id": m, "display_name": m, "created_at": created} for m in models or ("mock",)]
    return Document({"data": data, "first_id": data[0]["id"], "last_id": data[-1]["id"], "has_more": False})


ROUTES = {
    ("POST", "/v1/messages"): _messages,
    ("POST", "/v1/messages/count_tokens"): _count,
    ("GET", "/v1/models"): _models,
}
