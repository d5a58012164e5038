"""How Gemini is asked and read: each event of a stream is a whole response."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from samplemind_cli.formats import conversation, faults, reading
from samplemind_cli.formats.gemini.events import read
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

# In a generationConfig's words.
_CONFIG = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_EXTRA = {"top_k": "topK"}
# Fields of a generationConfig that nobody else has, as they came in this format.
CONFIG_ONLY = frozenset(
    {
        "candidateCount",
        "enableEnhancedCivicAnswers",
        "imageConfig",
        "logprobs",
        "mediaResolution",
        "responseLogprobs",
        "responseModalities",
        "speechConfig",
        "thinkingConfig",
    }
)
_TAKEN = frozenset(
    {"image", "audio", "file", "file_url", "tools", "tool_choice", "schema", "effort", "thinking_budget"}
)
_TAKEN |= {*_CONFIG, *_EXTRA}
_MODES = {"auto": "AUTO", "required": "ANY", "none": "NONE"}
# Gemini 3 wants its own signature on the first call of a step and answers 400 without one; this word is documented for
# calls that carry none, e.g. from another model (ai.google.dev/gemini-api/docs/thought-signatures).
_NO_SIGNATURE = "skip_thought_signature_validator"
# Gemini 2.5 thinks within a budget of tokens, later models at a level (ai.google.dev/gemini-api/docs/thinking).
_BUDGETED = re.compile(r"gemini-(1|2)")
_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """Of another format's fields only those it has a word for; of its own every one."""
    del endpoint
    if name in _TAKEN or name.startswith("gemini "):
        return True
    return request.source == "gemini" or (not request.source and name in request.extra)


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed generateContent request. The key goes into a header: URLs end up in logs."""
    messages = conversation.linked(request.messages)
    body: dict[str, Any] = {"contents": list(_turns(messages))}
    if system := conversation.system(messages):
        body["systemInstruction"] = {"parts": [{"text": "\n\n".join(part.text for part in system)}]}
    if config := _config(request, endpoint.model):
        body["generationConfig"] = config
    if request.tools:
        own = [dict(tool) for tool in request.tools if "function" not in tool]
        functions = [_tool(reading.mapping(tool["function"])) for tool in request.tools if "function" in tool]
        body["tools"] = [*own, *([{"functionDeclarations": functions}] if functions else [])]
        if request.tool_choice is not None:
            body["toolConfig"] = {"functionCallingConfig": _choice(request.tool_choice)}
    own_fields = request.extra.items() if request.source in ("gemini", "") else ()
    body |= {name: value for name, value in own_fields if name not in CONFIG_ONLY and name not in _EXTRA}
    body |= request.unkeyed if request.source == "gemini" else {}
    model = quote(endpoint.model.removeprefix("models/"), safe="")
    url = f"{endpoint.base_url}/v1beta/models/{model}:streamGenerateContent?alt=sse"
    return Call(url, body, _headers(endpoint))


def reader(request: Request) -> Reader:
    """Events are read one by one, whatever was asked."""
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
    found = reading.mappings(reading.mapping(body).get("embeddings"))
    used = reading.mapping(reading.mapping(body).get("usageMetadata"))
    return [reading.vector(item.get("values")) for item in found], reading.count(used.get("promptTokenCount"))


def fault(status: int, body: Any) -> Fault:
    """`{"error": {code, message, status, details}}`, sometimes in a one-element array.

    A wrong key is a 400, and an empty account was a 429 before it became a 402; the words tell them apart.
    """
    return faults.fault(status, body)


def models(endpoint: Endpoint) -> Call:
    """`GET /v1beta/models`."""
    return Call(f"{endpoint.base_url}/v1beta/models?pageSize=1000", None, _headers(endpoint), "GET")


def read_models(body: Any) -> list[str]:
    """`models[].name` of those that generate text, without their prefix."""
    found = reading.mappings(reading.mapping(body).get("models"))
    able = [one for one in found if "generateContent" in (one.get("supportedGenerationMethods") or ["generateContent"])]
    return [name.removeprefix("models/") for name in reading.names(able, "name")]


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {"x-goog-api-key": endpoint.api_key} if endpoint.api_key else {}


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """The conversation in turns that alternate; a turn of calls must be answered by one turn with every result."""
    for model, turn in conversation.turns(messages):
        if parts := [part for message in turn for part in _parts(message.parts)]:
            yield {"role": "model" if model else "user", "parts": parts}


def _parts(parts: Sequence[Part]) -> Iterator[dict[str, Any]]:
    signed = False  # the first call of a step carries the signature
    for part in parts:
        match part:
            case Text() if part.text:
                yield {"text": part.text}
            case Media():
                yield _media(part)
            case ToolCall():
                call = {"id": part.id, "name": part.name, "args": reading.given_arguments(part)}
                proof = _signature(part) or ("" if signed else _NO_SIGNATURE)
                signed = True
                yield {"functionCall": call, **({"thoughtSignature": proof} if proof else {})}
            case ToolResult():
                known = {"id": part.call_id} if part.call_id else {}
                result = _result(part.text)
                yield {"functionResponse": {**known, "name": part.name or part.call_id, "response": result}}
                yield from (_media(inner) for inner in part.parts if isinstance(inner, Media))
            case Thinking(origin="gemini") if part.text:
                signature = {"thoughtSignature": part.signature} if part.signature else {}
                yield {"text": part.text, "thought": True, **signature}
            case Opaque(origin="gemini"):
                yield dict(part.value)


def _signature(call: ToolCall) -> str:
    """Ours, or where OpenAI's clients keep it for Google's own compatible endpoint."""
    kept = reading.mapping(reading.mapping(call.hints.get("extra_content")).get("google"))
    return call.signature or reading.text(kept.get("thought_signature"))


def _media(part: Media) -> dict[str, Any]:
    if part.url or part.file_id:
        kind = {"mimeType": part.media_type} if part.media_type else {}
        return {"fileData": {**kind, "fileUri": part.url or part.file_id}}
    return {"inlineData": {"mimeType": part.media_type, "data": reading.encoded(part)}}


def _result(text: str) -> dict[str, Any]:
    """A tool's result as the object Gemini wants; the documented key for anything else is "result"."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    return value if isinstance(value, dict) else {"result": value}


