"""The local tier: one file per answer in a folder that only its user can read."""

import heapq
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

from blake3 import blake3

from samplemind_cli import files, spool
from samplemind_cli.ai.cache.entry import PREFIX, Entry, decode, encode
from samplemind_cli.ai.cache.removal import EVERYTHING, Removal
from samplemind_cli.errors import SamplemindError

HOUR = 3600.0
DAY = 86_400.0
DIGITS, LONGEST_NAME = 64, 64  # of a fingerprint; of a provider
SUFFIX = ".json"
QUESTIONS = "questions"  # the folder beside the answers: what `ai.why` keeps of their questions


class LocalTier:
    """`<cache_dir>/answers/<2 hex>/<fingerprint>-<provider>.json`, at most `bound` bytes, LRU.

    A file's atime is its last use (refreshed at most once an hour) and its mtime the moment it expires, so that a
    sweep reads no file; an entry's content is what inode, mtime and size name. `<cache_dir>/hot` holds records
    derived from entries: they count toward the bound and are evicted, too. Only `clear` raises for a bad disk or
    folder.
    """

    def __init__(self, cache_dir: str, bound: int, warn: Callable[[str], None]) -> None:
        self.folder = os.path.join(cache_dir, "answers")
        self.bound = bound
        self._hot = os.path.join(cache_dir, "hot")
        self._swept = os.path.join(self.folder, ".swept")
        self._warn = warn
        self._trusted = False

    def path(self, key: str) -> str:
        """The file of a key; a key of another form gets a safe name, too."""
        provider, _, fingerprint = key.removeprefix(PREFIX).rpartition(":")
        if not (_plain(provider, LONGEST_NAME) and _plain(fingerprint, DIGITS) and len(fingerprint) == DIGITS):
            provider, fingerprint = "", blake3(key.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{self.folder}/{fingerprint[:2]}/{fingerprint}-{provider}{SUFFIX}"

    def get(self, key: str) -> tuple[Entry, str] | None:
        """The entry of a key and its file, also an expired one; None when there is no readable one."""
        if not self._usable():
            return None
        path = self.path(key)
        try:
            entry = decode(files.read(path, self.bound, HOUR), key)
        except OSError:
            return None
        return (entry, path) if entry else None

    def put(self, entry: Entry) -> str | None:
        """Store an entry; returns its file, or None when it could not be stored."""
        data = encode(entry)
        if len(data) > self.bound:
            return None
        path = self.path(entry.key)
        try:
            if not (self._trusted or self._usable(make=True)):
                return None
            try:
                files.write(path, data, modified=entry.expires)
            except FileNotFoundError:  # a folder that does not exist, or was removed
                self._usable(make=True)
                files.private_folder(os.path.dirname(path))
                files.write(path, data, modified=entry.expires)
        except OSError as error:
            self._warn(f"cannot store answers in {self.folder}: {error.strerror or error}")
            return None
        return path

    def sweep_is_due(self, path: str) -> bool:
        """Whether a sweep is due after `path` was written: once a day, and about every 1/16 of the bound written."""
        try:
            share = 16 * os.stat(path).st_size / self.bound
            return int.from_bytes(os.urandom(4)) < share * 2**32 or time.time() - os.stat(self._swept).st_mtime > DAY
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def sweep(self) -> None:
        """Remove expired entries and a killed writer's files, then the least recently used down to 7/8 of the bound."""
        try:
            os.close(os.open(self._swept, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            os.utime(self._swept)
        except OSError:
            return
        now, total, used = time.time(), 0, []
        for path, info in self._files():
            if _left_behind(path, info, now) or (self._is_entry(path) and info.st_mtime < now):
                files.remove(path)
                continue
            total += info.st_size
            # A use in the future means the clock was set back: such a file counts as the oldest.
            used.append((info.st_atime if info.st_atime < now + DAY else 0.0, info.st_size, path))
        if total > self.bound:
            _remove_oldest(used, total - self.bound * 7 // 8)

    def names(self) -> Iterator[str]:
        """The key of every entry."""
        for path, _ in self._files():
            provider = _provider(path)
            if provider and self._is_entry(path):
                yield f"{PREFIX}{provider}:{os.path.basename(path).partition('-')[0]}"
            elif self._is_entry(path) and (entry := self._peek(path)):
                yield entry.key

    def largest(self, count: int) -> list[tuple[str, int]]:
        """The keys of the largest entries, with their bytes."""
        sizes = heapq.nlargest(count, ((info.st_size, path) for path, info in self._files() if self._is_entry(path)))
        found = ((self._peek(path), size) for size, path in sizes)
        return [(entry.key, size) for entry, size in found if entry]

    def stats(self) -> dict[str, Any]:
        """Entries, bytes (hot records too), bound, entries per provider, first and last `stored`; reads every entry."""
        providers: dict[str, int] = {}
        stored: list[float] = []
        total = 0
        for path, info in self._files():
            total += info.st_size
            if self._is_entry(path) and (entry := self._peek(path)):
                name = _provider(path) or "other"
                providers[name] = providers.get(name, 0) + 1
                stored.append(entry.stored)
        return {
            "path": self.folder,
            "entries": len(stored),
            "bytes": total,
            "bound": self.bound,
            "providers": dict(sorted(providers.items())),
            "oldest": min(stored, default=None),
            "newest": max(stored, default=None),
        }

    def clear(self, removal: Removal = EVERYTHING) -> tuple[int, int]:
        """Remove every entry that is meant, and every hot record: how many entries went, and how many bytes.

        Raises SamplemindError when some could not be removed.
        """
        if removal.everything:
            files.remove(os.path.join(os.path.dirname(self.folder), QUESTIONS, spool.NAME))
        entries = freed = 0
        stuck: OSError | None = None
        for path, info in self._files():
            entry = self._is_entry(path)
            if entry and not self._is_meant(path, removal):
                continue
            # Another process may be writing its temporary file: leave it.
            if entry or path.startswith(self._hot) or _left_behind(path, info, time.time()):
                try:
                    os.unlink(path)
                    entries, freed = entries + entry, freed + info.st_size
                except FileNotFoundError:  # another process was quicker
                    continue
                except OSError as error:
                    stuck = error
        if stuck:
            message = f"answers in {self.folder} cannot be removed: {stuck.strerror}"
            raise SamplemindError(message, f"ls -ld {self.folder}") from stuck
        return entries, freed

    def _is_meant(self, path: str, removal: Removal) -> bool:
        if removal.provider and _provider(path) != removal.provider:
            return False
        return not removal.reads or ((entry := self._peek(path)) is not None and removal.takes(entry))

    def _usable(self, *, make: bool = False) -> bool:
        """Whether the folder exists and nobody else can write to it. Raises OSError only with `make`."""
        if make and not os.path.isdir(self.folder):
            files.private_folder(self.folder)
        self._trusted = self._trusted or self._private(self.folder)
        return self._trusted

    def _private(self, folder: str) -> bool:
        try:
            private = files.is_private(folder)
        except OSError:
            return False
        if not private:
            self._warn(f"{folder} is not a folder that you own; it is not used")
        return private

    def _is_entry(self, path: str) -> bool:
        return path.endswith(SUFFIX) and path.startswith(self.folder)

    def _files(self) -> Iterator[tuple[str, os.stat_result]]:
        for folder in (self.folder, self._hot):
            if self._private(folder):
                yield from (found for found in files.walk(folder) if found[0] != self._swept)

    def _peek(self, path: str) -> Entry | None:
        try:
            return decode(files.read(path, self.bound, float("inf")))
        except OSError:
            return None


def _plain(name: str, longest: int) -> bool:
    return name.isascii() and name.isalnum() and len(name) <= longest


def _provider(path: str) -> str:
    return os.path.basename(path).removesuffix(SUFFIX).partition("-")[2]


def _left_behind(path: str, info: os.stat_result, now: float) -> bool:
    return path.endswith(files.TEMPORARY) and now - info.st_ctime > HOUR


def _remove_oldest(used: list[tuple[float, int, str]], excess: float) -> None:
    for _, size, path in sorted(used):
        if excess <= 0:
            return
        files.remove(path)
        excess -= size
