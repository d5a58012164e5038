"""Records every request of a provider's API, with its keys masked."""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from samplemind_cli.mock.http1 import HttpRequest

KEPT = 10_000  # the newest, so that a load test does not fill the memory
MASK = "***"
SECRET_HEADERS = frozenset({"authorization", "x-api-key", "x-goog-api-key", "cookie", "proxy-authorization"})
SECRET_QUERY = re.compile(r"(?<=[?&]key=)[^&]*")


@dataclass
class Recorded:
    """One request and its outcome. `time`: in unix seconds; `status`: 0 until a response is sent.

    `body`: the parsed JSON, or None; `hung_up`: the client disconnected before the response was complete.
    """

    provider: str
    method: str
    path: str
    headers: dict[str, str]
    body: Any
    time: float = field(default_factory=time.time)
    status: int = 0
    fault: str = ""
    hung_up: bool = False
    seconds: float | None = None  # None while it is being answered

    def as_json(self) -> dict[str, Any]:
        """The record in JSON output."""
        return asdict(self)


class Log:
    """The records of one server, readable from any thread while it serves."""

    def __init__(self, tell: Callable[[Recorded], None] | None = None) -> None:
        self._records: deque[Recorded] = deque(maxlen=KEPT)
        self._changed = threading.Condition()
        self._tell = tell
        self.total = 0

    def opened(self, request: HttpRequest, provider: str) -> Recorded:
        """Add a record for a request."""
        try:
            body = request.json
        except ValueError:
            body = None
        headers = {name: MASK if name in SECRET_HEADERS else value for name, value in request.headers.items()}
        record = Recorded(provider, request.method, SECRET_QUERY.sub(MASK, request.target), headers, body)
        with self._changed:
            self._records.append(record)
            self.total += 1
            self._changed.notify_all()
        return record

    def closed(self, record: Recorded) -> None:
        """Mark a record's request as finished."""
        with self._changed:
            record.seconds = time.time() - record.time
            self._changed.notify_all()
        if self._tell:
            self._tell(record)

    def records(self) -> list[Recorded]:
        """The records, oldest first."""
        with self._changed:
            return list(self._records)

    def clear(self) -> None:
        """Forget everything."""
        with self._changed:
            self._records.clear()
            self.total = 0

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until `condition` is true; False after `seconds`."""
        with self._changed:
            return self._changed.wait_for(condition, seconds)
