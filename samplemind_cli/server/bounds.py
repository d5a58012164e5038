"""The limits of one worker: sizes, connections, concurrency, and how long it waits for a client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bytes of a head, of a body, of all bodies; connections, running and queued requests; times in seconds."""

    head: int = 16 * 1024
    body: int = 16 * 1024 * 1024
    bodies: int = 128 * 1024 * 1024
    connections: int = 4096
    working: int = 256
    waiting: int = 1024
    ahead: int = 256  # requests that one client may send before the answer to its first
    idle_time: float = 75.0  # between requests
    head_time: float = 10.0  # for a head to arrive
    body_time: float = 60.0  # for a body to arrive
    unread_time: float = 30.0  # for a client that does not read what was sent
    linger_time: float = 3.0  # reading on from a refused client: a reset would overtake the response
    sweep_time: float = 0.5  # between checks for overdue connections


@dataclass(slots=True)
class ByteBudget:
    """The bytes of request bodies that all connections of a worker hold together."""

    limit: int
    held: int = 0


class Share:
    """One connection's part of a budget: what it took is returned exactly once, however the connection ends."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> bool:
        """Count `size` more bytes; returns whether all connections together are within the limit."""
        self._held += size
        self._budget.held += size
        return self._budget.held <= self._budget.limit

    def give_back(self, size: int) -> None:
        """Release a body; does nothing once the share is closed."""
        size = min(size, self._held)
        self._held -= size
        self._budget.held -= size

    def close(self) -> None:
        """Release everything: the connection has ended."""
        self.give_back(self._held)
