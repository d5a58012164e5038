"""The server's log: a line of JSON on stderr for every request and every warning."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from samplemind_cli.escapes import harmless_json
from samplemind_cli.server.client_keys import path_without_keys
from samplemind_cli.server.content import prompt_text
from samplemind_cli.server.message import Incoming, Outcome

LOGGED = tuple(name for name in Outcome.__slots__ if name != "ended")
PAUSE = 0.2  # seconds for which lines are buffered: a system call for each would cost more than the lines


class ServerLog(logging.Handler):
    """Also a handler for the package's loggers. No field holds a key; prompts and answers are logged with `content`.

    `trace` returns the trace ids of the current request.
    """

    def __init__(self, *, content: bool = False) -> None:
        super().__init__()
        self.content = content
        self.trace: Callable[[], dict[str, str]] = dict
        self._loop = asyncio.get_running_loop()
        self._lines: list[bytes] = []

    def request(
        self, incoming: Incoming, status: int, seconds: float, outcome: Outcome, trace: Mapping[str, str]
    ) -> None:
        """Log a request that has ended; `trace` holds its trace ids."""
        facts = {name: value for name in LOGGED if (value := getattr(outcome, name))}
        if incoming.client:
            facts["client"] = incoming.client
        if self.content and (prompt := prompt_text(incoming.body)):
            facts["prompt"] = prompt
        self._write(
            "info",
            "request",
            {
                "request_id": incoming.id,
                "method": incoming.method,
                "path": path_without_keys(incoming.path),
                "status": status,
                "ms": round(seconds * 1000, 2),
                **facts,
                **trace,
            },
        )

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler."""
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        fields = self.trace() | ({"traceback": trace} if trace else {})
        self._loop.call_soon_threadsafe(self._write, record.levelname.lower(), record.getMessage(), fields)

    def flush(self) -> None:
        """Write the buffered lines; a closed stderr is ignored."""
        lines, self._lines = self._lines, []
        if not lines or sys.stderr is None:
            return
        try:
            # A client's text may hold C1 control characters.
            os.write(sys.stderr.fileno(), harmless_json(b"".join(lines)))
        except OSError:
            return

    def _write(self, level: str, message: str, fields: dict[str, Any]) -> None:
        line = {"time": datetime.now(UTC), "level": level, "message": message, **fields}
        if not self._lines:
            self._loop.call_later(PAUSE, self.flush)
        self._lines.append(orjson.dumps(line, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE, default=str))
