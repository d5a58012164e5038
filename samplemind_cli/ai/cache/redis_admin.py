"""Administration of the shared tier through redis-py, whose import takes too long for the tier itself."""

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.entry import PREFIX
from samplemind_cli.errors import SamplemindError

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 2.0  # seconds for one reply: a person is waiting
PAGE = 1000


def stats(address: Address) -> dict[str, Any]:
    """Our entries in Redis, the server's memory in bytes, and its hit rate (None before the first read)."""
    with _client(address) as client:
        info = client.info()
        hits, misses = info.get("keyspace_hits", 0), info.get("keyspace_misses", 0)
        return {
            "entries": sum(1 for _ in client.scan_iter(PREFIX + "*", PAGE)),
            "memory": info.get("used_memory"),
            "hit_rate": hits / (hits + misses) if hits + misses else None,
        }


def clear(address: Address, provider: str | None = None) -> int:
    """Remove our entries, or one provider's, and nothing else; returns how many."""
    pattern = f"{PREFIX}{_literal(provider)}:*" if provider is not None else PREFIX + "*"
    gone = 0
    with _client(address) as client:
        page: list[bytes] = []
        for name in client.scan_iter(pattern, PAGE):
            page.append(name)
            if len(page) == PAGE:
                gone += client.unlink(*page)
                page.clear()
        return gone + (client.unlink(*page) if page else 0)


def keys(address: Address, beginning: str) -> list[str]:
    """Our keys that begin with `beginning`, or whose fingerprint does."""
    pattern = _literal(beginning) if beginning.startswith(PREFIX) else f"{PREFIX}*:{_literal(beginning)}"
    with _client(address) as client:
        return [name.decode("utf-8", "surrogatepass") for name in client.scan_iter(pattern + "*", PAGE)]


def read(address: Address, key: str) -> bytes | None:
    """The envelope of a key."""
    with _client(address) as client:
        found = client.get(key.encode("utf-8", "surrogatepass"))
        return found if isinstance(found, bytes) else None


@contextmanager
def _client(address: Address) -> "Iterator[Any]":
    """A client with a short timeout. Raises SamplemindError for everything that redis-py raises."""
    from samplemind_cli.ai.cache.redis_py import ERRORS, synchronous

    client: Any = None
    try:
        client = synchronous(address, PATIENCE)  # a Cluster is asked for its nodes at once
        yield client
    except (OSError, *ERRORS) as error:
        raise SamplemindError(
            f"cannot query Redis at {address}: {error}", "samplemind up, or unset SAMPLEMIND_REDIS_URL"
        ) from error
    finally:
        if client is not None:
            client.close()


def _literal(text: str) -> str:
    """`text` with the characters that a glob gives a meaning escaped."""
    return "".join(f"\\{letter}" if letter in "*?[]^-\\" else letter for letter in text)
