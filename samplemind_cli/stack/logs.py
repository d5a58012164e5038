"""The services' log lines: read from Compose, with their time and level."""

import json
import os
import re
import select
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from samplemind_cli.stack.docker import attended, compose_command, every_service, failure, require
from samplemind_cli.stack.files import Stack

LEVELS = ("debug", "info", "warning", "error", "fatal")
CHUNK = 1 << 16

# Colours of the services' own, and the erase sequence with which Compose 2.26 begins every line.
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r$")
# `redis-1  | 2026-11-22T20:40:29.007304447Z the message`
_LINE = re.compile(r"(\S+?)(?:-(\d+))? *\| (?:(\d{4}-\d\d-\d\dT\S+Z) ?)?(.*)")
_WORDS = {
    **dict.fromkeys(("trace", "debug", "verbose", "d1", "d2", "d3", "d4", "d5", ".", "-"), "debug"),
    **dict.fromkeys(("info", "information", "notice", "i", "*"), "info"),
    **dict.fromkeys(("warn", "warning", "w", "#"), "warning"),
    **dict.fromkeys(("error", "err", "e"), "error"),
    **dict.fromkeys(("fatal", "critical", "panic", "emerg", "alert", "f"), "fatal"),
}
_NAMED = "trace|debug|info|notice|warn|warning|error|fatal|critical|panic"
_SAID = re.compile(
    rf"\blevel=\"?(\w+)|\[({_NAMED})\]|^\W*({_NAMED})\b:|\b({_NAMED.upper()})\b"
    r"|^\d+:[XCSM] .{20,30} ([.*#-]) ",  # Redis: role, date, then a sign for the level
)
_STATUS = re.compile(r"\| (\d{3}) \|")  # Ollama's request log
_RAISED = re.compile(r"Traceback \(most recent|[\w.]+(?:Error|Exception)\b")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a service's log. `time` is RFC 3339 in UTC, `number` the container's among the service's."""

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
    """Reads Compose's lines; a line that names no level and is indented goes on with the one before it."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, int], tuple[str, str]] = {}

    def line(self, raw: str) -> Line | None:
        """One line, or None when it is Compose's own talk."""
        found = _LINE.match(_ANSI.sub("", raw))
        if found is None:
            return None
        service, number, time, message = found.groups()
        source = (service, int(number or 1))
        last_time, last_level = self._last.get(source, ("", "info"))
        level = level_of(message) or (last_level if message[:1].isspace() else "info")
        self._last[source] = (time or last_time, level)
        return Line(*source, time or last_time, level, message)


def level_of(message: str) -> str:
    """One of LEVELS, from JSON, logfmt, Redis' signs, a request's status or a level's name; empty when it says none."""
    if message.startswith("{"):
        return _level_in_json(message)
    if found := _SAID.search(message[:160]):
        return _WORDS.get(found[found.lastindex or 0].lower(), "")
    if found := _STATUS.search(message[:80]):
        return {"4": "warning", "5": "error"}.get(found[1][0], "info")
    return "error" if _RAISED.match(message) else ""


def _level_in_json(message: str) -> str:
    """`level` and its synonyms; MongoDB's is `s` (https://www.mongodb.com/docs/manual/reference/log-messages/)."""
    try:
        told: Any = json.loads(message)
    except ValueError:
        return ""
    names = (told.get(key) for key in ("level", "severity", "lvl", "s"))
    return next((_WORDS.get(name.lower(), "") for name in names if isinstance(name, str)), "")


def read(
    stack: Stack,
    services: Sequence[str],
    options: Sequence[str] = (),
    *,
    follow: bool = False,
    reader: int | None = None,
) -> Iterator[Line]:
    """The log lines of `services` (none: of all), sorted by time unless followed; `options` are Compose's own.

    Ends when `reader`, the descriptor written to, has nobody at its other end: a quiet log would not notice.
    Raises StackError, UsageError for an unknown service.
    """
    how = ["--follow"] if follow else []
    command = compose_command(stack, "logs", "--timestamps", "--no-color", *how, *options, *services)
    parser = Parser()
    line = None
    with attended(command, stderr=subprocess.PIPE) as child:
        lines = (line for raw in _raw_lines(child, reader) if (line := parser.line(raw)))
        for line in lines if follow else sorted(lines, key=lambda line: line.time):
            yield line
        if child.wait() != 0 and child.stderr is not None:
            raise failure(child.stderr.read().decode("utf-8", "replace"))
    if line is None and services:
        require(services, every_service(stack))


def _raw_lines(child: "subprocess.Popen[bytes]", reader: int | None) -> Iterator[str]:
    assert child.stdout is not None  # noqa: S101 - attended() makes it a pipe
    source = child.stdout.fileno()
    poll = select.poll()
    poll.register(source, select.POLLIN)
    if reader is not None:
        poll.register(reader, 0)  # only ever reports that the other end is gone
    rest = b""
    while True:
        ready = dict(poll.poll())
        if reader in ready:
            raise BrokenPipeError
        chunk = os.read(source, CHUNK)
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in whole)
        if not chunk:
            break
    if rest:
        yield rest.decode("utf-8", "replace")
