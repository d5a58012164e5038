"""Gemini's generateContent, v1beta (ai.google.dev/api/generate-content): each event of a stream is a whole response."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any
from urllib.parse import quote

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
    Parameter,
    Request,
    ToolCall,
    Usage,
)

# In a generationConfig's words.
_CONFIG: dict[Parameter, str] = {
    "top_p": "topP",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
TAKES: frozenset[Ability] = frozenset({"image", "audio", "tools", "schema", *_CONFIG})

_ENDS: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "filtered",
    "RECITATION": "filtered",
    "LANGUAGE": "filtered",
    "BLOCKLIST": "filtered",
    "PROHIBITED_CONTENT": "filtered",
    "SPII": "filtered",
}
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
# Gemini 3 wants its own signature on the first call of a step and answers 400 without one; this word is documented for
# calls that carry none, e.g. from another model (ai.google.dev/gemini-api/docs/thought-signatures).
_NO_SIGNATURE = "skip_thought_signature_validator"


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A generateContent request. The key goes into a header: URLs end up in logs."""
    body: dict[str, Any] = {"contents": list(_turns(request.messages))}
    if system := wire.system(request.messages):
        body["systemInstruction"] = {"parts": [{"text": system}]}
    if config := _config(request):
        body["generationConfig"] = config
    if request.tools:
        functions = [_tool(wire.mapping(tool.get("function"))) for tool in request.tools]
        body["tools"] = [{"functionDeclarations": functions}]
        if request.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    verb = "streamGenerateContent?alt=sse" if request.stream else "generateContent"
    model = quote(endpoint.model.removeprefix("models/"), safe="")
    headers = {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}
    return Call(f"{endpoint.base_url}/v1beta/models/{model}:{verb}", body, headers)


def read(event: Any) -> Chunk:
    """One event or the whole response: both have the same shape. A blocked prompt has no candidates, only feedback."""
    body = wire.mapping(event[0] if isinstance(event, list) and event else event)
    if body.get("error"):
        return Chunk(fault=fault(200, body))
    candidate = next(iter(wire.mappings(body.get("candidates"))), {})
    parts = wire.mappings(wire.mapping(candidate.get("content")).get("parts"))
    calls = tuple(_call(wire.mapping(part["functionCall"])) for part in parts if "functionCall" in part)
    finish, bad_end = _end(candidate, calls)
    if wire.text(wire.mapping(body.get("promptFeedback")).get("blockReason")):
        finish = "filtered"
    return Chunk(
        text="".join(wire.text(part.get("text")) for part in parts if part.get("thought") is not True),
        thinking="".join(wire.text(part.get("text")) for part in parts if part.get("thought") is True),
        tool_calls=calls,
        finish=finish,
        usage=_usage(wire.mapping(body.get("usageMetadata"))),
        fault=bad_end,
        model=wire.text(body.get("modelVersion")),
    )


def fault(status: int, body: Any) -> Fault:
    """`{"error": {code, message, status, details}}`, sometimes in a one-element array.

    A wrong key is a 400, and an empty account was a 429 before it became a 402; the words tell them apart.
    """
    error = wire.error(body)
    message = wire.text(error.get("message"))
    lower = message.lower()
    kind: FaultKind | None = None
    if "api key not valid" in lower or "api key expired" in lower or "api_key_invalid" in lower:
        kind = "auth"
    elif "prepayment credits" in lower or "spending cap" in lower:
        kind = "credit"
    return wire.fault(wire.http_status(error.get("code"), status), message, kind)


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The conversation in turns that alternate; a turn of calls must be answered by one turn with every result."""
    names = wire.tool_names(messages)
    spoken = (message for message in messages if message.role != "system")
    for role, turn in groupby(spoken, lambda message: "model" if message.role == "assistant" else "user"):
        if parts := [part for message in turn for part in _parts(message, names)]:
            yield {"role": role, "parts": parts}


def _parts(message: Message, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        known = {"id": message.tool_call_id} if message.tool_call_id else {}
        name = names.get(message.tool_call_id, message.tool_call_id)
        yield {"functionResponse": {**known, "name": name, "response": _result(message.text)}}
        return
    for attachment in message.attachments:
        yield {"inlineData": {"mimeType": attachment.media_type, "data": wire.encoded(attachment)}}
    if message.text:
        yield {"text": message.text}
    for place, call in enumerate(message.tool_calls):
        known = {"id": call.id} if call.id else {}
        signature = {} if place else {"thoughtSignature": _NO_SIGNATURE}
        yield {"functionCall": {**known, "name": call.name, "args": wire.arguments(call)}, **signature}


def _result(text: str) -> dict[str, Any]:
    """A tool's result as the object Gemini wants; the documented key for anything else is "result"."""
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    return value if isinstance(value, dict) else {"result": value}


def _config(request: Request) -> dict[str, Any]:
    config: dict[str, Any] = {"temperature": request.temperature, "maxOutputTokens": request.max_tokens}
    if request.schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": dict(request.schema)}
    given = request.parameters
    config |= {theirs: given[ours] for ours, theirs in _CONFIG.items() if ours in given}
    return {name: value for name, value in config.items() if value is not None}


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    tool = {"name": function.get("name"), "description": function.get("description") or ""}  # both required
    return tool | ({"parametersJsonSchema": function["parameters"]} if function.get("parameters") else {})


def _choice(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES.get(choice, "AUTO")}
    return {"mode": "ANY", "allowedFunctionNames": [wire.mapping(choice.get("function")).get("name")]}


def _call(call: dict[str, Any]) -> ToolCall:
    return ToolCall(
        name=wire.text(call.get("name")),
        arguments=wire.dumps(wire.mapping(call.get("args"))),
        id=wire.text(call.get("id")),
    )


def _end(candidate: dict[str, Any], calls: tuple[ToolCall, ...]) -> tuple[Finish | None, Fault | None]:
    """MALFORMED_FUNCTION_CALL, OTHER and their like leave no answer to speak of: they are faults."""
    reason = wire.text(candidate.get("finishReason"))
    if reason and reason not in _ENDS:
        return None, wire.unfinished(reason, wire.text(candidate.get("finishMessage")))
    return ("tool_calls" if calls and reason == "STOP" else _ENDS.get(reason)), None


def _usage(usage: dict[str, Any]) -> Usage | None:
    """`promptTokenCount` includes cached tokens; thoughts are counted beside the candidates and billed as output."""
    thoughts = wire.count(usage.get("thoughtsTokenCount"))
    return wire.counted(
        Usage(
            input_tokens=wire.count(usage.get("promptTokenCount")),
            output_tokens=wire.total(wire.count(usage.get("candidatesTokenCount")), thoughts),
            cached_tokens=wire.count(usage.get("cachedContentTokenCount")),
            reasoning_tokens=thoughts,
        )
    )
