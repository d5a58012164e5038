"""Reads a chat's input: messages of one or several lines, with a history on a terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplemind_cli import files, output, spool
from samplemind_cli.settings import Settings

PROMPT, MORE = "> ", ". "
FENCE = '"""'
REMEMBERED = 1000  # lines


@contextmanager
def history(settings: Settings) -> Iterator[None]:
    """Within the block, earlier lines can be recalled, on a terminal and unless history is off."""
    if not _typed() or settings.history == "off" or not settings.state_dir:
        yield
        return
    try:
        import readline
    except ImportError:  # some builds of Python have none
        yield
        return
    folder, name = os.path.split(spool.folder(settings.state_dir))
    path = Path(folder, name, "chat_history")
    with suppress(OSError):
        files.private_folder(folder, name)
        os.close(files.private_opener(str(path), os.O_WRONLY | os.O_CREAT))
        readline.read_history_file(path)
    readline.set_history_length(REMEMBERED)
    try:
        yield
    finally:
        with suppress(OSError):
            readline.write_history_file(path)
            path.chmod(0o600)


def turns() -> Iterator[tuple[str, bool]]:
    """Each message until the end of input, without blank ones, and whether it is a command; not if it is fenced.

    Ctrl-C discards a message that is being typed; the end of input ends it.
    """
    while True:
        try:
            turn, fenced = _turn()
        except KeyboardInterrupt:
            output.say("")
            continue
        except EOFError:
            if _typed():
                output.say("")
            return
        if turn.strip():
            yield turn.strip(), turn.lstrip().startswith("/") and not fenced


def _turn() -> tuple[str, bool]:
    """A message as it was typed, and whether it was fenced."""
    line = _line(PROMPT)
    if line.lstrip().startswith(FENCE):
        return _fenced(line.lstrip().removeprefix(FENCE)), True
    lines = [line]
    while lines[-1].endswith("\\"):
        lines[-1] = lines[-1][:-1]
        try:
            lines.append(_line(MORE))
        except EOFError:
            break
    return "\n".join(lines), False


def _fenced(line: str) -> str:
    lines = [line]
    while not lines[-1].rstrip().endswith(FENCE):
        try:
            lines.append(_line(MORE))
        except EOFError:
            return "\n".join(lines)
    lines[-1] = lines[-1].rstrip().removesuffix(FENCE)
    return "\n".join(lines)


def _line(prompt: str) -> str:
    """A line, whatever its bytes; the prompt is shown on a terminal. Raises EOFError."""
    if _typed():
        line = input(prompt)
    else:  # `input` wants stdout and stderr too, and any of the three may be closed
        line = sys.stdin.readline() if sys.stdin else ""
        if not line:
            raise EOFError
        line = line.removesuffix("\n")
    return line.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _typed() -> bool:
    return output.on_terminal(sys.stdin) and output.on_terminal(sys.stdout) and sys.stderr is not None
