"""A lock for each address on which a `serve` of this user listens; another user's server does not hold it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplemind_cli import files

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@contextmanager
def hold(state_dir: str, host: str, port: int) -> Iterator[None]:
    """Hold the lock in the block and in processes forked there; without it if the folder is not writable."""
    lock = None
    with suppress(OSError):
        path = Path(files.private_folder(state_dir, "serve"), f"{host}-{port}")
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if lock is not None:
            files.remove(str(path))
            os.close(lock)


def is_held(state_dir: str, host: str, port: int) -> bool:
    """Whether a `serve` of this user listens on that address, or on all addresses of the machine."""
    folder = Path(state_dir, "serve")
    try:
        return files.is_private(str(folder)) and any(_is_locked(folder / f"{h}-{port}") for h in (host, EVERYWHERE))
    except OSError:
        return False


def _is_locked(path: Path) -> bool:
    try:
        lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(lock)
    return False
