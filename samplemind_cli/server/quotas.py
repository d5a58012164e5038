"""A named key's limits per minute, counted in files for all workers and servers of this user."""

import asyncio
import fcntl
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.server.client_keys import ClientKey
from samplemind_cli.server.message import HttpError

MINUTE = 60.0
LOOK = 1.0  # seconds between checks of whether a waiting request may start
_SLOT = struct.Struct("dd")  # when the bucket of requests, and that of tokens, is empty again (unix time)


class Quotas:
    """Leaky buckets: up to a minute's limit at once, then as time passes.

    Tokens are known only at an answer's end: the call that exceeds the limit is answered; later ones are refused.
    """

    def __init__(self, folder: str, now: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._now = now

    def take(self, key: ClientKey) -> None:
        """Count a request. Raises HttpError (429) if the limit per minute is used up."""
        if not key.rpm and not key.tpm:
            return
        now = self._now()
        requests, tokens = self._changed(key, lambda old: self._request(key, old, now))
        if (wait := tokens - now - MINUTE) > 0:
            raise _refused(f"{key.name}: the {key.tpm} tokens per minute are used up", wait)
        if (wait := requests - now - MINUTE) > 0:
            raise _refused(f"{key.name}: the {key.rpm} requests per minute are used up", wait)

    async def turn(self, key: ClientKey, ended: Callable[[], bool]) -> None:
        """Wait until another request is within the limit, and count it; or until `ended`."""
        while not ended():
            try:
                return self.take(key)
            except HttpError as full:
                await asyncio.sleep(min(full.wait or LOOK, LOOK))
        return None

    def spend(self, key: ClientKey, count: int) -> None:
        """Count tokens."""
        if key.tpm and count:
            now = self._now()
            self._changed(key, lambda old: (old[0], max(old[1], now) + count * MINUTE / key.tpm))

    def _request(self, key: ClientKey, old: tuple[float, float], now: float) -> tuple[float, float]:
        """The times after another request; one that is refused for its tokens does not count."""
        if not key.rpm or old[1] - now > MINUTE:
            return old
        return max(old[0], now) + MINUTE / key.rpm, old[1]

    def _changed(
        self, key: ClientKey, change: Callable[[tuple[float, float]], tuple[float, float]]
    ) -> tuple[float, float]:
        """The times after a change, which is stored unless they are over a minute ahead."""
        folder = files.private_folder(self._folder, "quotas")
        file = os.open(Path(folder, key.digest[:32]), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            held = os.pread(file, _SLOT.size, 0)
            old = _SLOT.unpack(held) if len(held) == _SLOT.size else (0.0, 0.0)
            new = change((old[0], old[1]))
            if new[0] == old[0] or new[0] - self._now() <= MINUTE:
                os.pwrite(file, _SLOT.pack(*new), 0)
            return new
        finally:
            os.close(file)


def _refused(why: str, wait: float) -> HttpError:
    return HttpError(429, why, "rate_limit_exceeded", wait=wait)
