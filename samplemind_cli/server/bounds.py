"""What one worker takes at once, and how long it waits for a client."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Bytes of a head, of a body, of all bodies; connections, requests at work and in line; times in seconds."""

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
    unread_time: float = 30.0  # that may pass while a client does not read what was sent
    linger_time: float = 3.0  # a refused client's further bytes are read that long: a reset would overtake the answer
    sweep_time: float = 0.5  # between checks for connections that are overdue


@dataclass(slots=True)
class ByteBudget:
    """The bytes of request bodies that all connections of a worker hold together."""

    limit: int
    held: int = 0


class Share:
    """One connection's part of a budget: what it took is given back once, whatever becomes of the connection."""

    def __init__(self, budget: ByteBudget) -> None:
        self._budget = budget
        self._held = 0

    def take(self, size: int) -> bool:
        """Count `size` bytes in; whether all connections together are within the limit."""
        self._held += size
        self._budget.held += size
        return self._budget.held <= self._budget.limit

    def give_back(self, size: int) -> None:
        """A body is no longer held; nothing once the share is closed."""
        size = min(size, self._held)
        self._held -= size
        self._budget.held -= size

    def close(self) -> None:
        """Give everything back: the connection is gone."""
        self.give_back(self._held)
