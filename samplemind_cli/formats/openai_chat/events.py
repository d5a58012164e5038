"""Reads the responses of chat completion providers: events, or a whole completion."""

from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.formats import faults, reading
from samplemind_cli.formats.types import Chunk, Opaque, ToolCall, Usage

_BESIDE = ("annotations", "images", "audio")
# Ends that leave no answer to speak of: OpenRouter's, DeepSeek's, GLM's.
_FAILED = ("error", "insufficient_system_resource", "network_error")


def read(event: Any, *, one: bool = False) -> Chunk:
    """One event (`delta`), or a whole completion (`message`), which is ignored beside a `delta`.

    `one`: only one choice was requested, so it counts as the first, whatever its index.
    """
    body = reading.mapping(event)
    if event is reading.OVER:  # without a finish reason
        return Chunk(finish="unknown")
    choices = reading.mappings(body.get("choices"))
    if not choices and faults.is_error_event(event):
        return Chunk(fault=faults.fault(200, event))
    if body.get("error"):
        return Chunk(fault=faults.fault(200, body))
    first, others = _split(choices, one=one)
    if failure := reading.mapping(first.get("error")):
        return Chunk(fault=faults.fault(200, {"error": failure}))
    return _choice(first, body, others)


def readable(event: Any) -> bool:
    """Whether it is a documented chunk: clients join texts, and calls by their index."""
    body = reading.mapping(event)
    choices = body.get("choices")
    named = body.get("object") == "chat.completion.chunk"  # the official client ignores any other
    return named and isinstance(choices, list) and all(map(_is_piece, choices))


def _is_piece(choice: Any) -> bool:
    delta = reading.mapping(choice).get("delta")
    if not isinstance(delta, dict) or not isinstance(delta.get("content"), str | None):
        return False
    if (end := choice.get("finish_reason")) and not reading.finish(end):  # the word null
        return False
    calls = delta.get("tool_calls") or []
    return "function_call" not in delta and isinstance(calls, list) and all(map(_is_call, calls))


def _is_call(call: Any) -> bool:
    function = reading.mapping(reading.mapping(call).get("function") or reading.mapping(call).get("custom"))
    number = reading.count(reading.mapping(call).get("index"))
    if not all(isinstance(function.get(name), str | None) for name in ("arguments", "input")) or number is None:
        return False
    return bool(reading.mapping(call).get("id")) or "name" not in function  # the first piece of a call has both


def _split(choices: list[dict[str, Any]], *, one: bool) -> tuple[dict[str, Any], list[tuple[int, dict[str, Any]]]]:
    """The first choice, and the others by their index."""
    if one and len(choices) == 1:
        return choices[0], []
    if one and len(choices) == 1:
        return choices[0], []
    if one and choices:
        return _joined([choice for choice in choices if not reading.count(choice.get("index"))] or choices[:1]), []
    numbered = [(reading.count(choice.get("index")) or 0, choice) for choice in choices]
    first = next((choice for number, choice in numbered if number == 0), {})
    return first, [(number, choice) for number, choice in numbered if number]


def _joined(choices: list[dict[str, Any]]) -> dict[str, Any]:
    """The choices as one: GitHub Copilot sends the text and the calls in separate ones."""
    found = dict(choices[0])
    for choice in choices[1:]:
        for name in ("delta", "message"):
            if isinstance(more := choice.get(name), dict):
                said = reading.mapping(found.get(name))
                texts = [text for each in (said, more) if (text := "".join(reading.content(each.get("content"))))]
                calls = [call for each in (said, more) for call in reading.mappings(each.get("tool_calls"))]
                found[name] = {**more, **said, "content": "".join(texts), "tool_calls": calls}
        found["finish_reason"] = choice.get("finish_reason") or found.get("finish_reason")
    return found


