"""OpenAI's Responses, according to `openai/openai-openapi`; no state is kept between requests."""

import time
from collections.abc import Iterator
from functools import partial
from typing import Any

from samplemind_cli.mock.dialects.dialect import NAMED_SSE, Event, Generated, RefusedRequest, choose_tool, whole_number
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec, text_of

STATEFUL = ("previous_response_id", "conversation", "prompt")  # they refer to data stored at OpenAI
COUNTED = frozenset(
    {*STATEFUL, "model", "input", "instructions", "personality", "tools", "tool_choice", "text", "reasoning"}
)
COUNTED |= {"parallel_tool_calls", "truncation"}
TRIGGER = {"type": "compaction_trigger"}
COMPACTION = {"type": "compaction", "encrypted_content": "gAAAAABmock"}
REFUSAL = "I can't help with that."
REASONS = {"length": "max_output_tokens", "filter": "content_filter"}
EventFields = tuple[str, dict[str, Any], bool]  # an event's type, its other fields, whether it carries a word
ROLES = frozenset({"user", "assistant", "system", "developer"})


def reply(body: dict[str, Any]) -> Generated:
    """The reply to a request's body. Raises RefusedRequest."""
    for name in STATEFUL:
        if body.get(name) is not None:
            raise RefusedRequest(400, f"The {name} was not found.", "not_found", name)
    input_ = body.get("input")
    items = [{"role": "user", "content": input_}] if isinstance(input_, str) else input_
    if not isinstance(items, list) or not items:
        raise RefusedRequest(400, "Missing required parameter: 'input'.", "missing_required_parameter", "input")
    for n, item in enumerate(items):
        if not isinstance(item, dict) or (item.get("type", "message") == "message" and item.get("role") not in ROLES):
            raise RefusedRequest(400, f"Invalid value for 'input[{n}]'.", "invalid_value", f"input[{n}]")
    last = items[-1]
    answered = str(last.get("type", "")).endswith("_call_output")
    form = (body.get("text") or {}).get("format") or {}
    prompt_request = PromptRequest(
        model=body["model"],
        prompt=_words(last),
        input_text=" ".join([str(body.get("instructions") or ""), *map(_words, items)]),
        stream=bool(body.get("stream")),
        max_tokens=whole_number(body.get("max_output_tokens")),
        schema={"json_schema": form.get("schema"), "json_object": {}}.get(str(form.get("type"))),
        tool=None if answered else _tool(body),
        think=(body.get("reasoning") or {}).get("effort") not in (None, "none", "minimal"),
    )
    return Generated(prompt_request, partial(_whole, body), partial(_events, body), NAMED_SSE)


def _words(item: dict[str, Any]) -> str:
    return text_of(item.get("content") or item.get("output") or item.get("arguments") or "")


def _tool(body: dict[str, Any]) -> ToolSpec | None:
    choice = body.get("tool_choice") or "auto"
    functions = [tool for tool in body.get("tools") or [] if tool.get("type") == "function"]
    tools = [ToolSpec(function["name"], function.get("parameters") or {}) for function in functions]
    if choice == "none":
        return None
    if not isinstance(choice, dict):
        return choose_tool(tools)
    return choose_tool(tools, [holder["name"] for holder in choice.get("tools", [choice]) if "name" in holder])


def _response(
    body: dict[str, Any], request: PromptRequest, status: str, output: list[Any], **fields: Any
) -> dict[str, Any]:
    echoed = {name: body.get(name) for name in ("instructions", "max_output_tokens", "previous_response_id")}
    return {
        "id": f"resp_{request.id}",
        "object": "response",
        "created_at": int(time.time()),
        "status": status,
        "error": None,
        "incomplete_details": None,
        "model": request.model,
        "output": output,
        "parallel_tool_calls": body.get("parallel_tool_calls") is not False,
        "temperature": body.get("temperature", 1.0),
        "tool_choice": body.get("tool_choice") or "auto",
        "tools": body.get("tools") or [],
        "top_p": body.get("top_p", 1.0),
        "metadata": body.get("metadata") or {},
        **echoed,
        **fields,
    }


def _output(request: PromptRequest, answer: ScriptedAnswer, status: str) -> list[dict[str, Any]]:
    """The output items: reasoning, a message, a function call."""
    items: list[dict[str, Any]] = []
    if answer.thinking:
        summary = [{"type": "summary_text", "text": "".join(answer.thinking)}]
        items.append({"id": f"rs_{request.id}", "type": "reasoning", "summary": summary})
    if answer.finish == "refusal":
        items.append(_message(request, [{"type": "refusal", "refusal": REFUSAL}], status))
    elif answer.text:
        items.append(_message(request, [_text("".join(answer.text))], status))
    if answer.tool:
        items.append(_call(request, answer, "".join(answer.arguments), "completed"))
    return items


