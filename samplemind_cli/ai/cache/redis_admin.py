"""Administration of the shared tier through redis-py, whose import takes too long for the tier itself."""

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

from samplemind_cli.ai.cache.address import Address
from samplemind_cli.ai.cache.entry import PREFIX, decode
from samplemind_cli.ai.cache.removal import EVERYTHING, Removal
from samplemind_cli.errors import SamplemindError

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE = 2.0  # seconds for one reply: a person is waiting
PAGE = 1000


def stats(address: Address) -> dict[str, Any]:
    """Our entries in Redis, the server's memory in bytes, and its hit rate (None before the first read)."""
    with _client(address) as client:
        info = client.info()
        hits, misses, memory = (_number(info.get(name)) for name in ("keyspace_hits", "keyspace_misses", "used_memory"))
        return {
            "entries": sum(1 for _ in client.scan_iter(PREFIX + "*", PAGE)),
            "memory": memory,
            "hit_rate": hits / (hits + misses) if hits is not None and misses is not None and hits + misses else None,
        }


def _number(told: Any) -> int | None:
    """A count of INFO's; None for anything else that something that is no Redis may say."""
    return told if isinstance(told, int) and told >= 0 else None


def clear(address: Address, removal: Removal = EVERYTHING) -> int:
    """Remove our entries that are meant, and nothing else; how many went."""
    pattern = f"{PREFIX}{_literal(removal.provider)}:*" if removal.provider else PREFIX + "*"
    gone = 0
    with _client(address) as client:
        for page in _pages(client.scan_iter(pattern, PAGE)):
            names = [name for name in page if _is_meant(client, name, removal)] if removal.reads else page
            gone += client.unlink(*names) if names else 0
    return gone


def _pages(names: "Iterator[bytes]") -> "Iterator[list[bytes]]":
    while page := list(islice(names, PAGE)):
        yield page


def _is_meant(client: Any, name: bytes, removal: Removal) -> bool:
    """Whether an entry is; its envelope is read only where its key says too little."""
    key = name.decode("utf-8", "surrogatepass")
    if removal.keys is not None and key not in removal.keys:
        return False
    entry = decode(client.get(name) or b"", key)
    return entry is not None and removal.takes(entry)


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
