"""The ledger's file: takes in the spooled calls, prunes old ones, and opens connections."""

import errno
import fcntl
import json
import os
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from samplemind_cli import files, spool
from samplemind_cli.errors import SamplemindError, SettingError
from samplemind_cli.settings import Settings

NAME = "ledger.db"
VERSION = 3  # 2: conversations; 3: misses
DAY = 86_400.0
_making = threading.Lock()
BUSY = 10.0  # seconds to wait for another process
# The columns of `calls`, `words` and `misses`.
FACTS = (
    "id", "at", "command", "client", "session", "agent", "format", "task", "provider", "model", "passed", "tier",
    "times", "input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens", "cache_write_tokens", "ms",
    "first_ms", "held_ms", "finish", "error", "key",
)  # fmt: skip
WORDS = ("system", "prompt", "answer")
MISS = ("why", "nearest", "passed_ms", "tries_ms", "connect_ms")
MODEL = "coalesce(provider, '?') || '/' || coalesce(model, '?')"  # a call's provider/model, as SQL
# Of a million calls those of one model are read in 1 ms instead of 2 s; 29 MB more in 319, and no slower to write.
_BY_MODEL = f"CREATE INDEX IF NOT EXISTS calls_model ON calls ({MODEL})"
_HINTS = {sqlite3.SQLITE_FULL: "free space there", sqlite3.SQLITE_BUSY: "another process holds it: try again"}
_SCHEMA = """
CREATE TABLE IF NOT EXISTS calls (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at REAL NOT NULL,
    command TEXT, client TEXT, session TEXT, agent TEXT, format TEXT, task TEXT, provider TEXT, model TEXT, passed TEXT,
    tier TEXT, times INTEGER NOT NULL DEFAULT 1,
    input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER,
    cache_write_tokens INTEGER,
    ms REAL, first_ms REAL, held_ms REAL, finish TEXT, error TEXT, key TEXT
);
CREATE INDEX IF NOT EXISTS calls_at ON calls (at);
CREATE INDEX IF NOT EXISTS calls_key ON calls (key, at);
CREATE TABLE IF NOT EXISTS words (number INTEGER PRIMARY KEY, system TEXT, prompt TEXT, answer TEXT);
CREATE VIRTUAL TABLE IF NOT EXISTS found USING fts5 (prompt, answer, content='words', content_rowid='number');
CREATE TRIGGER IF NOT EXISTS words_in AFTER INSERT ON words BEGIN
    INSERT INTO found (rowid, prompt, answer) VALUES (new.number, new.prompt, new.answer);
END;
CREATE TRIGGER IF NOT EXISTS words_out AFTER DELETE ON words BEGIN
    INSERT INTO found (found, rowid, prompt, answer) VALUES ('delete', old.number, old.prompt, old.answer);
END;
CREATE TABLE IF NOT EXISTS misses (
    number INTEGER PRIMARY KEY, why TEXT, nearest TEXT, passed_ms REAL, tries_ms REAL, connect_ms REAL
);
CREATE TABLE IF NOT EXISTS conversations (
    number INTEGER PRIMARY KEY, name TEXT UNIQUE, terminal TEXT NOT NULL, used REAL NOT NULL, system TEXT, model TEXT
);
CREATE INDEX IF NOT EXISTS conversations_used ON conversations (used);
CREATE TABLE IF NOT EXISTS turns (
    number INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
    messages TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS turns_conversation ON turns (conversation, number);
"""