def _config(request: Request, model: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        theirs: list(value) if name == "stop" else value
        for name, theirs in _CONFIG.items()
        if (value := getattr(request, name)) not in (None, ())
    }
    if request.schema is not None:
        config |= {"responseMimeType": "application/json", "responseJsonSchema": dict(request.schema)}
    elif request.json_mode:
        config["responseMimeType"] = "application/json"
    if request.effort or request.thinking_budget is not None:
        config["thinkingConfig"] = _thinking(request, model)
    extra = request.extra
    config |= {theirs: extra[ours] for ours, theirs in _EXTRA.items() if ours in extra}
    own = request.source in ("gemini", "")
    return config | ({name: extra[name] for name in CONFIG_ONLY if name in extra} if own else {})


def _thinking(request: Request, model: str) -> dict[str, Any]:
    if request.thinking_budget is not None:
        return {"thinkingBudget": request.thinking_budget, "includeThoughts": request.thinking_budget != 0}
    shown = {"includeThoughts": request.effort != "none"}
    if _BUDGETED.match(model):
        return {"thinkingBudget": _BUDGETS.get(request.effort, -1), **shown}
    return {"thinkingLevel": _LEVELS.get(request.effort, "HIGH"), **shown}


def _tool(function: dict[str, Any]) -> dict[str, Any]:
    tool = {"name": function.get("name"), "description": function.get("description") or ""}  # both required
    return tool | ({"parametersJsonSchema": function["parameters"]} if function.get("parameters") else {})


def _choice(choice: str | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"mode": _MODES.get(choice, "AUTO")}
    return {"mode": "ANY", "allowedFunctionNames": [reading.mapping(choice.get("function")).get("name")]}
