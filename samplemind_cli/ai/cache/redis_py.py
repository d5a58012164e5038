"""redis-py's clients: for a server, a Sentinel's master, or a Cluster; for long-lived processes and administration.

A pool of connections per event loop, hiredis as their parser. Its import takes longer than a short `ask`, which has a
reader of its own (see `resp`) where one server is asked.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, InvalidResponse, RedisClusterException, RedisError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.resp import ProtocolError, Reply, RespError

if TYPE_CHECKING:
    import redis

# All that redis-py raises; the last five where a reply has a type, a length or a depth that its readers do not expect.
ERRORS = (RedisError, RedisClusterException, AttributeError, LookupError, RecursionError, TypeError, ValueError)
CONNECTIONS = 16  # at most, of one event loop: redis-py refuses a call for which no connection is left
SAID = {b"PING": b"PONG"}  # what Redis says where redis-py makes True of it; else OK


class RedisPyConnection:
    """A client as the tier uses it: raw replies by a deadline. A late or invalid reply closes it."""

    def __init__(self, address: Address) -> None:
        self.open = True
        self._client, self._closings = asynchronous(address)
        self._room = asyncio.Semaphore(CONNECTIONS)
        self._until_loop_ends = self._closing_at_its_end()

    async def ask(self, *commands: tuple[bytes, ...], deadline: float) -> list[Reply]:
        """The replies to `commands`, by `deadline` (the loop's clock). Raises OSError, or RespError for a refusal."""
        try:
            async with asyncio.timeout_at(deadline), self._room:
                if not self.open:  # it was closed while this call waited; redis-py would reopen it
                    raise ConnectionResetError("the connection is closed")
                pipeline = self._client.pipeline(transaction=False)
                for name, *arguments in commands:
                    pipeline.execute_command(name.decode(), *arguments)
                replies = await pipeline.execute(raise_on_error=False)
        except (OSError, *ERRORS) as error:
            if self.open:
                await self.close()
            raise _ours(error) from error
        return [_raw(command, reply) for command, reply in zip(commands, replies, strict=True)]

    async def close_with_loop(self) -> None:
        """Close with the event loop, so that users of the library need not close it."""
        await anext(self._until_loop_ends)

    async def close(self) -> None:
        """Close it now."""
        self.open = False
        await self._until_loop_ends.aclose()

    async def _closing_at_its_end(self) -> AsyncGenerator[None, None]:
        """Suspended while the loop runs, which closes its async generators before it closes."""
        try:
            yield
        finally:
            for close in self._closings:
                await close()


def asynchronous(address: Address) -> tuple[Any, list[Callable[[], Awaitable[None]]]]:
    """An asyncio client, and a function that closes it and its connections.

    A failed command is retried once at once: an idle connection may have been closed.
    """
    from redis import asyncio as redis

    # The caller has a deadline. With one of its own, redis-py waits in a way that loses cancellations before 3.12.
    endless = {"socket_timeout": None, "socket_connect_timeout": None}
    options: dict[str, Any] = {**_options(address), **endless, "retry": Retry(NoBackoff(), 1)}
    if address.kind == "cluster":
        from redis.asyncio.cluster import ClusterNode

        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        cluster = redis.RedisCluster(startup_nodes=nodes, **options)
        return cluster, [cluster.aclose, *(node.disconnect for node in nodes)]
    if address.kind == "sentinel":
        from redis.asyncio.sentinel import Sentinel

        watchers = Sentinel(list(address.nodes), sentinel_kwargs={**_of_sentinels(address), **endless}, **options)  # type: ignore[no-untyped-call]
        master = watchers.master_for(address.service, db=address.database)
        return master, [master.aclose, *(watcher.aclose for watcher in watchers.sentinels)]
    client = redis.Redis(**_place(address), db=address.database, **options)
    return client, [client.aclose]


def synchronous(address: Address, timeout: float) -> "redis.Redis | redis.RedisCluster":
    """A client with a timeout of `timeout` seconds per reply."""
    import redis

    limits: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    options = {**_options(address), **limits, "retry": Retry(NoBackoff(), 0)}  # the default takes seconds
    if address.kind == "cluster":
        from redis.cluster import ClusterNode

        nodes = [ClusterNode(host, port) for host, port in address.nodes]  # type: ignore[no-untyped-call]
        return redis.RedisCluster(startup_nodes=nodes, **options)
    if address.kind == "sentinel":
        from redis.sentinel import Sentinel

        watchers = Sentinel(list(address.nodes), sentinel_kwargs={**_of_sentinels(address), **limits}, **options)  # type: ignore[no-untyped-call]
        return watchers.master_for(address.service, db=address.database)  # type: ignore[no-any-return, no-untyped-call]
    return redis.Redis(**_place(address), db=address.database, **options)


def _place(address: Address) -> dict[str, Any]:
    return {"unix_socket_path": address.path} if address.path else {"host": address.host, "port": address.port}


def _options(address: Address) -> dict[str, Any]:
    return {
        "username": address.user or None, "password": address.password or None, "ssl": address.tls, "protocol": 2,
    }  # fmt: skip


def _of_sentinels(address: Address) -> dict[str, Any]:
    return {"password": address.sentinel_password or None, "ssl": address.tls, "protocol": 2}


def _ours(error: Exception) -> Exception:
    """redis-py's error as the tier's own: a refusal, a timeout, or a failed connection."""
    if isinstance(error, AuthenticationError | ResponseError):
        return RespError(str(error))
    if isinstance(error, RedisTimeoutError):
        return TimeoutError("no reply in time")
    if isinstance(error, InvalidResponse):
        return ProtocolError(f"not a Redis reply: {error}")
    if isinstance(error, RedisConnectionError | RedisClusterException):
        cause = error.__cause__ or error.__context__
        return cause if isinstance(cause, OSError) else ConnectionError(str(error))
    return error if isinstance(error, OSError) else RespError(str(error))


def _raw(command: tuple[bytes, ...], reply: Any) -> Reply:
    if isinstance(reply, Exception):
        return RespError(str(reply))
    raw: Reply = SAID.get(command[0], b"OK") if reply is True else reply
    return raw
