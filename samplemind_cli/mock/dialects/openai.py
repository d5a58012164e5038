"""OpenAI's chat completions, responses, embeddings and model list, according to `openai/openai-openapi`."""

import base64
import json
import struct
import time
from collections.abc import Iterator
from typing import Any

from samplemind_cli.mock.dialects import responses
from samplemind_cli.mock.dialects.dialect import (
    SSE,
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
    strings,
    whole_number,
)
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec, count_tokens, embedding, text_of

NAME = "openai"
ERRORS = {
    "auth": ApiError(401, "Incorrect API key provided.", "invalid_api_key"),
    "credit": ApiError(429, "You exceeded your current quota, please check your plan.", "insufficient_quota"),
    "too-long": ApiError(400, "This model's maximum context length is 8192 tokens.", "context_length_exceeded"),
}
MIDSTREAM = ApiError(500, "The server had an error while processing your request.")
NOT_JSON = "We could not parse the JSON body of your request."
TYPES = {"insufficient_quota": "insufficient_quota", "rate_limit_exceeded": "requests"}
CODES = {429: "rate_limit_exceeded", 529: "server_is_overloaded", 503: "server_is_overloaded"}
ROLES = frozenset({"developer", "system", "user", "assistant", "tool", "function"})
FINISHES = {"refusal": "stop", "filter": "content_filter"}
REFUSAL = "I can't help with that."


