"""Reads Gemini's responses: each event of a stream has the shape of a whole response."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import faults, reading
from samplemind_cli.formats.gemini import logprobs
from samplemind_cli.formats.types import Chunk, Fault, Opaque, Thinking, ToolCall, Usage

# A candidate's fields about its text.
_BESIDE = ("citationMetadata", "groundingMetadata", "groundingAttributions", "urlContextMetadata")
# Names in snake case, which only Google's own clients read.
_SNAKES = {"usage_metadata", "model_version", "prompt_feedback", "finish_reason", "finish_message"}
# Finish reasons without an answer.
_FAULTS: tuple[str, ...] = ("malformed_function_call", "malformed_response", "unexpected_tool_call")
_FAULTS += ("too_many_tool_calls", "no_image", "image_other", "missing_thought_signature")


def read(event: Any) -> Chunk:
    """One event or the whole response: both have the same shape. A blocked prompt has no candidates, only feedback."""
    if isinstance(event, list):
        chunks = [read(item) for item in event]
        return _joined(chunks) if len(chunks) != 1 else chunks[0]
    body = reading.mapping(event)
    if "candidates" not in body and isinstance(body.get("response"), dict):  # as sent to Google's code assistants
        body = body["response"]
    candidates = reading.mappings(body.get("candidates"))
    if not candidates and faults.is_error_event(event):
        return Chunk(fault=faults.fault(200, body))
    numbered = [(reading.count(candidate.get("index")) or 0, candidate) for candidate in candidates]
    first = next((candidate for number, candidate in numbered if number == 0), {})
    others = tuple((number, _candidate(candidate, {})) for number, candidate in numbered if number)
    return _candidate(first, body, others)


def readable(event: Any) -> bool:
    """Whether it is a documented response."""
    body = reading.mapping(event)
    candidates = body.get("candidates", [])
    if (
        not body
        or "response" in body
        or any(_SNAKES & fields.keys() for fields in (body, *reading.mappings(candidates)))
    ):
        return False
    return isinstance(candidates, list) and all(
        isinstance(part, dict)
        and isinstance(part.get("text"), str | None)
        and isinstance(reading.mapping(part.get("functionCall", {})).get("args"), dict | None)
        and "function_call" not in part
        for candidate in candidates
        for part in reading.mapping(reading.mapping(candidate).get("content")).get("parts") or ()
    )


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Several events in one array, as in a stream without `alt=sse`."""
    if failed := next((chunk for chunk in chunks if chunk.fault), None):
        return failed
    usage = Usage()
    for chunk in chunks:
        usage = usage.updated(chunk.usage or Usage())
    return Chunk(
        text="".join(chunk.text for chunk in chunks),
        thinking="".join(chunk.thinking for chunk in chunks),
        tool_calls=tuple(call for chunk in chunks for call in chunk.tool_calls),
        finish=next((chunk.finish for chunk in reversed(chunks) if chunk.finish), None),
        usage=reading.counted(usage),
        model=next((chunk.model for chunk in chunks if chunk.model), ""),
        signature="".join(chunk.signature for chunk in chunks),
        block=_merged([chunk.block for chunk in chunks if chunk.block]),
        logprobs=tuple(each for chunk in chunks for each in chunk.logprobs),
        pieces=tuple(piece for chunk in chunks for piece in chunk.pieces or (chunk,)),
    )


def _merged(blocks: Sequence[Thinking | Opaque]) -> Thinking | Opaque | None:
    if len(blocks) < 2:  # noqa: PLR2004 - nothing to merge
        return blocks[0] if blocks else None
    parts: list[Any] = []
    beside: dict[str, Any] = {}
    for block in blocks:
        if isinstance(block, Thinking):
            parts.append({"text": "", "thoughtSignature": block.signature})
        else:
            parts += block.value.get("parts", ())
            beside |= block.value.get("candidate", {})
    return Opaque("gemini", {"parts": parts, "candidate": beside})


