"""Files among other processes: folders of one's own, files written all at once, a walk that survives changes."""

import errno
import os
import stat
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".tmp"
# NOATIME: an mtime in the future makes Linux note every single read.
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | getattr(os, "O_NOATIME", 0)


def private_folder(root: str | Path, *parts: str) -> str:
    """Make `root` and the folders `parts` below it, enterable by this user alone under any umask; the last one's path.

    Those that exist are closed to others; parents of `root` are made private too, but left alone where they exist.
    Raises OSError, a PermissionError where one of them belongs to another user.
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
    """An `opener` for `open()`: the file is readable by this user alone under any umask, and a link is not followed."""
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        if flags & os.O_CREAT:
            os.fchmod(file, 0o600)
    except BaseException:
        os.close(file)
        raise
    return file


def is_private(folder: str) -> bool:
    """Whether a folder, and a link to it, are this user's; closes it to others. Raises OSError, also when absent."""
    link, info = os.lstat(folder), os.stat(folder)
    if {link.st_uid, info.st_uid} != {os.geteuid()} or not stat.S_ISDIR(info.st_mode):
        return False
    if info.st_mode & 0o077:
        os.chmod(folder, 0o700)
    return True


def write(path: str | Path, data: bytes, *, modified: float | None = None, mode: int = 0o600) -> None:
    """Replace a file by `data`, whole or not at all, also beside other writers. Raises OSError.

    `modified`, in unix seconds, becomes the mtime.
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


def read(path: str, largest: int, rest: float, begin: int = 0) -> bytes:
    """A file's bytes from `begin` on; none when it is larger than `largest`.

    Marks it as used when that was `rest` seconds ago. Raises OSError, also for a symbolic link.
    """
    file = os.open(path, _READING)
    try:
        info = os.fstat(file)
        if not stat.S_ISREG(info.st_mode) or info.st_size > largest:
            return b""
        now = time.time_ns()
        if abs(now - info.st_atime_ns) > rest * 1e9:
            _mark_as_used(file, now, info.st_mtime_ns)
        return os.pread(file, max(0, info.st_size - begin), begin)
    finally:
        os.close(file)


def identity(path: str) -> tuple[int, int, int] | None:
    """What names a file's content, unless somebody means to deceive: inode, mtime, size; None where there is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def remedy(error: OSError, variable: str = "XDG_STATE_HOME") -> str:
    """The next step where nothing could be written: a full disk wants room, any other folder another one."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "free space there" if full else elsewhere(variable)


def elsewhere(variable: str = "XDG_STATE_HOME") -> str:
    """The next step where a folder cannot be written to."""
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


def allow_open(wanted: int) -> None:
    """Let this process have so many files and connections open, as far as it may; often it is 1024, or 256 on macOS."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS has another limit of its own
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def remove(path: str) -> bool:
    """Whether the file was there and has gone."""
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def walk(folder: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every file below a folder with its status; what goes away meanwhile is left out, links are not followed."""
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
    with suppress(FileExistsError):  # perhaps another process was quicker; it closes it as well
        os.mkdir(folder, 0o700)
        os.chmod(folder, 0o700)  # a umask may have taken the user's own bits


def _mark_as_used(file: int, used: int, modified: int) -> None:
    try:
        os.utime(file, ns=(used, modified))
    except OSError:  # a read-only disk: the file is as good
        return
