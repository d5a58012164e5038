"""Named keys of `serve`'s clients, hashed in one file, with the limits of each."""

import fcntl
import hashlib
import json
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from samplemind_cli import files, trust
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings, environment

FILE = "keys.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_BEGIN = "sm-"  # makes a leaked key recognisable in a log or a repository
_KEY = re.compile(rf"{_BEGIN}[\w-]{{43}}")  # 32 bytes in Base64
SHOWN = 200  # characters of a path


@dataclass(frozen=True, slots=True)
class ClientKey:
    """One client. `digest` is the key's, in hexadecimal; `rpm` and `tpm` are limits per minute, 0: none.

    `models`: shell patterns of `PROVIDER/MODEL`; none: any.
    """

    name: str
    digest: str
    made: float = 0.0
    rpm: int = 0
    tpm: int = 0
    models: tuple[str, ...] = ()


class ClientKeys:
    """The keys in a folder's file, unless others could have written it; a change applies from the next request on."""

    def __init__(self, folder: str) -> None:
        self._file = Path(folder, FILE)
        self._mark: tuple[int, int, int] | None = None
        self._known: dict[str, ClientKey] = {}

    def find(self, given: Iterable[str]) -> ClientKey | None:
        """The client of the first known key; None if no key is known, or the file is unreadable."""
        if (mark := files.identity(str(self._file))) != self._mark:
            self._mark = mark
            try:
                # A user who could write it could grant himself access.
                counts = trust.counts(str(self._file), environment(), ())
                self._known = {key.digest: key for key in self.all()} if counts else {}
            except UsageError:
                self._known = {}
        if not self._known:
            return None
        return next((found for key in given if (found := self._known.get(digest(key)))), None)

    def all(self) -> list[ClientKey]:
        """Every key, oldest first. Raises UsageError for a file that is broken."""
        try:
            return [_read(entry) for entry in json.loads(self._file.read_text("utf-8"))["keys"]]
        except (FileNotFoundError, NotADirectoryError):
            return []
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UsageError(f"cannot read {self._file}: {error}", "fix or remove it") from error

    def add(self, name: str, *, rpm: int = 0, tpm: int = 0, models: Iterable[str] = ()) -> str:
        """A new client's key, which is not stored. Raises UsageError for an invalid or taken name."""
        if not NAME.fullmatch(name):
            raise UsageError(f"{name!r} cannot be a client's name", "use letters, digits, dots, dashes, underscores")
        key = _BEGIN + secrets.token_urlsafe(32)
        with self._locked():
            known = self.all()
            if any(other.name == name for other in known):
                raise UsageError(f"{name} already has a key", f"samplemind keys revoke {name}")
            self._write([*known, ClientKey(name, digest(key), round(time.time(), 3), rpm, tpm, tuple(models))])
        return key

    def revoke(self, name: str) -> ClientKey:
        """Delete a client's key. Raises UsageError when there is none."""
        with self._locked():
            known = self.all()
            found = next((key for key in known if key.name == name), None)
            if found is None:
                raise UsageError(f"there is no key named {name!r}", "samplemind keys list")
            self._write([key for key in known if key.name != name])
        return found

    def _write(self, keys: Iterable[ClientKey]) -> None:
        files.write(self._file, json.dumps({"keys": [asdict(key) for key in keys]}, indent=2).encode() + b"\n")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the file's lock. Raises UsageError where it cannot be written."""
        try:
            folder = files.private_folder(self._file.parent)
            with open(f"{folder}/{FILE}.lock", "ab", opener=files.private_opener) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            problem = f"cannot write {self._file}: {error.strerror}"
            raise UsageError(problem, files.remedy(error, "XDG_CONFIG_HOME")) from error


def path_without_keys(path: str) -> str:
    """A request's path for the log: shortened, and without keys that were put there by mistake."""
    return (_KEY.sub(f"{_BEGIN}***", path) if _BEGIN in path else path)[:SHOWN]


def of(settings: Settings) -> ClientKeys:
    """The keys in the user's own file."""
    return ClientKeys(settings.config_dir)


def digest(key: str) -> str:
    """The stored hash of a key; keys are random and long, so a fast hash cannot be reversed by guessing."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def _read(entry: Any) -> ClientKey:
    """An entry of the file. Raises ValueError, KeyError, TypeError: an invalid limit must not mean no limit."""
    name, known, models = entry["name"], entry["digest"], entry.get("models", [])
    limits = (entry.get("rpm", 0), entry.get("tpm", 0))
    words = [name, known, *models] if isinstance(models, list) else []
    if not words or not all(isinstance(word, str) for word in words) or not all(type(n) is int for n in limits):
        raise TypeError(f"the entry of {name!r} is wrong")
    return ClientKey(name, known, float(entry.get("made", 0)), *limits, tuple(models))