def _candidate(candidate: dict[str, Any], body: dict[str, Any], others: tuple[tuple[int, Chunk], ...] = ()) -> Chunk:
    parts = reading.mappings(reading.mapping(candidate.get("content")).get("parts"))
    calls = tuple(_call(part) for part in parts if "functionCall" in part or "function_call" in part)
    words = [part for part in parts if "text" in part]
    finish, bad_end = _end(candidate)
    feedback = reading.mapping(reading.either(body, "promptFeedback"))
    if reading.text(reading.either(feedback, "blockReason")):
        finish = "filtered"
    return Chunk(
        text="".join("".join(reading.content(part["text"])) for part in words if part.get("thought") is not True),
        thinking="".join(reading.text(part["text"]) for part in words if part.get("thought") is True),
        tool_calls=calls,
        finish=finish,
        usage=_usage(reading.mapping(reading.either(body, "usageMetadata"))),
        fault=bad_end,
        model=reading.text(reading.either(body, "modelVersion")),
        signature="".join(_proof(part) for part in words if part.get("thought") is True),
        block=_block(candidate, parts),
        logprobs=logprobs.read(candidate.get("logprobsResult")),
        others=others,
        pieces=_pieces(candidate, body, parts, others) if len(parts) > 1 else (),
    )


def _pieces(
    candidate: dict[str, Any],
    body: dict[str, Any],
    parts: Sequence[dict[str, Any]],
    others: tuple[tuple[int, Chunk], ...],
) -> tuple[Chunk, ...]:
    """Each part by itself, then what concerns all of them."""
    each = (_candidate({"content": {"parts": [part]}}, {}) for part in parts)
    return (*each, _candidate({**candidate, "content": {}}, body, others))


def _block(candidate: dict[str, Any], parts: Sequence[dict[str, Any]]) -> Thinking | Opaque | None:
    """The parts and fields that only Gemini has, in one block; and a signature of text other than thinking."""
    own = [part for part in parts if part.keys() & {"executableCode", "codeExecutionResult", "inlineData", "fileData"}]
    beside = {name: candidate[name] for name in _BESIDE if candidate.get(name)}
    proof = "".join(_proof(part) for part in parts if "text" in part and part.get("thought") is not True)
    if not own and not beside:
        return Thinking("", proof, "gemini", redacted=True) if proof else None
    own += [{"text": "", "thoughtSignature": proof}] if proof else []
    return Opaque("gemini", ({"parts": own} if own else {}) | ({"candidate": beside} if beside else {}))


def _proof(part: dict[str, Any]) -> str:
    return reading.text(reading.either(part, "thoughtSignature"))


def _call(part: dict[str, Any]) -> ToolCall:
    call = reading.mapping(part.get("functionCall", part.get("function_call")))
    return ToolCall(
        name=reading.text(call.get("name")),
        arguments=reading.arguments(call.get("args", call.get("arguments"))),
        id=reading.identifier(call.get("id")),
        signature=_proof(part),
    )


def _end(candidate: dict[str, Any]) -> tuple[Any, Fault | None]:
    """The finish reason, or a fault: with MALFORMED_FUNCTION_CALL and the like there is no answer."""
    reason = reading.either(candidate, "finishReason")
    if reading.text(reason).lower() in _FAULTS:
        detail = reading.text(reading.either(candidate, "finishMessage"))
        return None, faults.named("server", f"the answer ended with {reason}" + (f": {detail}" if detail else ""))
    return reading.finish(reason), None


def _usage(usage: dict[str, Any]) -> Usage | None:
    """The usage. `promptTokenCount` includes cached tokens; tokens of its own tools and of thoughts are separate."""

    def count(name: str) -> int | None:
        return reading.count(reading.either(usage, f"{name}TokenCount"))

    thoughts = count("thoughts")
    return reading.counted(
        Usage(
            input_tokens=reading.total(count("prompt"), count("toolUsePrompt")),
            output_tokens=reading.total(count("candidates"), thoughts),
            cached_tokens=count("cachedContent"),
            reasoning_tokens=thoughts,
        )
    )
