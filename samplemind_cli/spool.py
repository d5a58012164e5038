"""The ledger's intake: a line of JSON for each call, appended by whoever made one and folded into the ledger later.

Imports nothing that takes time: the repeated `ask` is counted here too.
"""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "spool.jsonl"
TAKEN = ".taken"  # the ending of a spool that is being folded
_TRIES = 100


def folder(state_dir: str) -> str:
    """The ledger's folder in the folder of what commands remember."""
    return os.path.join(state_dir, "ledger")


def terminal() -> str:
    """Where somebody types: the terminal's name, or, where there is none, the process that started this one."""
    for file in (0, 2, 1):
        try:
            return os.ttyname(file)
        except OSError:
            continue
    return f"process {os.getppid()}"


def append(directory: str, lines: bytes) -> None:
    """Append whole lines at once, beside other writers. Raises OSError."""
    try:
        _append(directory, lines)
    except FileNotFoundError:
        from samplemind_cli import files  # the first time alone

        files.private_folder(*os.path.split(directory))
        _append(directory, lines)


def _append(directory: str, lines: bytes) -> None:
    import fcntl

    path = os.path.join(directory, NAME)
    for _ in range(_TRIES):
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            if _is_at(file, path):  # else it was taken away just before
                os.fchmod(file, 0o600)
                _write(file, lines)
                return
        finally:
            os.close(file)
    raise BlockingIOError(11, "removed by another process each time")


def _write(file: int, lines: bytes) -> None:
    """All of it or nothing: half of a line would spoil the next one."""
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
    """Each spool there is, by its path, which the caller removes once it is folded; nobody writes into it any more."""
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
                fcntl.flock(file, fcntl.LOCK_EX)  # whoever opened it before is done then
                yield path, file.read()
