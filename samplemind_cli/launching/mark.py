"""A lock that says which address of this machine a `serve` of this user has; whoever else answers there has none."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplemind_cli import files

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound


@contextmanager
def held(state_dir: str, host: str, port: int) -> Iterator[None]:
    """Within it, and in the processes forked in it, the address is marked; where there is no room, it is not."""
    mark = None
    with suppress(OSError):
        path = Path(files.private_folder(state_dir, "serve"), _name(host, port))
        mark = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if mark is not None:
            files.remove(str(path))
            os.close(mark)


def is_held(state_dir: str, host: str, port: int) -> bool:
    """Whether a `serve` of this user listens on that address, or on all of the machine."""
    folder = Path(state_dir, "serve")
    try:
        return files.is_private(str(folder)) and any(_locked(folder / _name(h, port)) for h in (host, EVERYWHERE))
    except OSError:
        return False


def _locked(path: Path) -> bool:
    try:
        mark = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(mark, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(mark)
    return False


def _name(host: str, port: int) -> str:
    return f"{host}-{port}"
