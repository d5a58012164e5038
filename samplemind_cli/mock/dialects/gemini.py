"""Gemini's answers, token counts and embeddings, according to its v1beta reference; newer clients use v1."""

import json
import re
from collections.abc import Iterator
from typing import Any

from samplemind_cli.mock.dialects.dialect import (
    ARRAY,
    SSE,
    ApiError,
    Document,
    Event,
    Generated,
    RefusedRequest,
    Reply,
    body_of,
    choose_tool,
    invalid_field,
    whole_number,
)
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec, count_tokens, embedding, text_of

NAME = "gemini"
ERRORS = {
    "auth": ApiError(400, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    "credit": ApiError(429, "You exceeded your current quota, please check your plan and billing details."),
    "too-long": ApiError(
        400, "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."
    ),
}
MIDSTREAM = ApiError(503, "The model is overloaded. Please try again later.")
STATUSES = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
FINISHES = {"stop": "STOP", "tool_calls": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}
METHODS = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
MODEL_PATH = re.compile(rf"/v1(?:beta)?/models/(?P<model>[^:]+):(?P<method>{'|'.join(METHODS)})")
AT_ONCE = 100  # texts in one batch


def reply(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """What the API answers. Raises RefusedRequest."""
    match = MODEL_PATH.fullmatch(request.path)
    listing = request.path in ("/v1beta/models", "/v1/models")
    if not (match and request.method == "POST") and not (listing and request.method == "GET"):
        raise RefusedRequest(404, f"{request.method} {request.path} was not found on this server.")
    if not (request.headers.get("x-goog-api-key") or request.query.get("key")):
        raise RefusedRequest(403, "Method doesn't allow unregistered callers. Please use API Key.")
    if match is None:
        return _models(models)
    if models and match["model"] not in models:
        raise RefusedRequest(404, f"models/{match['model']} is not found for API version v1beta.")
    if match["method"] == "countTokens":
        return _count(request)
    if match["method"] in ("embedContent", "batchEmbedContents"):
        return _embed(request, batch=match["method"] == "batchEmbedContents")
    framing = SSE if request.query.get("alt") == "sse" else ARRAY
    prompt_request = _prompt_request(_check(request), match["model"], match["method"] == "streamGenerateContent")
    return Generated(prompt_request, _whole, _events, framing)


def error_body(error: ApiError) -> Any:
    """An error's body, and an error inside a stream."""
    status = STATUSES.get(error.status, "INTERNAL" if error.status >= 500 else "INVALID_ARGUMENT")  # noqa: PLR2004 - HTTP
    body: dict[str, Any] = {"code": error.status, "message": error.message, "status": status}
    if error.code:
        info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": error.code}
        body["details"] = [{**info, "domain": "googleapis.com"}]
    return {"error": body}


def _count(request: HttpRequest) -> Reply:
    """A prompt's tokens: contents alone, or a whole request with its instruction and tools, never both."""
    body = body_of(request, "Invalid JSON payload received.")
    inner = _field(body, "generateContentRequest")
    if inner and body.get("contents"):
        raise RefusedRequest(400, "* CountTokensRequest: contents and generateContentRequest are mutually exclusive")
    if inner and not str(inner.get("model", "")).startswith("models/"):
        raise RefusedRequest(400, "* CountTokensRequest.generate_content_request.model: unexpected model name format")
    prompt_request = _contents(inner or body)
    texts = f"{text_of(_field(prompt_request, 'systemInstruction'))} {text_of(prompt_request['contents'])}"
    tools = json.dumps(prompt_request["tools"]) if prompt_request.get("tools") else ""
    return Document({"totalTokens": count_tokens(f"{texts} {tools}")}, of_model=True)


def _embed(request: HttpRequest, *, batch: bool) -> Reply:
    """The vector of one text, or of each in a batch."""
    body = body_of(request, "Invalid JSON payload received.")
    requests = _field(body, "requests") if batch else [body]
    if not isinstance(requests, list) or not 1 <= len(requests) <= AT_ONCE:
        raise RefusedRequest(400, f"* BatchEmbedContentsRequest.requests: one to {AT_ONCE} can be in one batch")
    texts = [text_of(_field(each, "content")) for each in requests]
    if not all(texts):
        raise RefusedRequest(400, "* EmbedContentRequest.content: contents is not specified")
    sizes = [whole_number(_field(each, "outputDimensionality")) for each in requests]
    vectors = [{"values": embedding(text, size)} for text, size in zip(texts, sizes, strict=True)]
    return Document({"embeddings": vectors} if batch else {"embedding": vectors[0]}, of_model=True)


def _check(request: HttpRequest) -> dict[str, Any]:
    return _contents(body_of(request, "Invalid JSON payload received."))


def _contents(body: dict[str, Any]) -> dict[str, Any]:
    if invalid_field(body, {"contents": list}) or not body["contents"]:
        raise RefusedRequest(400, "* GenerateContentRequest.contents: contents is not specified")
    for n, content in enumerate(body["contents"]):
        if not isinstance(content, dict) or content.get("role", "user") not in ("user", "model", "function"):
            raise RefusedRequest(400, "Please use a valid role: user, model.")
        if not content.get("parts"):
            why = f"* GenerateContentRequest.contents[{n}].parts: contents.parts must not be empty."
            raise RefusedRequest(400, why)
    return body


def _prompt_request(body: dict[str, Any], model: str, stream: bool) -> PromptRequest:
    last = body["contents"][-1]
    config = _field(body, "generationConfig")
    wants_json = _field(config, "responseMimeType") == "application/json"
    schema = _field(config, "responseJsonSchema") or _field(config, "responseSchema")
    answered = any(_field(part, "functionResponse") for part in last["parts"])
    return PromptRequest(
        model=model,
        prompt=text_of(last),
        input_text=f"{text_of(_field(body, 'systemInstruction'))} {text_of(body['contents'])}",
        stream=stream,
        max_tokens=whole_number(_field(config, "maxOutputTokens")),
        schema=schema if wants_json else None,
        tool=None if answered else _tool(body),
        think=bool(_field(_field(config, "thinkingConfig"), "includeThoughts")),
    )


def _tool(body: dict[str, Any]) -> ToolSpec | None:
    config = _field(_field(body, "toolConfig"), "functionCallingConfig")
    declared = [f for tool in body.get("tools") or [] for f in _field(tool, "functionDeclarations")]
    tools = [ToolSpec(f["name"], _field(f, "parametersJsonSchema") or _field(f, "parameters")) for f in declared]
    allowed = _field(config, "allowedFunctionNames") or []
    return None if config.get("mode") == "NONE" else choose_tool(tools, allowed)


def _field(message: dict[str, Any], name: str) -> Any:
    """A field by its name or, as Google's own client sends it, its name in snake_case; {} if not set."""
    snake = re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)
    return message.get(name) or message.get(snake) or {}


def _whole(request: PromptRequest, answer: ScriptedAnswer) -> Any:
    parts = []
    if answer.thinking:
        parts.append({"text": "".join(answer.thinking), "thought": True})
    if answer.text:
        parts.append({"text": "".join(answer.text)})
    if answer.tool:
        parts.append(_call(answer))
    return _response(request, answer, parts, last=True)


def _events(request: PromptRequest, answer: ScriptedAnswer) -> Iterator[Event]:
    """Each event is a whole response with the next part of the text; the last one has the end and the usage."""
    for word in answer.thinking:
        yield Event(_response(request, answer, [{"text": word, "thought": True}]), token=True)
    for word in answer.text:
        yield Event(_response(request, answer, [{"text": word}]), token=True)
    yield Event(_response(request, answer, [_call(answer)] if answer.tool else [{"text": ""}], last=True))


def _response(
    request: PromptRequest, answer: ScriptedAnswer, parts: list[Any], *, last: bool = False
) -> dict[str, Any]:
    head = {"modelVersion": request.model, "responseId": request.id}
    if answer.finish == "refusal":  # a blocked prompt has no candidates at all
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": _usage(answer), **head}
    candidate: dict[str, Any] = {"index": 0, "content": {"role": "model", "parts": parts}}
    if last:
        candidate["finishReason"] = FINISHES[answer.finish]
    return {"candidates": [candidate], "usageMetadata": _usage(answer, spoken=last), **head}


def _call(answer: ScriptedAnswer) -> dict[str, Any]:
    return {"functionCall": {"name": answer.tool, "args": answer.call_arguments}}


def _usage(answer: ScriptedAnswer, *, spoken: bool = False) -> dict[str, Any]:
    """Thoughts are counted beside the candidates, not among them."""
    usage = {"promptTokenCount": answer.input_tokens, "totalTokenCount": answer.input_tokens}
    if spoken:
        usage["candidatesTokenCount"] = answer.output_tokens - len(answer.thinking)
        usage["totalTokenCount"] += answer.output_tokens
    if spoken and answer.thinking:
        usage["thoughtsTokenCount"] = len(answer.thinking)
    return usage


def _models(models: tuple[str, ...]) -> Reply:
    methods = [method for method in METHODS if method != "streamGenerateContent"]
    listed = [
        {"name": f"models/{m}", "baseModelId": m, "version": "1", "supportedGenerationMethods": methods}
        for m in models or ("mock",)
    ]
    return Document({"models": listed})