def reply(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """What the API answers. Raises RefusedRequest."""
    handler = find_handler(ROUTES, request)
    if not request.headers.get("authorization", "").removeprefix("Bearer").strip():
        raise RefusedRequest(401, "You didn't provide an API key in an Authorization header (Bearer).")
    return handler(request, models)


def error_body(error: ApiError) -> Any:
    """An error's body."""
    code = error.code or CODES.get(error.status)
    kind = TYPES.get(code or "", "server_error" if error.status >= 500 else "invalid_request_error")  # noqa: PLR2004 - HTTP
    return {"error": {"message": error.message, "type": kind, "param": error.param, "code": code}}


def _check(request: HttpRequest, models: tuple[str, ...], required: dict[str, Any]) -> dict[str, Any]:
    body = body_of(request, NOT_JSON)
    if invalid := invalid_field(body, required):
        name, missing = invalid
        if missing:
            raise RefusedRequest(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
        raise RefusedRequest(400, f"Invalid type for '{name}'.", "invalid_type", name)
    if models and body["model"] not in models:
        message = f"The model `{body['model']}` does not exist or you do not have access to it."
        raise RefusedRequest(404, message, "model_not_found")
    return body


def _chat(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models, {"model": str, "messages": list})
    messages = body["messages"]
    for n, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            param = f"messages[{n}].role"
            raise RefusedRequest(400, f"Invalid value for '{param}'.", "invalid_value", param)
    if not messages:
        raise RefusedRequest(400, "Invalid 'messages': empty array.", "empty_array", "messages")
    prompt_request = PromptRequest(
        model=body["model"],
        prompt=text_of(messages[-1]),
        input_text=text_of(messages),
        stream=bool(body.get("stream")),
        max_tokens=whole_number(body.get("max_completion_tokens", body.get("max_tokens"))),
        schema=_schema(body.get("response_format") or {}),
        tool=None
        if any(message["role"] == "tool" for message in messages_after(messages, "assistant"))
        else _tool(body),
        think=body.get("reasoning_effort") not in (None, "none"),
    )
    usage = bool((body.get("stream_options") or {}).get("include_usage"))
    return Generated(prompt_request, _whole, lambda request, answer: _events(request, answer, usage), SSE)


def _responses(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    return responses.reply(_check(request, models, {"model": str}))


def _input_tokens(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """A prompt's tokens; parameters of the answer are rejected."""
    body = _check(request, models, {"model": str})
    if unknown := next((name for name in body if name not in responses.COUNTED), ""):
        raise RefusedRequest(400, f"Unknown parameter: '{unknown}'.", "unknown_parameter", unknown)
    tools = json.dumps(body["tools"]) if body.get("tools") else ""
    read = count_tokens(f"{responses.reply(body).request.input_text} {tools}")
    return Document({"object": "response.input_tokens", "input_tokens": read}, of_model=True)


def _schema(response_format: dict[str, Any]) -> Any:
    if response_format.get("type") == "json_schema":
        return (response_format.get("json_schema") or {}).get("schema", {})
    return {} if response_format.get("type") == "json_object" else None


def _tool(body: dict[str, Any]) -> ToolSpec | None:
    choice = body.get("tool_choice") or "auto"
    functions = [tool["function"] for tool in body.get("tools") or [] if tool.get("type") == "function"]
    tools = [ToolSpec(function["name"], function.get("parameters", {})) for function in functions]
    if choice == "none":
        return None
    return choose_tool(tools, _allowed(choice) if isinstance(choice, dict) else ())


def _allowed(choice: dict[str, Any]) -> list[str]:
    holders = choice["allowed_tools"]["tools"] if choice["type"] == "allowed_tools" else [choice]
    return [holder["function"]["name"] for holder in holders]


def _whole(request: PromptRequest, answer: ScriptedAnswer) -> Any:
    message: dict[str, Any] = {"role": "assistant", "content": "".join(answer.text), "refusal": None}
    if answer.finish == "refusal":
        message |= {"content": None, "refusal": REFUSAL}
    if answer.tool:
        function = {"name": answer.tool, "arguments": "".join(answer.arguments)}
        message |= {
            "content": None,
            "tool_calls": [{"id": _call_id(request), "type": "function", "function": function}],
        }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(answer)}
    return {**_head(request, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def _events(request: PromptRequest, answer: ScriptedAnswer, usage: bool) -> Iterator[Event]:
    head = _head(request, "chat.completion.chunk") | ({"usage": None} if usage else {})

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return {**head, "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]}

    yield Event(chunk({"role": "assistant", "content": None if answer.tool else "", "refusal": None}))
    for word in answer.text:
        yield Event(chunk({"content": word}), token=True)
    if answer.finish == "refusal":
        yield Event(chunk({"refusal": REFUSAL}))
    if answer.tool:
        function = {"name": answer.tool, "arguments": ""}
        call = {"index": 0, "id": _call_id(request), "type": "function", "function": function}
        yield Event(chunk({"tool_calls": [call]}))
        for part in answer.arguments:
            yield Event(chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]}), token=True)
    yield Event(chunk({}, _finish(answer)))
    if usage:
        yield Event({**head, "choices": [], "usage": _usage(answer)})
    yield Event("[DONE]")


def _head(request: PromptRequest, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{request.id}", "object": kind, "created": int(time.time()), "model": request.model}


def _call_id(request: PromptRequest) -> str:
    return f"call_{request.id}"


def _finish(answer: ScriptedAnswer) -> str:
    return FINISHES.get(answer.finish, answer.finish)


def _usage(answer: ScriptedAnswer) -> dict[str, Any]:
    """The usage; thinking is counted, though this format does not show it."""
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.output_tokens,
        "total_tokens": answer.input_tokens + answer.output_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": len(answer.thinking), "audio_tokens": 0},
    }


def _embeddings(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models, {"model": str, "input": (str, list)})
    texts = strings(body["input"])
    data = []
    for n, text in enumerate(texts):
        vector: Any = embedding(text, whole_number(body.get("dimensions")))
        if body.get("encoding_format") == "base64":  # OpenAI's own client requests it
            vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        data.append({"object": "embedding", "index": n, "embedding": vector})
    read = sum(map(count_tokens, texts))
    usage = {"prompt_tokens": read, "total_tokens": read}
    return Document({"object": "list", "data": data, "model": body["model"], "usage": usage}, of_model=True)


def _models(_request: HttpRequest, models: tuple[str, ...]) -> Reply:
    data = [{"id": model, "object": "model", "created": 0, "owned_by": "mock"} for model in models or ("mock",)]
    return Document({"object": "list", "data": data})


ROUTES = {
    ("POST", "/v1/chat/completions"): _chat,
    ("POST", "/v1/responses"): _responses,
    ("POST", "/v1/responses/input_tokens"): _input_tokens,
    ("POST", "/v1/embeddings"): _embeddings,
    ("GET", "/v1/models"): _models,
}
