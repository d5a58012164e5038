"""The ledger's spool: each process appends a line of JSON for each call, and the ledger takes them in later.

Imports nothing slow, as the repeated `ask` is recorded here too.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "spool.jsonl"
TAKEN = ".taken"  # the ending of a spool that is being taken in
_TRIES = 100


def folder(state_dir: str) -> str:
    """The ledger's folder in the state folder."""
    return os.path.join(state_dir, "ledger")


def terminal() -> str:
    """The terminal's device name; without a terminal, the parent process's number."""
    for file in (0, 2, 1):
        try:
            return os.ttyname(file)
        except OSError:
            continue
    return f"process {os.getppid()}"


def append(directory: str, lines: bytes) -> None:
    """Append whole lines in one write, beside other writers. Raises OSError."""
    try:
        _append(directory, lines)
    except FileNotFoundError:
        from samplemind_cli import files  # only the first time

        files.private_folder(*os.path.split(directory))
        _append(directory, lines)


def _append(directory: str, lines: bytes) -> None:
    import fcntl

    path = os.path.join(directory, NAME)
    for _ in range(_TRIES):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            if _is_at(file, path):  # else it was renamed just before
                os.fchmod(file, 0o600)
                _write(file, lines)
                return
        finally:
            os.close(file)
    raise BlockingIOError(11, "removed by another process each time")


def _write(file: int, lines: bytes) -> None:
    """All or nothing: a partial line would spoil the next one."""
    size = os.fstat(file).st_size
    written = os.write(file, lines)
    if written != len(lines):
        os.ftruncate(file, size)  # the disk is full
        raise OSError(28, "No space left on device")


def _is_at(file: int, path: str) -> bool:
    try:
        there, here = os.stat(path), os.fstat(file)
    except FileNotFoundError:
        return False
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def take(directory: str) -> "Iterator[tuple[str, bytes]]":
    """The path and content of each spool; nobody writes to it any more, and the caller removes it."""
    import fcntl

    try:
        os.rename(os.path.join(directory, NAME), os.path.join(directory, f"{os.urandom(8).hex()}{TAKEN}"))
        names = os.listdir(directory)
    except FileNotFoundError:
        names = os.listdir(directory) if os.path.isdir(directory) else []
    for name in sorted(names):
        if name.endswith(TAKEN):
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)  # waits for those who opened it before the renaming
                yield path, file.read()
