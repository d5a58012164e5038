"""Files that other processes use too: private folders, atomic writes, a walk that tolerates changes."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tmp"
# NOATIME: with an mtime in the future, Linux would update the atime at every read.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0)


def private_folder(root: str | Path, *parts: str) -> str:
    """Make `root` and the folders `parts` below it with mode 0700, whatever the umask; returns the last one's path.

    Existing ones are closed to other users. Missing parents of `root` are made in the same way, existing ones left
    alone. Raises OSError; PermissionError where a folder belongs to another user.
    """
    _make_parents(os.path.dirname(os.path.abspath(root)))
    folder = os.fspath(root)
    for part in ("", *parts):
        folder = os.path.join(folder, part) if part else folder
        _make_private(folder)
        if not is_private(folder):
            raise PermissionError(errno.EPERM, "it is not a folder that you own", folder)
    return folder


def private_opener(path: str, flags: int) -> int:
    """An `opener` for `open()`: files are made with mode 0600, whatever the umask, and links are not followed."""
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if flags & os.O_CREAT:
            os.fchmod(file, 0o600)
    except BaseException:
        os.close(file)
        raise
    return file


def is_private(folder: str) -> bool:
    """Whether a folder, and a link to it, are this user's; if so, other users lose access. Raises OSError if absent."""
    link, info = os.lstat(folder), os.stat(folder)
    if {link.st_uid, info.st_uid} != {os.geteuid()} or not stat.S_ISDIR(info.st_mode):
        return False
    if info.st_mode & 0o077:
        os.chmod(folder, 0o700)
    return True


def write(path: str | Path, data: bytes, *, modified: float | None = None, mode: int = 0o600) -> None:
    """Replace a file's content atomically, also beside other writers. Raises OSError.

    `modified`: the mtime to set, in unix seconds.
    """
    temporary = os.path.join(os.path.dirname(path), f".{os.getpid()}-{os.urandom(6).hex()}{TEMPORARY}")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            os.fchmod(file, mode)  # whatever the umask
            while data:
                data = data[os.write(file, data) :]
            if modified is not None:
                os.utime(file, ns=(time.time_ns(), int(modified * 1e9)))
        finally:
            os.close(file)
        os.replace(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def read(path: str, largest: int, rest: float = float("inf"), begin: int = 0) -> bytes:
    """A file's bytes from offset `begin` on; empty when the file is larger than `largest` bytes.

    Sets the atime if that is more than `rest` seconds off. Raises OSError, also for a symbolic link.
    """
    file = os.open(path, _READING)
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode) or info.st_size > largest:
            return b""
        now = time.time_ns()
        if abs(now - info.st_atime_ns) > rest * 1e9:
            with suppress(OSError):  # a read-only disk: the content is still good
                os.utime(file, ns=(now, info.st_mtime_ns))
        return os.pread(file, max(0, info.st_size - begin), begin)
    finally:
        os.close(file)


def identity(path: str) -> tuple[int, int, int] | None:
    """A file's inode, mtime in nanoseconds and size, which change with its content; None where there is no file."""
    try:
        info = os.stat(path)
    except OSError:
        return None
    return info.st_ino, info.st_mtime_ns, info.st_size


def remedy(error: OSError, variable: str = "XDG_STATE_HOME") -> str:
    """The hint after a failed write: free space on a full disk, else set `variable` to another folder."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free space there" if full else elsewhere(variable)


def elsewhere(variable: str = "XDG_STATE_HOME") -> str:
    """The hint where a folder is not writable."""
    return f"export {variable}=FOLDER, one that you can write to"


def named(path: str) -> Path:
    """A path as people write it, with `~`; that of a user who is unknown stays as it is."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def text(path: Path) -> str:
    """A file's text; empty when it cannot be read."""
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def allow_open(count: int) -> None:
    """Raise this process's limit of open files and connections to `count`, or as far as the hard limit permits."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < count:
        with suppress(ValueError, OSError):  # macOS has a lower limit that getrlimit does not show
            limit = count if hard == resource.RLIM_INFINITY else min(count, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))


def remove(path: str) -> bool:
    """Delete a file; whether it existed and could be deleted."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder with its status. Files that vanish meanwhile are skipped, links are not followed."""
    try:
        items = list(os.scandir(folder))
    except OSError:
        return
    for item in items:
        try:
            if item.is_dir(follow_symlinks=False):
                yield from walk(item.path)
            else:
                yield item.path, item.stat(follow_symlinks=False)
        except OSError:
            continue


def _make_parents(folder: str) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        _make_private(path)


def _make_private(folder: str) -> None:
    with suppress(FileExistsError):  # another process may have made it, in the same way
        os.mkdir(folder, 0o700)
        os.chmod(folder, 0o700)  # the umask may have cleared the user's own bits
