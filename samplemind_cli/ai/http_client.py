"""The door to HTTP: one shared client, one retry loop, and events out of whatever a provider streams."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from samplemind_cli.ai.limits import retry_after
from samplemind_cli.ai.types import Call, Fault, FaultKind
from samplemind_cli.errors import CutStreamError, ProviderError, UsageError

if TYPE_CHECKING:
    import httpx

LOOPBACK = ("127.0.0.1", "::1", "localhost")
KEY_HEADERS = ("authorization", "x-api-key", "x-goog-api-key")
RETRIED = frozenset({408, 409, 429, 529})  # and every 5xx
Reader = Callable[[int, Any], Fault]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long one call may take, in seconds, and how often it is tried. `deadline` is in the event loop's time."""

    connect: float = 5.0
    read: float = 30.0
    write: float = 10.0
    pool: float = 5.0
    attempts: int = 3
    deadline: float | None = None


class UnavailableError(ProviderError):
    """Nobody answered, or what answered was an error; not one word of an answer was heard.

    `fault` is None when no server was reached, `refused` when nothing listened there; `again`: another try may help;
    `wait` is the server's Retry-After in seconds.
    """

    def __init__(  # noqa: PLR0913 - facts of one failure
        self,
        message: str,
        hint: str | None = None,
        *,
        fault: Fault | None = None,
        refused: bool = False,
        again: bool = False,
        wait: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.fault = fault
        self.refused = refused
        self.again = again
        self.wait = wait


_clients: "WeakKeyDictionary[asyncio.AbstractEventLoop, dict[bool, httpx.AsyncClient]]" = WeakKeyDictionary()


def get_http_client() -> "httpx.AsyncClient":
    """The shared HTTP/2 client of this event loop: 100 connections at most, 50 kept alive."""
    return _client(loopback=False)


async def close_http_client() -> None:
    """Close this event loop's connections; the next call opens new ones."""
    for client in _clients.pop(asyncio.get_running_loop(), {}).values():
        await client.aclose()


def _client(*, loopback: bool) -> "httpx.AsyncClient":
    """The client for other machines, or the one for this machine.

    Loopback needs neither HTTP/2 nor certificates, whose imports take longer than a local answer, and no proxy.
    """
    import httpx

    clients = _clients.setdefault(asyncio.get_running_loop(), {})
    if loopback not in clients or clients[loopback].is_closed:
        p = Patience()
        clients[loopback] = httpx.AsyncClient(
            http2=not loopback,
            verify=not loopback,
            trust_env=not loopback,
            limits=httpx.Limits(max_connections=100, max_keepalive_connections=50),
            timeout=httpx.Timeout(connect=p.connect, read=p.read, write=p.write, pool=p.pool),
        )
    return clients[loopback]


async def make_ai_request(url: str, payload: Any, **kwargs: Any) -> Any:
    """POST a JSON payload (None: no body) and return the decoded answer, retrying as the providers' documents allow.

    `headers`, `method`, and the fields of `Patience` (`connect`, `read`, `attempts`, …) may be given. Raises
    ProviderError: what never answered or refused (UnavailableError), or broke off (CutStreamError).
    """
    call = Call(url, payload, kwargs.pop("headers", {}), kwargs.pop("method", "POST"))
    patience = Patience(**kwargs)
    try:
        async with asyncio.timeout_at(patience.deadline):
            answers = [event async for event in events(call, patience)]
    except TimeoutError:
        raise ProviderError(f"{urlsplit(url).netloc.rpartition('@')[2]}: no whole answer before the deadline") from None
    return answers[0] if len(answers) == 1 else answers


async def events(call: Call, patience: Patience, read_fault: Reader | None = None) -> AsyncGenerator[Any, None]:
    """The decoded events of an answer as they come; one event when it was not streamed.

    Retries until the first byte of an answer, never after it. Leaving the iteration closes the connection.
    """
    async with _answer(call, patience, read_fault) as response:
        with _translated(call, patience, begun=True):
            kind = response.headers.get("content-type", "")
            if "event-stream" not in kind and "ndjson" not in kind:
                yield _decoded(await response.aread(), call)
                return
            async for line in _lines(response.aiter_bytes()):
                data = _event_data(line) if "event-stream" in kind else line
                if data == b"[DONE]":
                    return
                if data:
                    yield _decoded(data, call)


@asynccontextmanager
async def _answer(call: Call, patience: Patience, read_fault: Reader | None) -> AsyncIterator["httpx.Response"]:
    """A response whose status is good and whose body has not been read."""

    async def attempt() -> "httpx.Response":
        with _translated(call, patience, begun=False):
            url = urlsplit(call.url)
            client = _client(loopback=url.scheme == "http" and url.hostname in LOOPBACK)
            response = await client.send(_request(client, call, patience), stream=True)
            if response.status_code >= 400:  # noqa: PLR2004 - HTTP
                await _refuse(response, read_fault or _read_fault)
            return response

    response = await _tried(attempt, patience)
    try:
        yield response
    finally:
        await response.aclose()


async def _tried(attempt: "Callable[[], Awaitable[httpx.Response]]", patience: Patience) -> "httpx.Response":
    """Up to `attempts` tries: exponential backoff of 1 to 10 s with jitter, never sooner than Retry-After says.

    A wait that would outlast the deadline is not begun.
    """
    import tenacity

    backoff = tenacity.wait_exponential_jitter(initial=1, max=10)

    def pause(state: tenacity.RetryCallState) -> float:
        return max(backoff(state), _failure(state).wait or 0.0)

    def stop(state: tenacity.RetryCallState) -> bool:
        now = asyncio.get_running_loop().time()
        too_late = patience.deadline is not None and now + pause(state) > patience.deadline
        return too_late or state.attempt_number >= patience.attempts

    def worth_it(error: BaseException) -> bool:
        return isinstance(error, UnavailableError) and error.again

    retrying = tenacity.AsyncRetrying(
        stop=stop,
        wait=pause,
        retry=tenacity.retry_if_exception(worth_it),
        reraise=True,
    )
    return await retrying(attempt)


def _failure(state: Any) -> UnavailableError:
    failure = state.outcome.exception()
    assert isinstance(failure, UnavailableError)  # noqa: S101 - `worth_it` lets nothing else come here
    return failure


def _request(client: "httpx.AsyncClient", call: Call, patience: Patience) -> "httpx.Request":
    import httpx

    timeout = httpx.Timeout(connect=patience.connect, read=patience.read, write=patience.write, pool=patience.pool)
    headers = {"content-type": "application/json", **call.headers}
    body = None if call.json is None else _encoded(call.json)
    return client.build_request(call.method, call.url, content=body, headers=headers, timeout=timeout)


def _encoded(payload: Any) -> bytes:
    import orjson

    try:
        return orjson.dumps(payload)
    except TypeError:  # a lone surrogate, which no UTF-8 document can hold
        return json.dumps(payload, ensure_ascii=False).encode("utf-8", "replace")


async def _refuse(response: "httpx.Response", read_fault: Reader) -> None:
    body = await response.aread()
    status = response.status_code
    await response.aclose()
    try:
        decoded = json.loads(body)
    except ValueError:
        decoded = body.decode("utf-8", "replace")
    fault = read_fault(status, decoded)
    again = (status in RETRIED or status >= 500) and fault.kind not in ("credit", "request")  # noqa: PLR2004 - HTTP
    message = _without_keys(fault.message, response.request.headers)
    raise UnavailableError(message, fault=fault, again=again, wait=retry_after(response.headers))


def _without_keys(message: str, headers: "httpx.Headers") -> str:
    """A provider's words without the key that it may have repeated."""
    for name in KEY_HEADERS:
        if key := headers.get(name, "").removeprefix("Bearer "):
            message = message.replace(key, "…")
    return message


def _read_fault(status: int, body: Any) -> Fault:
    """An error nobody has read more closely: its status, and the words in the usual places."""
    error = body.get("error", body) if isinstance(body, dict) else body
    told = error.get("message", error) if isinstance(error, dict) else error
    kinds: dict[int, FaultKind] = {401: "auth", 402: "credit", 403: "auth", 404: "not_found", 429: "rate"}
    kind = kinds.get(status, "server" if status >= 500 or status in RETRIED else "request")  # noqa: PLR2004 - HTTP
    return Fault(kind, f"HTTP {status}: {str(told)[:500]}")


@contextmanager
def _translated(call: Call, patience: Patience, *, begun: bool) -> Any:
    """What httpx raises, as ours: before the answer has begun UnavailableError, after it CutStreamError."""
    import httpx

    where = urlsplit(call.url).netloc.rpartition("@")[2]
    try:
        yield
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise UsageError(f"{where or 'the base URL'} is no address: {error}", "check the base URL") from error
    except httpx.HTTPError as error:
        if begun:
            raise CutStreamError(f"{where} broke off in the middle of its answer") from error
        connecting = isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout))
        timed_out = isinstance(error, httpx.TimeoutException)
        waited = patience.connect if connecting else patience.read
        why = f"no answer within {waited:g} s" if timed_out else str(error) or type(error).__name__
        fault = None if connecting else Fault("server", why)
        refused = connecting and not timed_out
        raise UnavailableError(f"{where}: {why}", fault=fault, refused=refused, again=connecting) from error


def _decoded(data: bytes, call: Call) -> Any:
    import orjson

    try:
        return orjson.loads(data)
    except ValueError as error:
        raise CutStreamError(f"{urlsplit(call.url).netloc} sent something that is not JSON") from error


async def _lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Lines ended by LF or CR LF alone: U+2028 and its like are text inside JSON, not line ends."""
    rest = b""
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.rstrip(b"\r")
    yield rest


def _event_data(line: bytes) -> bytes:
    """The data of one server-sent line; the providers put each event's JSON on a single line."""
    return line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
