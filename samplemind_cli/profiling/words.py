"""The words of a command line: Python's own options, and what Python is to run."""

from collections.abc import Sequence
from pathlib import Path

VALUED = ("-X", "-W", "--check-hash-based-pycs")  # options of Python whose value may be the next word


def split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """The options of Python itself, and what it is to run: a script, `-m MODULE` or `-c CODE`, with its arguments."""
    at = 0
    while at < len(words) and words[at].startswith("-") and words[at] != "-":
        if words[at][:2] in ("-m", "-c"):
            break
        at += 2 if words[at] in VALUED else 1
    return list(words[:at]), list(words[at:])


def title(words: Sequence[str]) -> str:
    """A short name for it: the script's, the module's or the command's."""
    _, run = split(words)
    if run[:1] == ["-m"]:
        return run[1] if len(run) > 1 else "module"
    if not run or run[0].startswith("-c"):
        return "code"
    return run[0][2:] if run[0].startswith("-m") else Path(run[0]).stem
