"""The profiles that were kept: one folder each, newest last."""

import json
import re
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from samplemind_cli.errors import UsageError

KINDS = ("cpu", "memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What to profile, as typed, and how. `watch`: that running service of the stack in `file`, for so many seconds."""

    words: tuple[str, ...]
    kinds: tuple[str, ...]
    native: bool = False
    children: bool = False
    overhead: bool = False
    watch: int = 0
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

    @classmethod
    def new(cls, state_dir: str, asked: Asked) -> Self:
        """A fresh folder for it. Raises UsageError where none can be made."""
        program = asked.words[1] if asked.words[0] == "-m" else Path(asked.words[0]).stem
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{re.sub(r'[^A-Za-z0-9_.]+', '_', program)}"
        for suffix in ("", *(f".{n}" for n in range(2, 1000))):
            folder = Path(state_dir) / "profiles" / (name + suffix)
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            except OSError as error:
                problem = f"cannot keep a profile in {folder.parent}: {error.strerror}"
                raise UsageError(problem, "export XDG_STATE_HOME=FOLDER, one that you can write to") from error
            return cls(folder, asked)
        raise UsageError(f"{folder.parent} is full of profiles of this second", f"clear {folder.parent}")

    def described(self) -> dict[str, Any]:
        """All that is known of it, for JSON."""
        results = {"exit_code": self.exit_code, "seconds": self.seconds, "folder": str(self.folder)}
        return {"id": self.id, **asdict(self.asked), **results}

    def finished(self, exit_code: int, seconds: dict[str, list[float]]) -> Self:
        """The same with its results, stored."""
        done = replace(self, exit_code=exit_code, seconds=seconds)
        document = {"asked": asdict(self.asked), "exit_code": exit_code, "seconds": seconds}
        (self.folder / "profile.json").write_text(json.dumps(document), "utf-8")
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
        problem = "no profile fits" if not found else f"{len(found)} profiles fit"
        raise UsageError(f"{problem} {name!r}", "samplemind profile list")
    return found[0]
