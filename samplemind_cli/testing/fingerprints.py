"""Short digests of files, folders and whole projects."""

import json
import os
import stat
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

from samplemind_cli import files

SKIPPED = {".git", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
FOLDER = "folder"  # a folder's digest
DIGITS = 16  # of a digest
TICK = 20_000_000  # ns: two changes within a kernel's tick have the same time
Snapshot = dict[str, str]


def digest(data: bytes) -> str:
    """A short digest; 64 bits are enough to detect a change."""
    return blake2b(data, digest_size=DIGITS // 2).hexdigest()


class Contents:
    """Digests of files by content and mode. A file is read again only when its size, times or inode differ."""

    def __init__(self, file: Path | None = None) -> None:
        self.file = file
        self.known: dict[str, list[object]] = {}
        with suppress(OSError, ValueError):
            stored = json.loads(file.read_bytes()) if file else {}
            self.known = stored if isinstance(stored, dict) else {}
        self.now: dict[str, str] = {}

    def of(self, path: str) -> str:
        """The digest of a file, empty if it does not exist; it does not change during the life of this object."""
        if path not in self.now:
            self.now[path] = self._of(path)
        return self.now[path]

    def _of(self, path: str) -> str:
        try:
            status = os.stat(path)
            if stat.S_ISDIR(status.st_mode):
                return FOLDER
            if not stat.S_ISREG(status.st_mode):
                return "special"
            signature = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
            known = self.known.get(path)
            if known and known[1:] == signature:
                return str(known[0])
            with open(path, "rb") as file:
                mode = "" if status.st_mode & 0o777 in {0o644, 0o600} else f"{status.st_mode:o}"
                value = digest(file.read()) + mode
        except (OSError, ValueError):
            return ""
        self.known[path] = [value, *signature] if time.time_ns() - status.st_ctime_ns > TICK else ["", 0, 0, 0, 0]
        return value

    def again(self) -> "Contents":
        """Fresh contents that read only changed files."""
        fresh = Contents()
        fresh.file, fresh.known = self.file, self.known
        return fresh

    def save(self) -> None:
        """Store the digests for the next command. Raises OSError."""
        if self.file:
            files.write(self.file, json.dumps(self.known).encode())


def of_folder(path: str) -> str:
    """The digest of the names in a folder, without caches; empty if it does not exist."""
    try:
        names = (name for name in os.listdir(path) if name not in SKIPPED and not name.startswith(".coverage"))
        return digest(os.fsencode("\n".join(sorted(names))))
    except OSError:
        return ""


def snapshot(root: Path, contents: Contents | None = None) -> Snapshot:
    """The digest of every file of the project: those that git tracks or would track, else all but caches.

    The files that this process's stdout and stderr go to are left out.
    """
    contents = contents or Contents()
    outputs = {place for number in (1, 2) if (place := _place(number))}
    digests: Snapshot = {}
    for name in project_files(root):
        with suppress(OSError):
            status = os.stat(root / name)
            if (status.st_dev, status.st_ino) not in outputs:
                digests[name] = contents.of(os.path.join(root, name))
    return digests


def project_files(root: Path) -> list[str]:
    """Names relative to the root, unsorted."""
    names = _git_files(root) or _walked(root)
    return [name for name in names if not os.path.basename(name).startswith(".coverage")]


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The files that were added, removed or changed, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def repository(root: Path) -> Path:
    """The folder of the git repository around the root; without one, the root itself."""
    return next((folder for folder in (root, *root.parents) if os.path.exists(folder / ".git")), root)


def _place(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:  # it is closed
        return None
    return status.st_dev, status.st_ino


def _git_files(root: Path) -> list[str]:
    if not os.path.exists(repository(root) / ".git"):
        return []
    git = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(git, cwd=root, capture_output=True, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return []
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _walked(root: Path) -> list[str]:
    files = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED and not os.path.exists(Path(folder, f, "pyvenv.cfg"))]
        files += [os.path.relpath(Path(folder, name), root) for name in names if not name.endswith(".pyc")]
    return files


def of_files(contents: Contents, paths: Iterable[str]) -> str:
    """One digest of many files."""
    return digest(os.fsencode("\n".join(f"{path} {contents.of(path)}" for path in sorted(paths))))
