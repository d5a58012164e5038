"""Ollama's API, as in its daemon 0.17."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from samplemind_cli.mock.dialects.dialect import (
    NDJSON,
    ApiError,
    Document,
    Event,
    Generated,
    RefusedRequest,
    Reply,
    body_of,
    choose_tool,
    find_handler,
    messages_after,
    strings,
    whole_number,
)
from samplemind_cli.mock.http1 import HttpRequest
from samplemind_cli.mock.model import PromptRequest, ScriptedAnswer, ToolSpec, count_tokens, embedding, text_of

NAME = "ollama"
ERRORS = {
    "auth": ApiError(401, "unauthorized"),
    "credit": ApiError(429, "you have reached your weekly usage limit, please upgrade to continue"),
    "too-long": ApiError(400, "the input length exceeds the context length"),
}
MIDSTREAM = ApiError(500, "llama runner process has terminated")
DETAILS = {
    "parent_model": "",
    "format": "gguf",
    "family": "mock",
    "families": ["mock"],
    "parameter_size": "1M",
    "quantization_level": "Q4_0",
}
SIZE = 1_000_000
CONTEXT = 8192


def reply(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """What the daemon answers. Raises RefusedRequest."""
    return find_handler(ROUTES, request)(request, models)


def error_body(error: ApiError) -> Any:
    """An error's body."""
    return {"error": error.message}


def _check(request: HttpRequest, models: tuple[str, ...]) -> dict[str, Any]:
    if not request.body:
        raise RefusedRequest(400, "missing request body")
    body = body_of(request, "invalid character in the request body")
    model = body.get("model") or body.get("name")  # /api/show once took `name`
    if not isinstance(model, str):
        raise RefusedRequest(400, "model is required")
    if models and _full(model) not in map(_full, models):
        raise RefusedRequest(404, f"model '{model}' not found")
    return {**body, "model": model}


def _full(model: str) -> str:
    return model if ":" in model else f"{model}:latest"


def _chat(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models)
    messages = body.get("messages") or []
    if not isinstance(messages, list) or not all(isinstance(m, dict) for m in messages):
        why = "json: cannot unmarshal into Go struct field ChatRequest.messages of type []api.Message"
        raise RefusedRequest(400, why)
    if not messages:
        return Document(_loaded(body, _chat_words("")))
    tools = [ToolSpec(t["function"]["name"], t["function"].get("parameters", {})) for t in body.get("tools") or []]
    answered = any(message.get("role") == "tool" for message in messages_after(messages, "assistant"))
    prompt_request = _prompt_request(
        body, text_of(messages[-1]), text_of(messages), None if answered else choose_tool(tools)
    )
    return Generated(prompt_request, _chat_whole, _chat_events, NDJSON)


def _generate(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models)
    prompt = str(body.get("prompt") or "")
    if not prompt:
        return Document(_loaded(body, {"response": ""}))
    prompt_request = _prompt_request(body, prompt, f"{body.get('system') or ''} {prompt}", None)
    return Generated(prompt_request, _generate_whole, _generate_events, NDJSON)


def _prompt_request(body: dict[str, Any], prompt: str, input_text: str, tool: ToolSpec | None) -> PromptRequest:
    schema = body.get("format") or None
    return PromptRequest(
        model=body["model"],
        prompt=prompt,
        input_text=input_text,
        stream=body.get("stream") is not False,
        max_tokens=whole_number((body.get("options") or {}).get("num_predict")),
        schema={} if schema == "json" else schema,
        tool=tool,
        think=bool(body.get("think")),
    )


