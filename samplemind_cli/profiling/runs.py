"""The profiles that were kept: one folder each, newest last."""

import json
import re
import shlex
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from samplemind_cli import files
from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.errors import UsageError
from samplemind_cli.profiling.words import title

KINDS = ("cpu", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to profile, as typed, and how.

    `watch`: for so many seconds that running service of the stack in `file`, or the process `pid`. `engine`: the one
    that takes the time, py-spy where it is empty. `withheld`: the words are not all as typed, they had secrets.
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
    """One kept run: `exit_code` and `seconds` by kind (`bare`: without a profiler, one entry per run)."""

    folder: Path
    asked: Asked
    exit_code: int = 0
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The folder's name: the time and the program."""
        return self.folder.name

    @property
    def engine(self) -> str:
        """What took the time."""
        return self.asked.engine or ("py-spy" if self.asked.watch else "pyinstrument")  # the latter in old profiles

    @classmethod
    def new(cls, state_dir: str, asked: Asked) -> Self:
        """A fresh folder for it. Raises UsageError where none can be made."""
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub(r'[^A-Za-z0-9_.]+', '_', title(asked.words))}"
        profiles = Path(state_dir) / "profiles"
        try:
            files.private_folder(profiles)
            return cls(_new_folder(profiles, name), asked)
        except OSError as error:
            problem = f"cannot keep a profile in {profiles}: {error.strerror}"
            raise UsageError(problem, files.remedy(error)) from error

    def described(self) -> dict[str, Any]:
        """All that is known of it, for JSON."""
        results = {"exit_code": self.exit_code, "seconds": self.seconds, "folder": str(self.folder)}
        return {"id": self.id, **asdict(self.asked), **results}

    def finished(self, exit_code: int, seconds: dict[str, list[float]]) -> Self:
        """The same with its results, stored; its files are this user's alone."""
        done = replace(self, exit_code=exit_code, seconds=seconds)
        words = without_secrets(self.asked.words)
        kept = replace(self.asked, words=words, withheld=words != self.asked.words)
        document = {"asked": asdict(kept), "exit_code": exit_code, "seconds": seconds}
        files.write(self.folder / "profile.json", json.dumps(document).encode())
        for file in self.folder.iterdir():
            file.chmod(0o600)
        return done

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """A stored profile; None when the folder holds none that was finished."""
        try:
            found = json.loads((folder / "profile.json").read_bytes())
            asked = found["asked"]
            asked |= {"words": tuple(asked["words"]), "kinds": tuple(asked["kinds"])}
            return cls(folder, Asked(**asked), found["exit_code"], found["seconds"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def frames(self, kind: str) -> dict[str, Any] | None:
        """What `inject/render.py` made of it; None when this kind was not measured."""
        try:
            found: dict[str, Any] = json.loads((self.folder / f"{kind}.frames.json").read_bytes())
        except (OSError, ValueError):
            return None
        return found


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
    """`last`, `previous`, or an id or its beginning or end. Raises UsageError when it fits none or several."""
    profiles = stored(state_dir)
    position = {"last": 1, "previous": 2}.get(name)
    if position:
        found = profiles[-position : len(profiles) - position + 1]
    else:
        exact = [profile for profile in profiles if profile.id == name]
        found = exact or [p for p in profiles if p.id.startswith(name) or p.id.endswith(name)]
    if len(found) != 1:
        problem = "no profile matches" if not found else f"{len(found)} profiles match"
        raise UsageError(f"{problem} {name!r}", "samplemind profile list")
    return found[0]


def repeatable(profile: Profile) -> None:
    """Raises UsageError when its command line was not kept as it was typed."""
    if profile.asked.withheld:
        words = shlex.join(profile.asked.words)
        raise UsageError(f"the command line was saved without its secrets: {words}", f"samplemind profile -- {words}")
