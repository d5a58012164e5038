"""Stores files and batches of `serve`'s clients: limited in size, private to their owner, removed after days."""

import fcntl
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import orjson
from blake3 import blake3

from samplemind_cli import files
from samplemind_cli.server.access import sent_keys
from samplemind_cli.server.message import HttpError, Incoming
from samplemind_cli.server.peers import other_user
from samplemind_cli.settings import Settings

Kind = Literal["files", "batches"]
Record = dict[str, Any]
DAY = 86_400
KEPT = 7 * DAY  # seconds, unless the client asks for another time
LARGEST = 1 << 30  # bytes of everything stored
MOST = 2_000  # files and batches
UNFINISHED = ("validating", "in_progress", "finalizing", "cancelling")
_ID = re.compile(r"(file-|batch_)[0-9a-f]{24}")
_PREFIX: dict[Kind, str] = {"files": "file-", "batches": "batch_"}


def owner(incoming: Incoming) -> str:
    """A request's owner: a digest of its key; no key is stored.

    Other users of this machine are other owners, even with the same key: without a token anybody can send any key.
    """
    given = next(filter(None, sent_keys(incoming)), "")
    if user := other_user(incoming.transport):
        given += f"\nuser {user}"  # no header holds a line break
    return blake3(given.encode("latin-1", "replace"), derive_key_context="samplemind serve owner").hexdigest(16)


class Keeping:
    """The store of one user. Raises HttpError for what does not exist or belongs to another owner; OSError."""

    def __init__(self, settings: Settings) -> None:
        self._state = settings.state_dir

    def add(self, kind: Kind, whose: str, record: Record, data: bytes | Path | None = None) -> Record:
        """Add a record with a new id, stored for `KEPT` seconds unless it has its own expiry; returns it.

        `data` is stored with it; a file is moved. Raises HttpError (413) if the store is full.
        """
        self.prune()
        sizes = [info.st_size for _, info in files.walk(self._folder())]
        if sum(sizes) + (len(data) if isinstance(data, bytes) else 0) > LARGEST or len(sizes) >= 2 * MOST:
            raise HttpError(413, "the storage for files is full: delete some", "storage_full")
        now = int(time.time())
        number = f"{_PREFIX[kind]}{os.urandom(12).hex()}"
        whole = {"id": number, "owner": whose, "created_at": now, "expires_at": now + KEPT, **record}
        if isinstance(data, Path):
            data.replace(self.data(number))
        elif data is not None:
            files.write(self.data(number), data)
        self.save(kind, whole)
        return whole

    def save(self, kind: Kind, record: Record) -> None:
        """Write a record atomically."""
        files.write(self._path(kind, record["id"]), orjson.dumps(record))

    def get(self, kind: Kind, number: str, whose: str | None = None) -> Record:
        """A record of this owner (None: of any). Raises HttpError (404)."""
        record: Record = {}
        if _ID.fullmatch(number):
            with suppress(FileNotFoundError, ValueError):
                record = orjson.loads(self._path(kind, number).read_bytes())
        if not record or (whose is not None and record["owner"] != whose):
            raise HttpError(404, f"there is no {'file' if kind == 'files' else 'batch'} {number[:60]}", "not_found")
        return record

    def all(self, kind: Kind, whose: str | None = None) -> list[Record]:
        """The records of this owner (None: of any), newest first."""
        records = []
        for path in Path(self._folder(kind)).glob("*.json"):
            with suppress(HttpError, OSError):
                records.append(self.get(kind, path.stem, whose))
        return sorted(records, key=lambda record: (record["created_at"], record["id"]), reverse=True)

    def remove(self, kind: Kind, number: str) -> None:
        """Remove a record and its files."""
        for ending in (".json", ".jsonl", ".results", ".output", ".error", ".cancel", ".lock"):
            files.remove(str(Path(self._folder(kind), f"{number}{ending}")))

    def data(self, number: str) -> Path:
        """The path of a file's data."""
        return Path(self._folder("files"), f"{number}.jsonl")

    def results(self, number: str, kind: Literal["results", "output", "error"] = "results") -> Path:
        """The path of a batch's results so far, of its answers, or of its failures."""
        return Path(self._folder("batches"), f"{number}.{kind}")

    def cancel(self, number: str) -> None:
        """Ask the process that runs a batch to stop."""
        files.write(Path(self._folder("batches"), f"{number}.cancel"), b"")

    def is_cancelled(self, number: str) -> bool:
        """Whether a batch was cancelled."""
        return Path(self._folder("batches"), f"{number}.cancel").exists()

    @contextmanager
    def alone(self, number: str) -> Iterator[bool]:
        """Hold a batch's lock; yields whether this process got it. The lock of a process that dies is released."""
        file = files.private_opener(str(Path(self._folder("batches"), f"{number}.lock")), os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(file)

    def prune(self) -> None:
        """Remove what has expired, except unfinished batches."""
        now = time.time()
        for kind in _PREFIX:
            for record in self.all(kind):
                until = record["expires_at"] if kind == "files" else _ended(record) + KEPT
                if until < now and record.get("status") not in UNFINISHED:
                    self.remove(kind, record["id"])

    def _path(self, kind: Kind, number: str) -> Path:
        return Path(self._folder(kind), f"{number}.json")

    def _folder(self, *parts: str) -> str:
        if not self._state:
            raise HttpError(503, "there is no folder to store files in: set XDG_STATE_HOME", "no_storage")
        return files.private_folder(self._state, "serve", *parts)


def _ended(batch: Record) -> float:
    """When a batch ended."""
    ends = ("completed_at", "failed_at", "cancelled_at", "expired_at")
    return float(next((batch[name] for name in ends if batch.get(name)), batch["created_at"]))
