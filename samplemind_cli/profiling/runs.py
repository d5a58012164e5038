"""The stored profiles, each in a folder, and the requests that made them."""

import json
import re
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from samplemind_cli import files
from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.errors import UsageError

KINDS = ("cpu", "memory")
VALUED = ("-X", "-W", "--check-hash-based-pycs")  # options of Python whose value may be the next word


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileRequest:
    """What to profile, as typed, and how.

    `watch`: seconds for which to sample a running service of the stack in `file`, or the process `pid`. `engine`: the
    profiler of CPU time; empty: py-spy. `withheld`: secrets were removed from the words.
    """

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    native: bool = False
    children: bool = False
    overhead: bool = False
    engine: str = ""
    watch: int = 0
    pid: int = 0
    withheld: bool = False
    file: str | None = None
    directory: str


@dataclass(frozen=True, slots=True)
class Profile:
    """One stored profile: `exit_code`, and wall `seconds` by kind (`bare`: without a profiler), one per run."""

    folder: Path
    request: ProfileRequest
    exit_code: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The folder's name: the time and the program."""
        return self.folder.name

    @property
    def engine(self) -> str:
        """The profiler of CPU time."""
        return self.request.engine or ("py-spy" if self.request.watch else "pyinstrument")  # the latter in old profiles

    @classmethod
    def new(cls, state_dir: str, request: ProfileRequest) -> Self:
        """A profile with a new folder. Raises UsageError if none can be created."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub(r'[^A-Za-z0-9_.]+', '_', title(request.words))}"
        profiles = Path(state_dir) / "profiles"
        try:
            files.private_folder(profiles)
            return cls(_new_folder(profiles, name), request)
        except OSError as error:
            problem = f"cannot keep a profile in {profiles}: {error.strerror}"
            raise UsageError(problem, files.remedy(error)) from error

    def described(self) -> dict[str, Any]:
        """Everything about it, for JSON."""
        results = {"exit_code": self.exit_code, "seconds": self.seconds, "folder": str(self.folder)}
        return {"id": self.id, **asdict(self.request), **results}

    def finished(self, exit_code: int, seconds: dict[str, list[float]]) -> Self:
        """The profile with its results, stored; its files are readable by this user only."""
        done = replace(self, exit_code=exit_code, seconds=seconds)
        words = without_secrets(self.request.words)
        kept = replace(self.request, words=words, withheld=words != self.request.words)
        document = {"asked": asdict(kept), "exit_code": exit_code, "seconds": seconds}
        files.write(self.folder / "profile.json", json.dumps(document).encode())
        for file in self.folder.iterdir():
            file.chmod(0o600)
        return done

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """A stored profile; None if the folder has no finished one."""
        try:
            document = json.loads((folder / "profile.json").read_bytes())
            request = document["asked"]
            request |= {"words": tuple(request["words"]), "kinds": tuple(request["kinds"])}
            return cls(folder, ProfileRequest(**request), document["exit_code"], document["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def frames(self, kind: str) -> dict[str, Any] | None:
        """The frames that `inject/render.py` wrote, see there; None if this kind was not measured."""
        try:
            frames: dict[str, Any] = json.loads((self.folder / f"{kind}.frames.json").read_bytes())
        except (OSError, ValueError):
            return None
        return frames


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Python's own options, and what it runs: a script, `-m MODULE` or `-c CODE`, with its arguments."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        if words[at][:2] in ("-m", "-c"):
            break
        at += 2 if words[at] in VALUED else 1
    return list(words[:at]), list(words[at:])


def title(words: Sequence[str]) -> str:
    """A short name for a command line: the script's, the module's or the command's."""
    _, run = split(words)
    if run[:1] == ["-m"]:
        return run[1] if len(run) > 1 else "module"
    if not run or run[0].startswith("-c"):
        return "code"
    return run[0][2:] if run[0].startswith("-m") else Path(run[0]).stem


def _new_folder(profiles: Path, name: str) -> Path:
    for suffix in ("", *(f".{n}" for n in range(2, 1000))):
        folder = profiles / (name + suffix)
        try:
            folder.mkdir(mode=0o700)
        except FileExistsError:
            continue
        folder.chmod(0o700)  # whatever the umask
        return folder
    raise UsageError(f"{profiles} has too many profiles of this second", f"clear {profiles}")


def stored(state_dir: str) -> list[Profile]:
    """All profiles, oldest first."""
    files = sorted((Path(state_dir) / "profiles").glob("*/profile.json"), key=lambda file: file.stat().st_mtime_ns)
    return [profile for file in files if (profile := Profile.load(file.parent))]


def find(state_dir: str, name: str) -> Profile:
    """The profile called `last`, `previous`, or by an id or its beginning or end.

    Raises UsageError if none or several match.
    """
    profiles = stored(state_dir)
    position = {"last": 1, "previous": 2}.get(name)
    if position:
        matching = profiles[-position : len(profiles) - position + 1]
    else:
        exact = [profile for profile in profiles if profile.id == name]
        matching = exact or [p for p in profiles if p.id.startswith(name) or p.id.endswith(name)]
    if len(matching) != 1:
        problem = "no profile matches" if not matching else f"{len(matching)} profiles match"
        raise UsageError(f"{problem} {name!r}", "samplemind profile list")
    return matching[0]


def repeatable(profile: Profile) -> None:
    """Raises UsageError if secrets were removed from its command line."""
    if profile.request.withheld:
        words = shlex.join(profile.request.words)
        raise UsageError(f"the command line was saved without its secrets: {words}", f"samplemind profile -- {words}")
