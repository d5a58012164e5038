"""Calls to Gemini."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from samplemind_cli.formats import conversation, faults, reading, tool_choice
from samplemind_cli.formats.gemini.config import CONFIG, CONFIG_ONLY, EXTRA, SCHEMA, config
from samplemind_cli.formats.gemini.events import read, readable
from samplemind_cli.formats.gemini.fields import PATH
from samplemind_cli.formats.openai_chat import forms
from samplemind_cli.formats.types import (
    Call,
    Endpoint,
    Fault,
    Inputs,
    Media,
    Message,
    Opaque,
    Part,
    Reader,
    Request,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

__all__ = ["chat", "count", "embed", "fault", "models", "read", "read_count", "read_embeddings", "read_models"]
__all__ += ["readable", "reader", "takes"]

# Fields of a functionResponse, beside its response.
_RESULT = ("willContinue", "scheduling")
_TAKEN = frozenset(
    {
        "image",
        "audio",
        "video",
        "video_url",
        "file",
        "file_url",
        "tools",
        "tool_choice",
        "schema",
        "effort",
        "thinking_budget",
        "is_error",
    }
)
_TAKEN |= {"effort", "thinking_budget", *CONFIG, *EXTRA}
_CHOICES = ("guided_choice", "structured_outputs")  # vLLM's words for one of Gemini's
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
# Gemini 3 requires its own signature on the first call of a step and answers 400 without one; this value is documented
# for calls without one, e.g. from another model (ai.google.dev/gemini-api/docs/thought-signatures).
_NO_SIGNATURE = "skip_thought_signature_validator"
_PATH = PATH | {"model"}  # in the URL instead
_SIGNING = re.compile(r"gemini-(?!1|2)")


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """It supports every field of its own format, and of others those that can be translated."""
    del endpoint
    if name in _TAKEN or name.startswith("gemini ") or (name in _CHOICES and forms.choices(request.extra)):
        return True
    return request.source == "gemini" or (not request.source and name in request.extra)


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed generateContent request: the body of a client of this format unchanged, else a translated one.

    The key goes into a header, as URLs end up in logs.
    """
    model = endpoint.model.removeprefix("models/")
    unchanged = None if _SIGNING.match(model) and _unsigned(request) else conversation.unchanged_body(request, "gemini")
    body = (
        _body(request, model)
        if unchanged is None
        else {name: unchanged[name] for name in unchanged if name not in _PATH}
    )
    url = f"{endpoint.base_url}/v1beta/models/{quote(model, safe='')}:streamGenerateContent?alt=sse"
    return Call(url, body, _headers(endpoint))


def _unsigned(request: Request) -> bool:
    """Whether the first call of a step has no signature, as it was another model's."""
    turns = (message.tool_calls for message in request.messages if message.role == "assistant")
    return any(calls and not _signature(calls[0]) for calls in turns)


def _body(request: Request, model: str) -> dict[str, Any]:
    if request.source != "gemini" and (tool_choice.several(request.tool_choice) or ("",))[0] != "required":
        request = request.narrowed()  # not every model knows the mode in which some may be called and none must
    messages = conversation.linked(request.messages)
    own = request.source in ("gemini", "")
    body: dict[str, Any] = {"contents": list(_turns(messages, own=request.source == "gemini"))}
    if system := conversation.system(messages):
        body["systemInstruction"] = {"parts": _system(system, own=request.source == "gemini")}
    if generation := config(request, model):
        body["generationConfig"] = generation
    if tools := _tools(request):
        body["tools"] = tools
        if request.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    for name, value in request.extra.items() if own else ():
        if name not in CONFIG_ONLY and name not in EXTRA:
            reading.beside(body, {name: value})
    if request.source == "gemini":
        body |= {name: value for name, value in request.unkeyed.items() if name != SCHEMA}
    return body


def count(request: Request, endpoint: Endpoint) -> Call:
    """`:countTokens` of a whole request."""
    call = chat(request, endpoint)
    url = call.url.replace(":streamGenerateContent?alt=sse", ":countTokens")
    whole = {"model": f"models/{endpoint.model.removeprefix('models/')}", **call.json}
    return replace(call, url=url, json={"generateContentRequest": whole})


def read_count(body: Any) -> int | None:
    """`totalTokens`."""
    return reading.count(reading.mapping(body).get("totalTokens"))


def reader(request: Request) -> Reader:
    """The reader of single events, for any request."""
    del request
    return read


def embed(texts: Inputs, dimensions: int | None, endpoint: Endpoint) -> Call:
    """`:batchEmbedContents` (ai.google.dev/api/embeddings)."""
    model = f"models/{endpoint.model.removeprefix('models/')}"
    sized = {} if dimensions is None else {"outputDimensionality": dimensions}
    requests = [{"model": model, "content": {"parts": [{"text": text}]}, **sized} for text in texts]
    url = f"{endpoint.base_url}/v1beta/models/{quote(endpoint.model.removeprefix('models/'), safe='')}"
    return Call(f"{url}:batchEmbedContents", {"requests": requests}, _headers(endpoint))


def read_embeddings(body: Any) -> tuple[list[list[float]], int | None]:
    """`embeddings[].values`."""
    embeddings = reading.mappings(reading.mapping(body).get("embeddings"))
    usage = reading.mapping(reading.mapping(body).get("usageMetadata"))
    return [reading.vector(item.get("values")) for item in embeddings], reading.count(usage.get("promptTokenCount"))