class Ledger:
    """The ledger of one user. Raises SamplemindError where its file cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = spool.folder(settings.state_dir)
        self.path = Path(self.folder, NAME)

    @contextmanager
    def open(self) -> Iterator[sqlite3.Connection]:
        """A connection to the file, with every call that was spooled until now."""
        try:
            with closing(connected(self.path, _SCHEMA, VERSION)) as connection:
                self._fold(connection)
                yield connection
        except sqlite3.DatabaseError as error:
            aside = f"{self.folder}.broken"  # with its log, which SQLite would apply to a new file of the same name
            move = f"mkdir {aside}; mv {self.path}* {aside}: a new one is created"
            hint = _HINTS.get(getattr(error, "sqlite_errorcode", 0), move)
            raise SamplemindError(f"the ledger {self.path} cannot be read: {error}", hint) from error
        except BrokenPipeError:  # the reader of our output closed it
            raise
        except OSError as error:
            raise SamplemindError(f"the ledger {self.path}: {error.strerror or error}", files.remedy(error)) from error

    def _fold(self, connection: sqlite3.Connection) -> None:
        """Take in every spooled line; one process at a time, and each line once."""
        lock = os.open(Path(self.folder, "fold.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for path, lines in spool.take(self.folder):
                with transaction(connection):
                    add(connection, _records(lines))
                Path(path).unlink()
            self._prune_sometimes(connection)
        finally:
            os.close(lock)

    def _prune_sometimes(self, connection: sqlite3.Connection) -> None:
        """Prune once a day; but not if that removed every call, as the clock may have jumped ahead."""
        mark = Path(self.folder, "pruned")
        with suppress(OSError):
            if 0 <= time.time() - mark.stat().st_mtime < DAY:
                return
        with suppress(sqlite3.OperationalError):  # a full disk: it goes without
            connection.execute(_BY_MODEL)  # a file of an earlier release has none
        newest = connection.execute("SELECT max(at) FROM calls").fetchone()[0]
        if newest is not None and newest >= time.time() - self._settings.history_days * DAY:
            self.prune(connection)
        mark.touch(mode=0o600)

    def prune(self, connection: sqlite3.Connection, *, days: float | None = None) -> int:
        """Remove calls older than `days` (None: `history_days`), then the oldest while the file is larger than
        `history_size`; returns how many.
        """
        oldest = time.time() - (self._settings.history_days if days is None else days) * DAY
        connection.execute("DELETE FROM conversations WHERE used < ?", (oldest,))
        gone = _remove(connection, "at < ?", oldest)
        while _size(connection) > self._settings.history_size:
            row = connection.execute("SELECT number FROM calls ORDER BY number LIMIT 1 OFFSET 999").fetchone()
            last = row or connection.execute("SELECT max(number) FROM calls").fetchone()
            if last[0] is None:
                connection.execute("DELETE FROM conversations WHERE used < (SELECT max(used) FROM conversations)")
                break
            at = connection.execute("SELECT at FROM calls WHERE number = ?", last).fetchone()
            connection.execute("DELETE FROM conversations WHERE used < ?", at)
            gone += _remove(connection, "number <= ?", last[0])
        if gone:
            connection.execute("VACUUM")
        return gone


def _size(connection: sqlite3.Connection) -> int:
    """Bytes in use in the file, without its free pages."""
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)


def connected(path: Path, schema: str, version: int, patience: float | None = None) -> sqlite3.Connection:
    """A connection to a file that only this user can read, with its tables. Raises OSError, sqlite3.DatabaseError.

    `patience`: seconds to wait for another process; None: `BUSY`. Raises SettingError for a file of a newer version.
    """
    patience = BUSY if patience is None else patience
    files.private_folder(path.parent.parent, path.parent.name)
    _create(path)
    path.chmod(0o600)  # the write-ahead log beside it gets the same
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        _log_ahead(connection, patience)
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        current = connection.execute("PRAGMA user_version").fetchone()[0]
        if current > version:
            why = f"{path} was written by a newer samplemind (version {current} of the file; this one knows {version})"
            raise SettingError(why, "pip install --upgrade samplemind-cli")  # noqa: TRY301 - closed below
        if current < version:
            connection.executescript(f"BEGIN IMMEDIATE; {schema} PRAGMA user_version = {version}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _create(path: Path) -> None:
    """Create the file if it does not exist. Raises OSError, also for a link.

    An existing one is not opened: closing it would release the locks that SQLite holds on it for other threads of this
    process, and another process could then remove its log.
    """
    with _making:
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            if path.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path)) from None


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that locks the file for writing, rolled back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def add(connection: sqlite3.Connection, records: Iterable[dict[str, Any]]) -> None:
    """Insert records; one whose id exists already is ignored."""
    facts = f"INSERT OR IGNORE INTO calls ({', '.join(FACTS)}) VALUES ({', '.join('?' * len(FACTS))})"  # noqa: S608 - names of ours
    words = f"INSERT INTO words (number, {', '.join(WORDS)}) VALUES (?, ?, ?, ?)"  # noqa: S608 - the same
    misses = f"INSERT INTO misses (number, {', '.join(MISS)}) VALUES ({', '.join('?' * (1 + len(MISS)))})"  # noqa: S608 - the same
    for record in records:
        inserted = connection.execute(facts, [record.get(name) for name in FACTS])
        for query, names in ((words, WORDS), (misses, MISS)):
            if inserted.rowcount and any(record.get(name) for name in names):
                connection.execute(query, [inserted.lastrowid, *(record.get(name) for name in names)])


def _log_ahead(connection: sqlite3.Connection, patience: float) -> None:
    """Switch to a write-ahead log. SQLite itself does not wait for processes that do the same to a new file."""
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _records(lines: bytes) -> Iterator[dict[str, Any]]:
    """The lines that are records; a process killed while writing leaves a partial line."""
    for line in lines.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict) and isinstance(record.get("id"), str) and isinstance(record.get("at"), int | float):
            passed = record.get("passed")
            yield {**record, "passed": json.dumps(passed) if passed else None, "times": record.get("times", 1)}


def _remove(connection: sqlite3.Connection, where: str, value: float) -> int:
    with transaction(connection):
        for table in ("words", "misses"):
            query = f"DELETE FROM {table} WHERE number IN (SELECT number FROM calls WHERE {where})"  # noqa: S608 - conditions of ours
            connection.execute(query, (value,))
        return connection.execute(f"DELETE FROM calls WHERE {where}", (value,)).rowcount  # noqa: S608 - the same