def _chat_words(text: str, thinking: str = "", answer: ScriptedAnswer | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if thinking:
        message["thinking"] = thinking
    if answer and answer.tool:
        call = {"index": 0, "name": answer.tool, "arguments": answer.call_arguments}
        message["tool_calls"] = [{"id": f"call_{answer.tool}", "function": call}]
    return {"message": message}


def _generate_words(text: str, thinking: str = "") -> dict[str, Any]:
    return {"response": text} | ({"thinking": thinking} if thinking else {})


def _chat_whole(request: PromptRequest, answer: ScriptedAnswer) -> Any:
    words = _chat_words("".join(answer.text), "".join(answer.thinking), answer)
    return _line(request.model, words, _end(answer))


def _generate_whole(request: PromptRequest, answer: ScriptedAnswer) -> Any:
    return _line(request.model, _generate_words("".join(answer.text), "".join(answer.thinking)), _end(answer))


def _chat_events(request: PromptRequest, answer: ScriptedAnswer) -> Iterator[Event]:
    for word in answer.thinking:
        yield Event(_line(request.model, _chat_words("", word)), token=True)
    for word in answer.text:
        yield Event(_line(request.model, _chat_words(word)), token=True)
    if answer.tool:
        yield Event(_line(request.model, _chat_words("", "", answer)), token=True)
    yield Event(_line(request.model, _chat_words(""), _end(answer)))


def _generate_events(request: PromptRequest, answer: ScriptedAnswer) -> Iterator[Event]:
    for word in answer.thinking:
        yield Event(_line(request.model, _generate_words("", word)), token=True)
    for word in answer.text:
        yield Event(_line(request.model, _generate_words(word)), token=True)
    yield Event(_line(request.model, _generate_words(""), _end(answer)))


def _line(model: str, words: dict[str, Any], end: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"model": model, "created_at": _now(), **words, "done": end is not None, **(end or {})}


def _loaded(body: dict[str, Any], words: dict[str, Any]) -> dict[str, Any]:
    """The reply to an empty prompt, which only loads the model, or unloads it with a `keep_alive` of 0."""
    keep_alive = body.get("keep_alive")
    reason = "unload" if keep_alive in (0, "0", "0s", "0m") and keep_alive is not False else "load"
    return _line(body["model"], words, {"done_reason": reason})


def _end(answer: ScriptedAnswer) -> dict[str, Any]:
    return {
        "done_reason": "length" if answer.finish == "length" else "stop",
        "total_duration": answer.wait_ns + answer.speak_ns,
        "load_duration": 0,
        "prompt_eval_count": answer.input_tokens,
        "prompt_eval_duration": answer.wait_ns,
        "eval_count": answer.output_tokens,
        "eval_duration": answer.speak_ns,
    }


def _embed(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    body = _check(request, models)
    texts = strings(body["input"]) if body.get("input") else []
    vectors = [embedding(text, whole_number(body.get("dimensions"))) for text in texts]
    read = sum(map(count_tokens, texts))
    times = {"total_duration": 1000 * read, "load_duration": 0, "prompt_eval_count": read}
    return Document({"model": body["model"], "embeddings": vectors, **times}, of_model=True)


def _summary(model: str) -> dict[str, Any]:
    digest = "".join(f"{ord(c):02x}" for c in model)[:64].ljust(64, "0")
    return {"name": _full(model), "model": _full(model), "size": SIZE, "digest": digest, "details": DETAILS}


def _tags(_request: HttpRequest, models: tuple[str, ...]) -> Reply:
    return Document({"models": [{**_summary(model), "modified_at": _now()} for model in models or ("mock",)]})


def _ps(_request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """Every model is loaded, on the CPU."""
    extra = {"expires_at": _now(minutes=5), "size_vram": 0, "context_length": CONTEXT}
    return Document({"models": [{**_summary(model), **extra} for model in models or ("mock",)]})


def _embedding(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    """The predecessor of `/api/embed`: one prompt, one vector; an empty prompt gets an empty vector."""
    body = _check(request, models)
    prompt = str(body.get("prompt") or "")
    return Document({"embedding": embedding(prompt) if prompt else []}, of_model=True)


def _show(request: HttpRequest, models: tuple[str, ...]) -> Reply:
    _check(request, models)
    return Document(
        {
            "parameters": "",
            "license": "",
            "template": "{{ .Prompt }}",
            "modified_at": _now(),
            "details": DETAILS,
            "capabilities": ["completion", "tools", "thinking", "embedding"],
            "model_info": {"general.architecture": "mock", "mock.context_length": CONTEXT},
        }
    )


def _version(_request: HttpRequest, _models: tuple[str, ...]) -> Reply:
    return Document({"version": "0.17.4"})


def _root(_request: HttpRequest, _models: tuple[str, ...]) -> Reply:
    return Document("Ollama is running")


def _now(minutes: int = 0) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


ROUTES = {
    ("POST", "/api/chat"): _chat,
    ("POST", "/api/generate"): _generate,
    ("POST", "/api/embed"): _embed,
    ("POST", "/api/embeddings"): _embedding,
    ("POST", "/api/show"): _show,
    ("GET", "/api/tags"): _tags,
    ("GET", "/api/ps"): _ps,
    ("GET", "/api/version"): _version,
    ("GET", "/"): _root,
}
