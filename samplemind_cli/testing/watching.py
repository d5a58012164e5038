"""Runs the tests again whenever a file changes or a key is pressed."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from samplemind_cli.testing import fingerprints, keyboard
from samplemind_cli.testing.command import RunOptions
from samplemind_cli.testing.fingerprints import Contents, Snapshot
from samplemind_cli.testing.session import Session

PAUSE = 0.3  # seconds, at least, between two looks at the files
REST = 4  # or this times the duration of a look
KEYS = "Enter: again, a: all, f: failed, c: changed, p: path, t: test name, q: quit"


@dataclass(slots=True)
class Filters:
    """What was last typed for `p` and `t`; empty: no filter."""

    path: str = ""
    name: str = ""

    def applied(self, options: RunOptions) -> RunOptions:
        """The options, for these tests only."""
        words = [*options.arguments, *["-k", self.name][: 2 * bool(self.name)], *[self.path][: bool(self.path)]]
        return replace(options, arguments=tuple(words))


def chosen(options: RunOptions, key: str) -> RunOptions:
    """The options for one run after this key."""
    if key == "a":
        return replace(options, all=True, changed=False, failed=False)
    if key == "f":
        return replace(options, all=False, changed=False, failed=True)
    return replace(options, changed=True, failed=False) if key == "c" else options


def watch(session: Session) -> int:
    """Run, wait for a change or a key, run again, until `q` or Ctrl-C; the exit code of the last run."""
    session = replace(session, ends=True)
    root, options, filters = session.project.root, session.options, Filters()
    contents = Contents()
    while True:
        before = fingerprints.snapshot(root, contents)
        outcome = replace(session, options=filters.applied(options)).once()
        if outcome.interrupted():
            return outcome.code
        # Tests may write files, so only a change of a Python file counts as a person's.
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
        options = session.options if changed else chosen(session.options, key)
        contents = contents.again()


def _wait(session: Session, known: Snapshot, filters: Filters) -> tuple[list[str], str]:
    with keyboard.keys() as keys:
        listening = KEYS if keyboard.listens() else "Ctrl-C ends"
        session.say(f"waiting for a change; {_described(filters)}{listening}")
        changed, key = next_change(session.project.root, known, keys.read)
        if key == "p":
            filters.path = keys.line("path (empty: all): ").strip()
        if key == "t":
            filters.name = keys.line("part of the name, as for -k (empty: all): ").strip()
        return changed, key


def _described(filters: Filters) -> str:
    return "".join([f"only {filters.path}; " * bool(filters.path), f"only -k {filters.name!r}; " * bool(filters.name)])


def next_change(root: Path, known: Snapshot, key: Callable[[float], str]) -> tuple[list[str], str]:
    """Wait for a change of the known files, or for one of the KEYS: the changed files, and the key."""
    pause, contents = PAUSE, Contents()
    while True:
        pressed = key(pause)
        began = time.monotonic()
        contents = contents.again()
        changed = fingerprints.changes(known, fingerprints.snapshot(root, contents))
        if changed or (pressed and pressed in "\nafcptq"):
            return changed, pressed
        pause = max(PAUSE, REST * (time.monotonic() - began))
