"""OpenAI's legacy completions (platform.openai.com/docs/api-reference/completions): a prompt in, text out.

The prompt becomes a user's message, which every provider supports: it is answered, not continued. Several prompts in
one request are refused: their client would wait for the sum of their times.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.openai_chat import answers
from samplemind_cli.formats.openai_chat import fields as chat
from samplemind_cli.formats.openai_chat.answers import error
from samplemind_cli.formats.openai_chat.server import stops, streams
from samplemind_cli.formats.types import Answer, Chunk, Message, Problem, Request

TRANSLATED = frozenset(
    {
        "frequency_penalty",
        "max_tokens",
        "model",
        "presence_penalty",
        "prompt",
        "seed",
        "stop",
        "stream",
        "stream_options",
        "temperature",
        "top_p",
    }
)
CONSTRAINTS = frozenset({"logit_bias", "n"})
HINTS: frozenset[str] = frozenset()
IGNORED = frozenset({"user"})
# Fields that chat completions lack: the text before and after the answer, the best of several, other logprobs.
REFUSED = frozenset({"best_of", "echo", "logprobs", "suffix"})
NEUTRAL: dict[str, tuple[Any, ...]] = {**chat.NEUTRAL, "best_of": (1,), "echo": (False,), "suffix": ("",)}
NEUTRAL["logprobs"] = ()
# Fields that only chat completions have.
FOREIGN = (chat.TRANSLATED | chat.CONSTRAINTS | chat.REFUSED) - TRANSLATED - CONSTRAINTS - REFUSED
FOREIGN -= {"reasoning_effort"}


def read(fields: Fields) -> Request:
    """The request in a completion's body. Raises BadRequestError."""
    for name in (*REFUSED, *FOREIGN):
        if _said(fields, name):
            raise fields.wrong(name, "is not supported in completions; see chat completions", "unsupported_parameter")
    top_p = fields.number("top_p", 0, 1)
    known = TRANSLATED | IGNORED | REFUSED | FOREIGN
    return Request(
        messages=(Message("user", _prompt(fields)),),
        temperature=fields.number("temperature", 0, 2),
        max_tokens=fields.whole("max_tokens"),
        top_p=None if top_p == 1 else top_p,
        stop=stops(fields),
        seed=fields.whole("seed", -(2**63), 2**63 - 1),
        presence_penalty=fields.number("presence_penalty", -2, 2) or None,
        frequency_penalty=fields.number("frequency_penalty", -2, 2) or None,
        extra={name: value for name, value in fields.raw.items() if name not in known and _said(fields, name)},
        unkeyed={name: fields.raw[name] for name in IGNORED if fields.raw.get(name) is not None},
        source="openai_chat",
    )


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A text_completion object; its id contains `number`."""
    del fields
    head = _head(number, f"{answer.provider}/{answer.model}")
    choices = [_choice(n, choice.text, _end(choice)) for n, choice in enumerate((answer, *answer.others))]
    return orjson.dumps({**head, "choices": choices, "usage": answers.usage(answer.usage)})


class TextEvents:
    """The events of one streamed completion."""

    kind = "text/event-stream; charset=utf-8"
    waits = True

    def __init__(self, number: str, model: str, fields: Fields) -> None:
        self._head = _head(number, model)
        self._count = fields.inner("stream_options").get("include_usage", bool) or False
        self._sent: set[int] = set()

    def of(self, chunk: Chunk) -> Iterator[bytes]:
        """The events for a chunk; a cached answer is a single chunk."""
        if chunk.route:
            self._head["model"] = chunk.route.name
        choices = (chunk.answer, *chunk.answer.others) if chunk.answer else ()
        pieces: Iterable[tuple[int, Answer | Chunk]] = ((0, chunk), *chunk.others)
        for n, each in enumerate(choices) if choices and not self._sent else pieces:
            if each.text:
                self._sent.add(n)
                yield self._event(_choice(n, each.text, None))
        for n, choice in enumerate(choices):
            yield self._event(_choice(n, "", _end(choice)))
        if chunk.answer and self._count:
            yield answers.event({**self._head, "choices": [], "usage": answers.usage(chunk.answer.usage)})

    def end(self) -> bytes:
        """The marker at the end of a stream."""
        return answers.DONE

    def failed(self, problem: Problem) -> bytes:
        """An error in place of an event."""
        return answers.event(error(problem))

    def idle(self) -> bytes:
        """A comment of server-sent events."""
        return b": waiting\n\n"

    def _event(self, choice: dict[str, Any]) -> bytes:
        return answers.event({**self._head, "choices": [choice]})


events = TextEvents


def _said(fields: Fields, name: str) -> bool:
    return (value := fields.raw.get(name)) is not None and value not in NEUTRAL.get(name, ())


def _prompt(fields: Fields) -> str:
    """The text, or the only text of a list."""
    given = fields.raw.get("prompt")
    text = given[0] if isinstance(given, list) and len(given) == 1 else given
    if not isinstance(text, str) or not text:
        raise fields.wrong("prompt", "must be one non-empty string; several prompts or token ids are not supported")
    return text


def _head(number: str, model: str) -> dict[str, Any]:
    return {"id": f"cmpl-{number}", "object": "text_completion", "created": int(time.time()), "model": model}


def _choice(n: int, text: str, end: str | None) -> dict[str, Any]:
    return {"text": text, "index": n, "logprobs": None, "finish_reason": end}


def _end(answer: Answer) -> str:
    """The finish reason; there are no tools to call."""
    reason = answer.finish_reason
    return answers.ENDS.get(reason, "stop" if reason == "tool_calls" else reason)


__all__ = ["TextEvents", "error", "events", "read", "streams", "whole"]
