"""Reads the services' own figures: Redis' hit rate, Ollama's loaded models, MongoDB's memory."""

import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

from samplemind_cli.stack.http import BoundedReader, HttpConnection
from samplemind_cli.stack.services import Port

TIMEOUT = 1.0  # seconds to connect; they are on this machine
WHOLE = 3.0  # seconds for a whole response
LONGEST = 300  # characters of a reason
LARGEST = 8_000_000  # bytes of a response


def insight(port: Port) -> dict[str, Any]:
    """The figures of the service behind a port, which is known by the port inside its container; else empty.

    Redis: hit_rate (0..1, None before the first read), used_memory_bytes, max_memory_bytes (0: none), evicted_keys.
    Ollama: models [{name, size_bytes, gpu_percent}]. MongoDB: cache_bytes, cache_max_bytes, or `{"hint": …}` if its
    driver is not installed. `{"error": …}` if it does not answer.
    """
    if port.target not in READERS or port.protocol != "tcp":
        return {}
    try:
        return READERS[port.target](_address(port))
    except (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        return {"error": str(error)[:LONGEST].partition(". ")[0] or type(error).__name__}  # Redis' refusals are essays


def ollama_version(port: Port) -> str:
    """The version of the Ollama that listens there, or an empty string."""
    try:
        return str(_ollama_json(_address(port), "/api/version")["version"])
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return ""


def listens(port: Port) -> bool:
    """Whether something accepts connections there."""
    try:
        socket.create_connection(_address(port), TIMEOUT).close()
    except OSError:
        return False
    return True


def _address(port: Port) -> tuple[str, int]:
    return port.host.rpartition(":")[0].strip("[]"), port.published


def _redis(address: tuple[str, int]) -> dict[str, Any]:
    info = _redis_info(address)
    hits, misses = int(info["keyspace_hits"]), int(info["keyspace_misses"])
    return {
        "hit_rate": hits / (hits + misses) if hits + misses else None,
        "used_memory_bytes": int(info["used_memory"]),
        "max_memory_bytes": int(info["maxmemory"]),
        "evicted_keys": int(info["evicted_keys"]),
    }


def _redis_info(address: tuple[str, int]) -> dict[str, str]:
    """Redis' INFO (https://redis.io/docs/latest/commands/info/). Raises OSError; ValueError with Redis' own error."""
    with socket.create_connection(address, TIMEOUT) as connection:
        connection.sendall(b"*1\r\n$4\r\nINFO\r\n")
        reader = BoundedReader(connection, LARGEST, WHOLE)
        head = reader.line().decode("utf-8", "replace").strip()
        if not head.startswith("$"):
            raise ValueError(head.lstrip("-")[:LONGEST] or "no answer")
        text = reader.exactly(int(head[1:])).decode("utf-8", "replace")
    return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)


def _ollama(address: tuple[str, int]) -> dict[str, Any]:
    loaded = _ollama_json(address, "/api/ps")["models"] or []
    return {
        "models": [
            {
                "name": model["name"],
                "size_bytes": int(model["size"]),
                "gpu_percent": round(100 * model.get("size_vram", 0) / (model["size"] or 1)),
            }
            for model in loaded
        ]
    }


def _ollama_json(address: tuple[str, int], path: str) -> Any:
    with closing(HttpConnection(socket.create_connection(address, TIMEOUT), LARGEST, WHOLE)) as connection:
        return connection.get(path)[1]


def _mongodb(address: tuple[str, int]) -> dict[str, Any]:
    from samplemind_cli.stack import mongo

    try:
        status = mongo.server_status(address, TIMEOUT, WHOLE)
    except ModuleNotFoundError:
        return {"hint": mongo.INSTALL}
    cache = status.get("wiredTiger", {}).get("cache", {})  # not every server of this protocol has WiredTiger
    names = {"cache_bytes": "bytes currently in the cache", "cache_max_bytes": "maximum bytes configured"}
    return {name: int(cache[key]) for name, key in names.items() if key in cache}


READERS: dict[int, Callable[[tuple[str, int]], dict[str, Any]]] = {6379: _redis, 11434: _ollama, 27017: _mongodb}
