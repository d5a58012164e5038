"""The file of a batch's answers: each line is appended at once, and a resumed batch skips those it has."""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import orjson

from samplemind_cli import files
from samplemind_cli.batch.lines import OURS, BatchLine, digest
from samplemind_cli.errors import SamplemindError, UsageError

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
_HALF = (b"{", b"\0")  # the beginning of a partial first line


@dataclass(slots=True)
class Results:
    """An open, locked file of answers. `failed`: the number of failures in it."""

    path: Path
    _file: int
    failed: int = 0
    _unsynced: bool = False  # whether a loss of power could still take a line
    _ids: dict[int, int] = field(default_factory=dict)  # by the digest of a line's name, that of its answer's id

    @classmethod
    def open(cls, path: Path, *, again: bool) -> Self:
        """The file, created if missing. A partial last line is removed; with `again`, so are failures.

        Raises UsageError if it is not a file of answers, SamplemindError if another process is writing it.
        """
        try:
            results = cls(Path(os.path.realpath(path)), _locked(path))
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}", "name another --out") from error
        try:
            results._read()
            if again and results.failed:
                results._drop_failures()
        except BaseException:
            results.close()
            raise
        return results

    def close(self) -> None:
        """Close the file, which releases its lock."""
        os.close(self._file)

    def has(self, line: BatchLine) -> bool:
        """Whether the line is answered. Raises UsageError if the answer is to another line of the same name."""
        answered = self._ids.get(digest(line.custom_id))
        if answered is None:
            return False
        if answered not in (0, digest(line.id)):
            why = f"line {line.number} ({line.custom_id}) has changed since {self.path} was started"
            raise UsageError(why, "name another --out; --retry-failed retries what failed")
        return True

    def append(self, line: bytes) -> None:
        """Append one line, given without its line end; all or nothing. Raises OSError."""
        size = os.fstat(self._file).st_size
        data = line + b"\n"
        try:
            written = os.write(self._file, data)
        except OSError:
            os.ftruncate(self._file, size)
            raise
        if written != len(data):
            os.ftruncate(self._file, size)  # the disk is full
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        self._unsynced = True

    def sync(self) -> None:
        """Flush appended lines to the disk, to survive a loss of power; may be slow. Raises OSError."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._file)

    def _read(self) -> None:
        end = 0
        for raw in self._lines():
            complete, value = raw.endswith(b"\n"), _object(raw)
            if value is None and raw.strip() and (complete or not (end or raw.startswith(_HALF))):
                why = f"{self.path} contains something other than a batch's answers"
                raise UsageError(why, "name another --out")  # in another user's folder it may be a link to anything
            if not complete and value is None:
                os.ftruncate(self._file, end)  # its writer was killed
                return
            if not complete:
                os.write(self._file, b"\n")
            end += len(raw)
            if value is not None:
                self._add(value)

    def _add(self, value: dict[str, Any]) -> None:
        own = str(value.get("id", ""))
        self._ids[digest(value["custom_id"])] = digest(own) if own.startswith(OURS) else 0
        self.failed += has_failed(value)

    def _drop_failures(self) -> None:
        """Atomically replace the file by one without failures."""
        temporary = f"{self.path}{files.TEMPORARY}"  # no other process uses it, as this one has locked the file
        kept = Results(self.path, _opened(temporary, os.O_TRUNC | os.O_NOFOLLOW))
        try:
            os.fchmod(kept._file, stat.S_IMODE(os.fstat(self._file).st_mode))
            for raw in self._lines():
                value = _object(raw)
                if value is None or not has_failed(value):
                    kept.append(raw.rstrip(b"\n"))
                    if value is not None:
                        kept._add(value)
            os.fsync(kept._file)
            Path(temporary).replace(self.path)
        except BaseException:
            files.remove(temporary)
            kept.close()
            raise
        self.close()
        self._file, self._ids, self.failed = kept._file, kept._ids, 0

    def _lines(self) -> Iterator[bytes]:
        with open(self._file, "rb", closefd=False) as reading:
            reading.seek(0)
            yield from reading


def has_failed(value: dict[str, Any]) -> bool:
    """Whether a line of answers is a failure."""
    response = value.get("response")
    status = response.get("status_code", 200) if isinstance(response, dict) else None
    return value.get("error") is not None or status != 200  # noqa: PLR2004 - HTTP


def _object(raw: bytes) -> dict[str, Any] | None:
    """A line of answers; None if it is not one."""
    try:
        value = orjson.loads(raw)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("custom_id"), str) else None


def _locked(path: Path) -> int:
    """The open file, locked by this process and not replaced meanwhile."""
    while True:
        file = _opened(os.path.realpath(path))
        if _is_at(file, path):
            return file
        os.close(file)


def _opened(path: str, flags: int = 0) -> int:
    file = os.open(path, _FLAGS | flags, 0o666)
    try:
        _lock(file, path)
    except BaseException:
        os.close(file)
        raise
    return file


def _lock(file: int, path: str) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise UsageError(f"{path} is not a regular file: an interrupted batch could not resume", "--out OUT.jsonl")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SamplemindError(f"another process is writing {path}", "wait for it, or name another --out") from None
    except OSError:  # a file system without locks
        return


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file))
    except FileNotFoundError:
        return False