def fault(status: int, body: Any) -> Fault:
    """`{"error": {code, message, status, details}}`, sometimes in a one-element array.

    A wrong key is a 400; an account without credit was a 429 before it became a 402; the message distinguishes them.
    """
    return faults.fault(status, body)


def models(endpoint: Endpoint) -> Call:
    """`GET /v1beta/models`."""
    return Call(f"{endpoint.base_url}/v1beta/models?pageSize=1000", None, _headers(endpoint), "GET")


def read_models(body: Any) -> list[str]:
    """`models[].name` of those that generate text, without their prefix."""
    every = reading.mappings(reading.mapping(body).get("models"))
    able = [one for one in every if "generateContent" in (one.get("supportedGenerationMethods") or ["generateContent"])]
    return [name.removeprefix("models/") for name in reading.names(able, "name")]


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}


def _system(parts: Sequence[Text], *, own: bool) -> list[dict[str, Any]]:
    if own:
        return [{"text": part.text, **part.hints} for part in parts]
    return [{"text": "\n\n".join(part.text for part in parts)}]


def _turns(messages: Sequence[Message], *, own: bool) -> Iterator[dict[str, Any]]:
    """The conversation in alternating turns; a turn of calls must be followed by one turn with every result.

    `own`: it came in this format, and so did the further fields of its parts.
    """
    for model, turn in conversation.turns(messages):
        if parts := [part for message in turn for part in _parts(message.parts, own=own)]:
            yield {"role": "model" if model else "user", "parts": parts}


def _parts(parts: Sequence[Part], *, own: bool) -> Iterator[dict[str, Any]]:
    signed = False  # the first call of a step carries the signature
    for part in parts:
        beside = dict(part.hints) if own and isinstance(part, Text | Media | ToolCall) else {}
        match part:
            case Text() if part.text:
                yield {"text": part.text, **beside}
            case Media():
                yield reading.beside(_media(part, own=own), beside)
            case ToolCall():
                call = {"id": part.id, "name": part.name, "args": reading.given_arguments(part)}
                proof = _signature(part) or ("" if signed else _NO_SIGNATURE)
                signed = True
                signature = {"thoughtSignature": proof} if proof else {}
                yield reading.beside({"functionCall": call, **signature}, beside)
            case ToolResult():
                yield from _answered(part, own=own)
            case Thinking(origin="gemini") if part.text or part.signature:
                signature = {"thoughtSignature": part.signature} if part.signature else {}
                yield {"text": part.text, **({} if part.redacted else {"thought": True}), **signature}
            case Opaque(origin="gemini"):
                yield dict(part.value)


def _answered(result: ToolResult, *, own: bool) -> Iterator[dict[str, Any]]:
    """A tool's result. Its media are parts of their own; Gemini 3's own clients put them inside it."""
    known = {"id": result.call_id} if result.call_id else {}
    response = {**known, "name": result.name or result.call_id, "response": _result(result)}
    media = [_media(inner, own=own) for inner in result.parts if isinstance(inner, Media)]
    if not own:
        yield {"functionResponse": response}
        yield from media
        return
    inside = {name: value for name, value in result.hints.items() if name in _RESULT}
    inside |= {"parts": media} if media else {}
    beside = {name: value for name, value in result.hints.items() if name not in _RESULT}
    yield {"functionResponse": response | inside, **beside}


def _signature(call: ToolCall) -> str:
    """The signature, also from the field in which OpenAI's clients store it for Google's compatible endpoint."""
    kept = reading.mapping(reading.mapping(call.hints.get("extra_content")).get("google"))
    return call.signature or reading.text(kept.get("thought_signature"))


def _media(part: Media, *, own: bool) -> dict[str, Any]:
    named = {"displayName": part.name} if own and part.name else {}
    if part.url or part.file_id:
        kind = {"mimeType": part.media_type} if part.media_type else {}
        return {"fileData": {**kind, "fileUri": part.url or part.file_id, **named}}
    return {"inlineData": {"mimeType": part.media_type, "data": reading.encoded(part), **named}}


def _result(result: ToolResult) -> dict[str, Any]:
    """A tool's result as an object, which Gemini requires: other values go into "result", errors into "error"."""
    try:
        value = json.loads(result.text)
    except (ValueError, RecursionError):
        value = result.text
    if result.failed:
        return value if isinstance(value, dict) and "error" in value else {"error": value}
    return value if isinstance(value, dict) else {"result": value}


def _tools(request: Request) -> list[dict[str, Any]]:
    """Gemini's own tools, then every function in one entry, with the fields that only this format has."""
    own = request.source == "gemini"
    native = [dict(tool) for tool in request.tools if "function" not in tool and request.source in ("gemini", "")]
    functions = []
    for tool in request.tools:
        if "function" in tool:
            more = {name: value for name, value in tool.items() if own and name not in ("type", "function")}
            functions.append(_tool(reading.mapping(tool["function"])) | more)
    return [*native, *([{"functionDeclarations": functions}] if functions else [])]


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    tool = {"name": function.get("name"), "description": function.get("description") or ""}  # both required
    return tool | ({"parametersJsonSchema": function["parameters"]} if function.get("parameters") else {})


def _choice(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES.get(choice, "AUTO")}
    if some := tool_choice.several(choice):
        names = [reading.mapping(tool.get("function")).get("name") for tool in some[1]]
        return {"mode": "ANY" if some[0] == "required" else "VALIDATED", "allowedFunctionNames": names}
    return {"mode": "ANY", "allowedFunctionNames": [reading.mapping(choice.get("function")).get("name")]}