def _message(request: PromptRequest, content: list[Any], status: str) -> dict[str, Any]:
    return {"id": f"msg_{request.id}", "type": "message", "role": "assistant", "status": status, "content": content}


def _text(words: str) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": []}


def _call(request: PromptRequest, answer: ScriptedAnswer, arguments: str, status: str) -> dict[str, Any]:
    head = {"id": f"fc_{request.id}", "type": "function_call", "call_id": f"call_{request.id}", "name": answer.tool}
    return {**head, "arguments": arguments, "status": status}


def _final(body: dict[str, Any], request: PromptRequest, answer: ScriptedAnswer) -> dict[str, Any]:
    reason = REASONS.get(answer.finish)
    status = "incomplete" if reason else "completed"
    details = {"incomplete_details": {"reason": reason}} if reason else {}
    usage = {
        "input_tokens": answer.input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": answer.output_tokens,
        "output_tokens_details": {"reasoning_tokens": len(answer.thinking)},
        "total_tokens": answer.input_tokens + answer.output_tokens,
    }
    compacted = body["input"][-1] == TRIGGER
    items = [COMPACTION | {"id": f"cmp_{request.id}"}] if compacted else _output(request, answer, status)
    return _response(body, request, status, items, usage=usage, **details)


def _whole(body: dict[str, Any], request: PromptRequest, answer: ScriptedAnswer) -> Any:
    return _final(body, request, answer)


def _events(body: dict[str, Any], request: PromptRequest, answer: ScriptedAnswer) -> Iterator[Event]:
    """The numbered events; the last one contains the whole response."""
    for number, (kind, fields, token) in enumerate(_event_fields(body, request, answer)):
        yield Event({"type": kind, "sequence_number": number, **fields}, token=token)


def _event_fields(body: dict[str, Any], request: PromptRequest, answer: ScriptedAnswer) -> Iterator[EventFields]:
    started = _response(body, request, "in_progress", [])
    for kind in ("created", "in_progress"):
        yield f"response.{kind}", {"response": started}, False
    final = _final(body, request, answer)
    for index, item in enumerate(final["output"]):
        yield from _item(index, item, answer)
    yield f"response.{final['status']}", {"response": final}, False


def _item(index: int, item: dict[str, Any], answer: ScriptedAnswer) -> Iterator[EventFields]:
    position = {"item_id": item["id"], "output_index": index}
    empty: dict[str, dict[str, Any]] = {
        "compaction": {},
        "reasoning": {"summary": []},
        "message": {"content": []},
        "function_call": {"arguments": ""},
    }
    empty_item = {**item, **empty[item["type"]], **({"status": "in_progress"} if "status" in item else {})}
    yield "response.output_item.added", {"output_index": index, "item": empty_item}, False
    match item["type"]:
        case "reasoning":
            yield from _part("reasoning_summary", position | {"summary_index": 0}, item["summary"][0], answer.thinking)
        case "message":
            part = item["content"][0]
            words = answer.text if part["type"] == "output_text" else (REFUSAL,)
            yield from _content(position | {"content_index": 0}, part, words)
        case "function_call":
            for piece in answer.arguments:
                yield "response.function_call_arguments.delta", {**position, "delta": piece}, True
            call = {"name": item["name"], "arguments": item["arguments"]}
            yield "response.function_call_arguments.done", position | call, False
    yield "response.output_item.done", {"output_index": index, "item": item}, False


def _part(kind: str, position: dict[str, Any], part: dict[str, Any], words: tuple[str, ...]) -> Iterator[EventFields]:
    yield f"response.{kind}_part.added", {**position, "part": {**part, "text": ""}}, False
    for word in words:
        yield f"response.{kind}_text.delta", {**position, "delta": word}, True
    yield f"response.{kind}_text.done", {**position, "text": part["text"]}, False
    yield f"response.{kind}_part.done", {**position, "part": part}, False


def _content(position: dict[str, Any], part: dict[str, Any], words: tuple[str, ...]) -> Iterator[EventFields]:
    name = "text" if part["type"] == "output_text" else "refusal"
    kind = part["type"] if name == "text" else "refusal"
    extra: dict[str, Any] = {"logprobs": []} if name == "text" else {}
    yield "response.content_part.added", {**position, "part": {**part, name: ""}}, False
    for word in words:
        yield f"response.{kind}.delta", {**position, "delta": word, **extra}, True
    yield f"response.{kind}.done", {**position, name: part[name], **extra}, False
    yield "response.content_part.done", {**position, "part": part}, False
