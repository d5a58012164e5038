"""MockServer: runs the mock in a thread, for tests, `bench` and the command."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, Self

from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.exchanges import MockService
from samplemind_cli.mock.request_log import Log, Recorded

BACKLOG = 1024  # a load test opens its connections at once
KEY = "mock"


class MockServer:
    """Fake Ollama, OpenAI, Anthropic and Gemini on one loopback port.

    with MockServer(latency_ms=20, faults=["429:2@1"]) as server: ...

    `port`: 0 picks a free one. `behaviour`: as for `behave`. `tell` is called with each finished request, in the
    server's thread.
    """

    def __init__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tell: Callable[[Recorded], None] | None = None,
        **behaviour: Any,
    ) -> None:
        self._address = _address(host)
        self.port = port
        self._log = Log(tell)
        self._service = MockService(Behaviour().changed(behaviour), self._log)
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._stopping: asyncio.Event

    def start(self) -> Self:
        """Listen; the port is known when this returns. Raises SamplemindError if the address cannot be bound."""
        ready: Future[int] = Future()
        self._thread = threading.Thread(target=asyncio.run, args=(self._serve(ready),), name="mock", daemon=True)
        self._thread.start()
        try:
            self.port = ready.result()
        except OSError as error:
            self._thread.join()
            where, why = f"{self._address}:{self.port}", os.strerror(error.errno or 0)
            raise SamplemindError(f"cannot listen on {where}: {why}", "--port 0 picks a free port") from None
        return self

    def stop(self) -> None:
        """Close every connection, also during an answer, and wait until that is done."""
        if self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        if isinstance(self._address, IPv6Address):
            return f"http://[{'::1' if self._address.is_unspecified else self._address}]:{self.port}"
        return f"http://{'127.0.0.1' if self._address.is_unspecified else self._address}:{self.port}"

    @property
    def exports(self) -> dict[str, str]:
        """The environment variables that point clients, ours and the providers' own, at this server."""
        return {
            "OLLAMA_HOST": self.url,
            "OPENAI_BASE_URL": f"{self.url}/v1",
            "OPENAI_API_KEY": KEY,
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": KEY,
            "GEMINI_BASE_URL": self.url,
            "GEMINI_API_KEY": KEY,
        }

    @property
    def requests(self) -> list[Recorded]:
        """The requests so far, oldest first; `seconds` is None for one in progress."""
        return self._log.records()

    def wait_until(self, condition: Callable[[], bool], seconds: float = 5.0) -> bool:
        """Wait until `condition` is true, such as `lambda: server.requests[0].hung_up`; False after `seconds`."""
        return self._log.wait_until(condition, seconds)

    def behave(self, **changes: Any) -> None:
        """Change settings of `Behaviour` from the next request on; a fault may be text. Raises UsageError."""
        self._service.behaviour = self._service.behaviour.changed(changes)

    def reset(self) -> None:
        """Forget the requests and restore the default behaviour: no delays, no faults, echoes."""
        self._log.clear()
        self._service.behaviour = Behaviour()

    async def _serve(self, ready: Future[int]) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            server = await asyncio.start_server(self._service.accept, str(self._address), self.port, backlog=BACKLOG)
        except (OSError, OverflowError) as error:
            ready.set_exception(error)
            return
        ready.set_result(server.sockets[0].getsockname()[1])
        await self._stopping.wait()
        for _ in range(10):  # let connections that were just accepted reach their handler: `close` would drop them
            await asyncio.sleep(0)
        server.close()  # answers in progress are cancelled when the loop ends


def _address(host: str) -> IPv4Address | IPv6Address:
    try:
        return ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        hint = "127.0.0.1, ::1, 0.0.0.0 or one of this machine's"
        raise UsageError(f"{host!r} is not a valid address to listen on", hint) from None
