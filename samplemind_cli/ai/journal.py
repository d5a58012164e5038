"""The ledger's record of each request: who asked, who answered, latency and usage; never a key."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

from samplemind_cli import spool
from samplemind_cli.ai import json_text, reasons
from samplemind_cli.ai.attempt import Attempt
from samplemind_cli.ai.types import Answer, Chunk, Embeddings, Endpoint, Options, Request, Route, Usage
from samplemind_cli.ai.why import Questions
from samplemind_cli.settings import Settings

Record = dict[str, Any]
COUNTS = ("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cache_write_tokens")
LONGEST = 1_000_000  # characters of a prompt or an answer that are recorded
SEEN = 0.0001  # seconds
FOUND_OUT = "found_out"  # in a record: what is found out when its line is written, as it takes a moment


@dataclass(slots=True)
class JournalEntry:
    """The record of one request in progress: who answers, when it began, and how it ended."""

    request: Request
    options: Options
    started: float
    route: Route | None = None
    attempt: Attempt | None = None
    handed_over: float = 0.0
    passed: tuple[Route, ...] = ()
    begun: bool = False
    first: float | None = None
    held: float = 0.0
    answer: Answer | None = None
    error: str = ""

    @classmethod
    def of(cls, request: Request, options: Options) -> Self:
        """That of a request which comes in now; its time begins where it got into line."""
        waited = options.origin.waited
        return cls(request, options, time.perf_counter() - waited, held=waited)

    @property
    def answering(self) -> Route:
        """The current route."""
        if self.route is None:
            raise AssertionError
        return self.route

    def signed(self, chunk: Chunk) -> Chunk:
        """The outgoing chunk: the first gets the route, the last the latency and the routes passed over."""
        if not self.begun:
            self.begun = True
            self.first = time.perf_counter() - self.started
            self.held += chunk.held
            chunk = replace(chunk, route=self._route(chunk))
        if chunk.answer is None:
            return chunk
        latency = (time.perf_counter() - self.started) * 1000
        self.answer = replace(chunk.answer, latency_ms=latency, passed=self.passed)
        return replace(chunk, answer=self.answer)

    def vectors(self, found: Embeddings) -> None:
        """Vectors came, which have a cost and no words."""
        self.answer = Answer(
            parts=(),
            provider=found.provider,
            model=found.model,
            key="",
            finish_reason="stop",
            usage=Usage(found.tokens, 0),
            cached=found.cached,
        )

    def _route(self, first: Chunk) -> Route:
        """The route, with the fields dropped for its model."""
        left_out = first.answer.dropped if first.answer else first.dropped
        route = self.answering
        return replace(route, dropped=tuple(sorted({*route.dropped, *left_out}))) if left_out else route

    def record(self, questions: Questions | None = None) -> Record:
        """What its line is made of. `questions`: those that were stored, to find out later why this one was new."""
        route, origin, answer = self.route, self.options.origin, self.answer
        record: Record = {
            "id": os.urandom(8).hex(),
            "at": time.time(),
            "command": origin.command,
            "client": origin.client,
            "session": origin.session,
            "agent": origin.agent,
            "format": self.request.source,
            "task": self.options.task if self.request.messages else "embedding",
            "provider": route.provider if route else "",
            "model": route.endpoint.model if route else self.options.model,
            "passed": [[other.provider, other.skipped] for other in self.passed if other.outcome != "untried"],
            "ms": round((time.perf_counter() - self.started) * 1000, 3),
            "first_ms": None if self.first is None else round(self.first * 1000, 3),
            "held_ms": round(self.held * 1000, 3),
            "error": self.error,
            **self._spent(),
        }
        if answer:
            record |= {name: getattr(answer.usage, name) for name in COUNTS}
            record |= {"tier": answer.cached or "miss", "finish": answer.finish_reason, "key": answer.key}
        if answer and not answer.cached and questions and self.attempt:
            record |= self._missed(questions, self.attempt)
        if self.options.keep_content:
            said = _answered(answer) if answer else ""
            record |= {"prompt": words(self.request), "answer": said, "system": system(self.request)}
        return {name: value for name, value in record.items() if value not in ("", None, [])}

    def _spent(self) -> Record:
        """What else the time went into, where it is enough to be seen."""
        if self.attempt is None:
            return {}
        spent = self.attempt.patience.spent
        passed = self.handed_over if any(other.outcome != "untried" for other in self.passed) else 0.0
        times = {"passed_ms": passed, "tries_ms": spent.tries, "connect_ms": spent.connect}
        return {name: round(seconds * 1000, 3) for name, seconds in times.items() if seconds > SEEN}

    def _missed(self, questions: Questions, attempt: Attempt) -> Record:
        if self.options.cache != "use":
            return {"why": f"the cache was not asked: {self.options.cache}"}
        began = time.time() - (time.perf_counter() - self.started)
        return {FOUND_OUT: partial(questions.of_miss, attempt.parts, began)}


@contextmanager
def recorded(entry: JournalEntry, record: Callable[[Record], None], questions: Questions) -> Iterator[None]:
    """Record a request when it has ended, however it ends."""
    try:
        yield
    except BaseException as error:
        entry.error = reasons.kind(error)
        raise
    finally:
        record(entry.record(questions))


def words(request: Request) -> str:
    """The last words of the user, as a log shows them."""
    spoken = [message.text for message in request.messages if message.role == "user"]
    return spoken[-1][:LONGEST] if spoken else ""


def system(request: Request) -> str:
    """The instructions above the conversation."""
    return "\n\n".join(m.text for m in request.messages if m.role == "system")[:LONGEST]


def _answered(answer: Answer) -> str:
    calls = (f"{call.name}({call.arguments})" for call in answer.tool_calls)
    return "\n".join(filter(None, (answer.text, *calls)))[:LONGEST]


class Journal:
    """Writes records immediately; a failure is reported once through `warn`, and never fails a request."""

    def __init__(self, settings: Settings, warn: Callable[[str], None]) -> None:
        self._folder = spool.folder(settings.state_dir) if settings.state_dir and settings.history != "off" else ""
        self._warn = warn
        self._ill = False

    def add(self, record: Record) -> None:
        """Write one record."""
        self.add_lines(line(record))

    def add_lines(self, lines: bytes) -> None:
        """Write whole lines."""
        if not self._folder or not lines:
            return
        try:
            spool.append(self._folder, lines)
        except OSError as error:
            if not self._ill:
                self._ill = True
                self._warn(f"calls are not recorded: {self._folder}: {error.strerror or error}")


def line(record: Record) -> bytes:
    """A record as the ledger takes it in; what it leaves to be found out is found out now."""
    if FOUND_OUT in record:
        record = {**record, **record[FOUND_OUT]()}
        del record[FOUND_OUT]
    return json_text.dumps(record) + b"\n"


def repetition(request: Request, options: Options, answer: Answer) -> bytes:
    """The record of a repeated answer, without id, time, latency and the opening brace."""
    route = Route(answer.provider, Endpoint("", answer.model))
    entry = JournalEntry(request, options, time.perf_counter(), route, answer=replace(answer, cached="local"))
    record = {name: value for name, value in entry.record().items() if name not in ("id", "at", "ms")}
    return line(record).removeprefix(b"{").rstrip(b"\n")


def repeated(settings: Settings, request: Request, options: Options, answer: Answer) -> bytes:
    """What the hot path records of each repetition: the ledger's folder, and the repetition."""
    if settings.history == "off" or not settings.state_dir:
        return b""
    unplaced = replace(options, origin=replace(options.origin, session=""))  # each repetition has its own terminal
    return os.fsencode(spool.folder(settings.state_dir)) + b"\n" + repetition(request, unplaced, answer)


def times(count: int, repeated: bytes) -> bytes:
    """The line of an answer that was repeated `count` times."""
    return b'{"id":"%s","at":%r,"ms":0.1,"times":%d,%s\n' % (os.urandom(8).hex().encode(), time.time(), count, repeated)
