"""Run the tests again and again: as files change, or as a key says."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from samplemind_cli.testing import fingerprints, keyboard
from samplemind_cli.testing.command import RunOptions
from samplemind_cli.testing.fingerprints import Contents, Snapshot
from samplemind_cli.testing.session import Session

PAUSE = 0.3  # seconds between two looks at the files, and at least
REST = 4  # times as long as a look took
KEYS = "Enter: again, a: all, f: failed, c: changed, p: path, t: test name, q: quit"


@dataclass(slots=True)
class Filters:
    """What `p` and `t` were told last; empty: nothing."""

    path: str = ""
    name: str = ""

    def applied(self, asked: RunOptions) -> RunOptions:
        """The same, for these tests only."""
        words = [*asked.arguments, *["-k", self.name][: 2 * bool(self.name)], *[self.path][: bool(self.path)]]
        return replace(asked, arguments=tuple(words))


def chosen(asked: RunOptions, key: str) -> RunOptions:
    """What a key changes in what was asked, for one run."""
    if key == "a":
        return replace(asked, all=True, changed=False, failed=False)
    if key == "f":
        return replace(asked, all=False, changed=False, failed=True)
    return replace(asked, changed=True, failed=False) if key == "c" else asked


def watch(session: Session) -> int:
    """Run, wait for a change or a key, run again, until `q` or Ctrl-C; the exit code of the last run."""
    session = replace(session, ends=True)
    root, asked, filters = session.project.root, session.asked, Filters()
    contents = Contents()
    while True:
        before = fingerprints.snapshot(root, contents)
        outcome = replace(session, asked=filters.applied(asked)).once()
        if outcome.interrupted():
            return outcome.code
        # Tests may write files of their own; a Python file that changed meanwhile was changed by a person.
        contents = contents.again()
        after = fingerprints.snapshot(root, contents)
        changed, key = [name for name in fingerprints.changes(before, after) if name.endswith(".py")], ""
        try:
            if not changed:
                changed, key = _wait(session, after, filters)
        except KeyboardInterrupt:
            return outcome.code
        if key == "q" and not changed:
            return outcome.code
        if changed:
            session.say(f"changed: {', '.join(changed[:5])}" + (f" and {len(changed) - 5} more" if changed[5:] else ""))
        asked = session.asked if changed else chosen(session.asked, key)
        contents = contents.again()


def _wait(session: Session, known: Snapshot, filters: Filters) -> tuple[list[str], str]:
    with keyboard.keys() as keys:
        listening = KEYS if keyboard.listens() else "Ctrl-C ends"
        session.say(f"waiting for a change; {_told(filters)}{listening}")
        changed, key = next_change(session.project.root, known, keys.read)
        if key == "p":
            filters.path = keys.line("path (empty: all): ").strip()
        if key == "t":
            filters.name = keys.line("part of the name, as for -k (empty: all): ").strip()
        return changed, key


def _told(filters: Filters) -> str:
    return "".join([f"only {filters.path}; " * bool(filters.path), f"only -k {filters.name!r}; " * bool(filters.name)])


def next_change(root: Path, known: Snapshot, key: Callable[[float], str]) -> tuple[list[str], str]:
    """Wait for files that differ from what is known, or for a key that means something: those files, and the key."""
    pause, contents = PAUSE, Contents()
    while True:
        pressed = key(pause)
        began = time.monotonic()
        contents = contents.again()
        changed = fingerprints.changes(known, fingerprints.snapshot(root, contents))
        if changed or (pressed and pressed in "\nafcptq"):
            return changed, pressed
        pause = max(PAUSE, REST * (time.monotonic() - began))
