"""Writes answers for Gemini's clients: a whole response, or a stream of them."""

from collections.abc import Iterator, Sequence
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.assembly import Assembly
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import logprobs
from samplemind_cli.formats.gemini.config import CONFIG, EXTRA
from samplemind_cli.formats.gemini.fields import GENERATE, named
from samplemind_cli.formats.types import (
    ATTACHMENTS,
    NO_TOKENS,
    Answer,
    Chunk,
    Finish,
    Format,
    Opaque,
    Part,
    Problem,
    Text,
    Thinking,
    ToolCall,
    Usage,
)

ENDS: dict[Finish, str] = {
    "stop": "STOP",
    "tool_calls": "STOP",
    "length": "MAX_TOKENS",
    "refusal": "PROHIBITED_CONTENT",
    "filtered": "SAFETY",
    "unknown": "OTHER",
}
# google.rpc.Code by HTTP status.
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    504: "DEADLINE_EXCEEDED",
}
# This format's names for our fields.
PARAMS = dict.fromkeys(ATTACHMENTS, "contents")
PARAMS |= {ours: f"generationConfig.{theirs}" for ours, theirs in (CONFIG | EXTRA).items()}
PARAMS |= {"schema": "generationConfig.responseJsonSchema", "tool_choice": "toolConfig.functionCallingConfig"}
PARAMS |= dict.fromkeys(("effort", "thinking_budget"), "generationConfig.thinkingConfig")
PARAMS[NO_TOKENS] = "generationConfig.maxOutputTokens"
_RPC = "type.googleapis.com/google.rpc"
_EMPTY: dict[str, Any] = {"text": ""}  # clients read the first part


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A GenerateContentResponse; `number` is its id."""
    thoughts = _shows_thoughts(fields)
    candidates = [
        _candidate(n, one.parts, thoughts=thoughts)
        | {"finishReason": ENDS[one.finish_reason]}
        | _logprobs(one.logprobs)
        for n, one in enumerate((answer, *answer.others))
    ]
    body = {"candidates": candidates, **_counted(answer.usage), "modelVersion": f"{answer.provider}/{answer.model}"}
    return reading.packed({**body, "responseId": number})


class Events:
    """The responses of one stream, server-sent events or items of one array; Gemini's own are passed on unchanged."""

    waits = True

    def __init__(self, number: str, model: str, *, sse: bool, thoughts: bool) -> None:
        self.kind = "text/event-stream" if sse else "application/json"
        self._tail = {"modelVersion": model, "responseId": number}
        self._sse = sse
        self._thoughts = thoughts
        self._begun = False
        self._origin: Format = _origin(model)
        self._choices: dict[int, Assembly] = {}
        self._ended = False  # by the provider's own responses

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The responses for a chunk; one for a cached answer."""
        if chunk.route:  # pings were sent before the route was known
            self._tail["modelVersion"] = route = chunk.route.name
            self._origin = _origin(route)
        if (events := chunk.native_events("gemini")) is not None:
            for each in events:
                yield self._passed(each)
            return
        if chunk.answer and self._ended:
            return
        if chunk.answer and not self._choices:
            yield self._event(self._ends(chunk.answer, cached=True), chunk.answer.usage)
            return
        every = [self._written(n, each) for n, each in ((0, chunk), *chunk.others)]
        if candidates := [candidate for candidate in every if candidate]:
            yield self._event(candidates, chunk.usage)
        if chunk.answer:
            yield self._event(self._ends(chunk.answer, cached=False), chunk.answer.usage)

    def end(self) -> bytes:
        """Empty, or the array's end."""
        return b"" if self._sse else b"\n]" if self._begun else b"[]"

    def failed(self, problem: Problem) -> bytes:
        """An error after the first response; the array ends with it."""
        last = self._framed(error(problem))
        return last if self._sse else last + b"\n]"

    def idle(self) -> bytes:
        """A response without text: for the official clients a comment is broken JSON."""
        return self._event([_candidate(0, ())]) if self._sse else b"\n"

    def _passed(self, native: dict[str, Any]) -> bytes:
        self._choices.setdefault(0, Assembly(self._origin))
        self._ended = self._ended or any(one.get("finishReason") for one in native.get("candidates", ()))
        return self._framed(native)

    def _written(self, n: int, chunk: Chunk) -> dict[str, Any] | None:
        assembly = self._choices.setdefault(n, Assembly(self._origin))
        parts = [part for part in assembly.of(chunk) if self._thoughts or not _is_thought(part)]
        if not parts and not chunk.logprobs:
            return None
        return _candidate(n, parts) | _logprobs(chunk.logprobs)

    def _ends(self, answer: Answer, *, cached: bool) -> list[dict[str, Any]]:
        """The end of each candidate; its whole content if nothing was sent before."""
        candidates = []
        for n, one in enumerate((answer, *answer.others)):
            assembly = self._choices.get(n)
            parts = one.parts if cached or assembly is None else tuple(assembly.rest())
            more = _logprobs(one.logprobs) if cached or assembly is None else {}
            end = {"finishReason": ENDS[one.finish_reason]}
            candidates.append(_candidate(n, parts, thoughts=self._thoughts) | end | more)
        return candidates

    def _event(self, candidates: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        return self._framed({"candidates": candidates, **_counted(usage or Usage()), **self._tail})

    def _framed(self, body: dict[str, Any]) -> bytes:
        first, self._begun = not self._begun, True
        if self._sse:
            return b"data: " + reading.packed(body) + b"\r\n\r\n"
        return (b"[" if first else b",\n") + reading.packed(body)


def events(number: str, model: str, fields: Fields) -> Events:
    """The writer of a streamed answer; without `alt=sse` it is one array."""
    return Events(number, model, sse=fields.raw.get("alt") == "sse", thoughts=_shows_thoughts(fields))


_SPENT = ("insufficient_quota", "billing_error")


def error(problem: Problem) -> dict[str, Any]:
    """google.rpc.Status as JSON; its details have the wait before a retry, and the invalid field.

    A provider's own is passed on unchanged, without an array around it.
    """
    native = problem.provider_body
    native = native[0] if isinstance(native, list) and native else native
    if reading.mapping(native).get("error"):
        return dict(native)
    code = problem.status
    name = STATUS.get(code, "INVALID_ARGUMENT" if code < 500 else "UNAVAILABLE")  # noqa: PLR2004 - HTTP
    status: dict[str, Any] = {"code": code, "message": problem.message, "status": name}
    details: list[dict[str, Any]] = []
    if problem.param:
        violation = {"field": PARAMS.get(problem.param, problem.param), "description": problem.message}
        details.append({"@type": f"{_RPC}.BadRequest", "fieldViolations": [violation]})
    if problem.wait is not None:
        details.append({"@type": f"{_RPC}.RetryInfo", "retryDelay": f"{problem.wait:g}s"})
    if problem.kind == "quota" or problem.code in _SPENT:
        quota = {"quotaId": "RequestsPerDay", "subject": "provider"}  # clients do not retry a daily quota
        details.append({"@type": f"{_RPC}.QuotaFailure", "violations": [quota]})
    return {"error": status | ({"details": details} if details else {})}


def _origin(route: str) -> Format:
    return "gemini" if route.startswith("gemini/") else ""


def _shows_thoughts(fields: Fields) -> bool:
    config = reading.mapping(named(fields.raw, GENERATE).get("generationConfig"))
    return reading.mapping(config.get("thinkingConfig")).get("includeThoughts") is True


def _is_thought(part: Part) -> bool:
    return isinstance(part, Thinking) and not part.redacted


def _candidate(n: int, parts: Sequence[Part], *, thoughts: bool = True) -> dict[str, Any]:
    written = [each for part in parts if thoughts or not _is_thought(part) for each in _parts(part)]
    beside = [part.value["candidate"] for part in parts if isinstance(part, Opaque) and "candidate" in part.value]
    candidate: dict[str, Any] = {"content": {"parts": written or [_EMPTY], "role": "model"}, "index": n}
    for more in beside:
        candidate |= more
    return candidate


def _parts(part: Part) -> Iterator[dict[str, Any]]:
    match part:
        case Text():
            yield {"text": part.text}
        case Thinking():
            # Gemini would refuse a signature of another origin.
            signed = {"thoughtSignature": part.signature} if part.signature and part.origin == "gemini" else {}
            if part.redacted and signed:
                yield {"text": "", **signed}
            elif part.text or signed:
                yield {"text": part.text, "thought": True, **signed}
        case ToolCall():
            call = {"name": part.name, "args": reading.given_arguments(part), **({"id": part.id} if part.id else {})}
            yield {"functionCall": call, **({"thoughtSignature": part.signature} if part.signature else {})}
        case Opaque(origin="gemini"):
            yield from part.value.get("parts", ())


def _counted(usage: Usage) -> dict[str, Any]:
    """The usage, as far as the provider counted tokens."""
    output, thought = usage.output_tokens, usage.reasoning_tokens
    counts = {
        "promptTokenCount": usage.input_tokens,
        "cachedContentTokenCount": usage.cached_tokens,
        "candidatesTokenCount": None if output is None else max(0, output - (thought or 0)),
        "thoughtsTokenCount": thought,
        "totalTokenCount": reading.total(usage.input_tokens, output),
    }
    known = {name: count for name, count in counts.items() if count is not None}
    return {"usageMetadata": known} if known else {}


def _logprobs(found: Sequence[Any]) -> dict[str, Any]:
    return {"logprobsResult": logprobs.written(found)} if found else {}
