"""Reads the services' log lines from Compose, with their time and level."""

import os
import re
import select
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from samplemind_cli.stack.docker import ANSI, attended, compose_command, every_service, failure, require
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.following import CHECKS, Followed
from samplemind_cli.stack.levels import level_of
from samplemind_cli.stack.sources import Source, Sources, by_name

CHUNK = 1 << 16
PART = 1 << 14  # bytes; the engine stores a longer line in parts, and puts the time before each
# `redis-1  | 2026-11-22T20:40:29.007304447Z the message`
_LINE = re.compile(r"(\S+) *\| (?:(\d{4}-\d\d-\d\dT\S+Z) ?)?(.*)")
_TIME = re.compile(rb"[^|]*\| (\d{4}-\d\d-\d\dT\S+Z )")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a service's log. `time` is RFC 3339 in UTC, `number` the container's number within the service."""

    service: str
    number: int
    time: str
    level: str
    message: str

    @property
    def name(self) -> str:
        """The service, with the container's number from the second on: `worker`, `worker-2`."""
        return self.service if self.number == 1 else f"{self.service}-{self.number}"


class Parser:
    """Parses Compose's lines; an indented line without a level has that of the line before it."""

    def __init__(self, source_of: Callable[[str], Source] = by_name) -> None:
        self._source_of = source_of
        self._last: dict[tuple[str, int], tuple[str, str]] = {}

    def line(self, raw: str) -> LogLine | None:
        """One line, or None if it is Compose's own message."""
        match = _LINE.match(ANSI.sub("", raw).removesuffix("\r"))
        if match is None:
            return None
        prefix, time, message = match.groups()
        source = self._source_of(prefix)
        last_time, last_level = self._last.get(source, ("", "info"))
        level = level_of(message) or (last_level if message[:1].isspace() else "info")
        self._last[source] = (time or last_time, level)
        return LogLine(*source, time or last_time, level, message)


def read(
    stack: Stack,
    services: Sequence[str],
    options: Sequence[str] = (),
    *,
    project: str = "",
    reader: int | None = None,
) -> Iterator[LogLine]:
    """The log lines of `services` (none: of all); `options` are Compose's own. Without --follow they are in time order.

    `project` is the stack's; without it the service is derived from the container's name.
    Raises BrokenPipeError once `reader`, the pipe written to, has been closed at its other end, which a quiet log
    would not notice; StackError; UsageError for an unknown service.
    """
    parser = Parser(Sources(project).find if project else by_name)
    line = None
    if "--follow" in options:
        lines = _followed(stack, services, options, project, parser, reader)
    else:
        every = (line for line in _lines(stack, services, options, parser, reader) if line)
        lines = iter(sorted(every, key=lambda line: line.time))
    for line in lines:
        yield line
    if line is None and services:
        require(services, every_service(stack))


def _followed(  # noqa: PLR0913, PLR0917 - as `read`
    stack: Stack, services: Sequence[str], options: Sequence[str], project: str, parser: Parser, reader: int | None
) -> Iterator[LogLine]:
    """Each line once, as it arrives; Compose is started again if it has missed a container."""
    followed, again = Followed(project, services), list(options)
    while again:
        words, again = again, []
        with closing(_lines(stack, services, words, parser, reader, CHECKS if project else ())) as lines:
            for line in lines:
                if line is None and (again := followed.missed()):
                    break
                if line and followed.is_new((line.service, line.number), line.time, line.message):
                    yield line


def _lines(  # noqa: PLR0913, PLR0917 - as `read`
    stack: Stack, services: Sequence[str], options: Sequence[str], parser: Parser, reader: int | None,
    checks: Sequence[float] = (),
) -> Generator[LogLine | None, None, None]:  # fmt: skip
    """Compose's lines; None whenever one of `checks`, in seconds from now, is due, or at the end if it is sooner."""
    command = compose_command(stack, "logs", "--timestamps", "--no-color", *options, *services)
    with attended(command, stderr=subprocess.PIPE) as child:
        for raw in _raw_lines(child, reader, checks):
            if raw is None:
                yield None
            elif line := parser.line(whole_line(raw).decode("utf-8", "replace")):
                yield line
        if child.wait() != 0 and child.stderr is not None:
            raise failure(child.stderr.read().decode("utf-8", "replace"))


def whole_line(raw: bytes) -> bytes:
    """A line of Compose's without the times that the engine puts between the parts of a long line."""
    match = _TIME.match(raw)
    if match is None or len(raw) <= match.end() + PART:
        return raw
    time, parts, position = match[1], [raw[: match.end() + PART]], match.end() + PART
    while raw.startswith(time, position):
        position += len(time)
        parts.append(raw[position : position + PART])
        position += PART
    return b"".join(parts) + raw[position:]


def _raw_lines(child: "subprocess.Popen[bytes]", reader: int | None, checks: Sequence[float]) -> Iterator[bytes | None]:
    assert child.stdout is not None  # noqa: S101 - attended() makes it a pipe
    source = child.stdout.fileno()
    poll = select.poll()
    poll.register(source, select.POLLIN)
    if reader is not None:
        poll.register(reader, 0)  # reports only that the other end has closed
    rest, began, due = b"", time.monotonic(), [*checks]
    while True:
        ready = dict(poll.poll(1000 * max(began + due[0] - time.monotonic(), 0) if due else None))
        if reader in ready:
            raise BrokenPipeError
        if due and time.monotonic() >= began + due[0]:
            due.pop(0)
            yield None
        if not ready:
            continue
        chunk = os.read(source, CHUNK)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from whole
        if not chunk:
            break
    if rest:
        yield rest
    if due:
        yield None