def _choice(choice: dict[str, Any], body: dict[str, Any], others: Sequence[tuple[int, dict[str, Any]]] = ()) -> Chunk:
    delta, message = choice.get("delta"), choice.get("message")
    if not isinstance(delta, dict | None) or not isinstance(message, dict | None):
        delta, message = _as_object(delta), _as_object(message)
    whole = not isinstance(delta, dict) and isinstance(message, dict)
    fields = reading.mapping(message if whole else delta)
    text, thinking = reading.content(fields.get("content"))
    refusal = "".join(reading.content(fields["refusal"])) if fields.get("refusal") else ""
    if not fields:  # in the shape of legacy completions
        text = reading.text(choice.get("text")) or reading.text(choice.get("content"))
    calls = [_call(call, whole=whole) for call in reading.mappings(fields.get("tool_calls"))]
    if legacy := reading.mapping(fields.get("function_call")):
        calls.append(_call({"function": legacy, "index": 0}, whole=whole))
    reason = choice.get("finish_reason")
    failed = isinstance(reason, str) and reason in _FAILED
    finish = "refusal" if refusal else None if failed else reading.finish(reason) or ("unknown" if whole else None)
    return Chunk(
        text=text + refusal,
        thinking=thinking or _thinking(fields),
        tool_calls=tuple(calls),
        finish=finish,
        usage=_usage(_counts(body) or _counts(choice) or _counts(reading.mapping(body.get("x_groq")))),
        fault=faults.named("server", f"the answer ended with {reason}") if failed else None,
        model=reading.text(body.get("model")),
        block=_beside(fields, body),
        refusal=bool(refusal),
        logprobs=tuple(reading.mappings(reading.mapping(choice.get("logprobs")).get("content"))),
        whole=whole,
        others=tuple((number, _choice(other, {})) for number, other in others),
    )


def _as_object(value: Any) -> Any:
    """A delta or a message; a string or a list is its content."""
    return {"content": value} if value and isinstance(value, str | list) else value


def _beside(fields: Mapping[str, Any], body: Mapping[str, Any]) -> Opaque | None:
    """The content that only this format has: images, audio, and sources, which xAI and Perplexity put into the body."""
    known = {name: fields[name] for name in _BESIDE if isinstance(fields.get(name), list | dict) and fields[name]}
    if isinstance(content := fields.get("content"), list):
        pictures = [part for part in reading.mappings(content) if part.get("type") == "image_url"]
        known |= {"images": [*known.get("images", ()), *pictures]} if pictures else {}
    urls = body.get("citations") if "annotations" not in known else None
    if isinstance(urls, list) and (named := [url for url in urls if isinstance(url, str)]):
        known["annotations"] = [{"type": "url_citation", "url_citation": {"url": url}} for url in named]
    return Opaque("openai_chat", known) if known else None


def _call(call: dict[str, Any], *, whole: bool) -> ToolCall:
    function = reading.mapping(call.get("function"))
    if isinstance(named := call.get("function"), str):
        function = {**call, "name": named}
    if not function and ("name" in call or "arguments" in call):  # some leave out the `function` object
        function = call
    arguments = function.get("arguments", function.get("parameters"))
    known = {"extra_content": call["extra_content"]} if isinstance(call.get("extra_content"), dict) else {}
    return ToolCall(
        name=reading.text(function.get("name")),
        arguments=reading.arguments(arguments) if whole else reading.piece(arguments),
        id=reading.identifier(call.get("id")),
        index=None if whole else reading.count(call.get("index")),
        hints=known,
    )


_THOUGHTS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "reasoning_text", "thinking_blocks")


def _thinking(fields: Mapping[str, Any]) -> str:
    """The thinking, in the field of DeepSeek, vLLM and llama.cpp, or of OpenRouter, Groq, MiniMax, Copilot, LiteLLM."""
    for name in _THOUGHTS if fields.keys() & _THOUGHTS else ():
        value = fields.get(name)
        texts = reading.content(value if isinstance(value, str | list | dict) else None)
        if any(texts):
            return "".join(texts)
    return ""


def _counts(fields: Mapping[str, Any]) -> dict[str, Any]:
    return reading.mapping(fields.get("usage"))


def _usage(usage: dict[str, Any]) -> Usage | None:
    """The usage; xAI counts thinking separately, and some servers have Anthropic's names."""
    prompt = reading.mapping(usage.get("prompt_tokens_details"))
    cached = reading.count(prompt.get("cached_tokens"))
    prompt_tokens = reading.count(usage.get("prompt_tokens", usage.get("input_tokens")))
    output = reading.count(usage.get("completion_tokens", usage.get("output_tokens")))
    thought = reading.count(reading.mapping(usage.get("completion_tokens_details")).get("reasoning_tokens"))
    if thought and reading.count(usage.get("total_tokens")) == (prompt_tokens or 0) + (output or 0) + thought:
        output = (output or 0) + thought
    return reading.counted(
        Usage(
            input_tokens=prompt_tokens,
            output_tokens=output,
            cached_tokens=reading.count(usage.get("prompt_cache_hit_tokens")) if cached is None else cached,
            reasoning_tokens=thought,
            cache_write_tokens=reading.count(prompt.get("cache_write_tokens")),
        )
    )
