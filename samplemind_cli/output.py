"""What the user sees: data on stdout, messages on stderr; the only module that writes to a terminal.

Every text is made `harmless`, except control codes of our own, which are `Own`, and data that goes into a pipe.
"""

import re
import sys
from collections.abc import Iterable, Sequence
from io import TextIOWrapper
from typing import TYPE_CHECKING, Any, TextIO

from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.escapes import harmless, harmless_line, json_text

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

OURS = re.compile(r"\n(?=[^\w\n]*(?:error|hint|warning|note):)", re.IGNORECASE)
LEAST = 12  # terminal columns per column of a table; with fewer, folded cells would be unreadable


def use_utf_8() -> None:
    """Let rich and click write UTF-8 too, whatever the locale; a lone surrogate becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper) and stream.encoding.lower() != "utf-8":
            stream.reconfigure(encoding="utf-8", errors="replace")


class Own(str):
    """Text for a terminal whose control codes are our own, or data for a pipe; `write` leaves it as it is."""

    __slots__ = ()


CLEAR = Own("\x1b[H\x1b[J")


def coloured(text: str, code: int) -> str:
    """The text in one of the terminal's colours or styles, by its SGR code."""
    return Own(f"\x1b[{code}m{harmless(text)}\x1b[0m")


def data(text: str) -> str:
    """The command's result, such as an answer: unchanged in a pipe, harmless on a terminal."""
    return text if on_terminal(sys.stdout) else Own(text)


def write(*pieces: str) -> None:
    """Write text to stdout as UTF-8, whatever the locale, and flush. A closed pipe raises BrokenPipeError."""
    _emit(sys.stdout, "".join(piece if isinstance(piece, Own) else harmless(piece) for piece in pieces))


def lines(texts: Iterable[str]) -> None:
    """Write each text as one line of stdout; line breaks in it are escaped."""
    write("".join(f"{harmless_line(text)}\n" for text in texts))


def say(text: str) -> None:
    """A message to stderr. Further lines that look like ours are indented, as they may be a provider's."""
    line = OURS.sub("\n  ", harmless(text)) + "\n"
    if sys.stderr is not None and on_terminal(sys.stderr):
        sys.stderr.write(line)  # above a live display, which has replaced sys.stderr
        sys.stderr.flush()
    else:
        _emit(sys.stderr, line)


def print_json(data: Any) -> None:
    """One JSON document and a newline to stdout."""
    write(json_text(data) + "\n")


def show_bug(error: BaseException) -> None:
    """The traceback of an unexpected error; its message may be untrusted text."""
    from traceback import format_exception

    _emit(sys.stderr, harmless("".join(format_exception(error))))


def fail(error: SamplemindError) -> None:
    """Print an error: what happened and why, then the next command."""
    say(f"error: {error.message}")
    if error.hint:
        say(f"hint: {error.hint}")


def on_terminal(stream: TextIO | None) -> bool:
    """Whether a person is looking at this stream; False when it is closed."""
    return stream is not None and not stream.closed and stream.isatty()


def console(stream: TextIO, *, width: int | None = None) -> "Console":
    """A rich console that escapes text too; in a pipe it neither colours nor folds lines.

    With a `width`, in columns, it renders for a terminal whatever the stream is.
    """
    from samplemind_cli.terminal import HarmlessConsole

    if width is not None:
        return HarmlessConsole(file=stream, width=width, force_terminal=True)
    if on_terminal(stream):
        return HarmlessConsole(file=stream, soft_wrap=True)
    return HarmlessConsole(file=stream, width=10_000)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns on stdout; on a terminal cells fold, or are listed below each other where it is too narrow.

    In a pipe they never fold (and rich is not imported).
    """
    rows = [tuple(map(harmless_line, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    if not on_terminal(sys.stdout):
        lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in (columns, *rows))
        write("".join(f"{line}\n" for line in lines))
        return
    import shutil

    terminal = shutil.get_terminal_size().columns
    if sum(widths) > terminal and terminal < LEAST * len(columns):
        write("".join(_records(columns, rows)))
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    grid = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for row in rows:
        grid.add_row(*(Text(cell, overflow="fold") for cell in row))
    out = console(sys.stdout)
    with out.capture() as captured:
        out.print(grid, soft_wrap=False)
    write(Own("\n".join(line.rstrip() for line in captured.get().splitlines()) + "\n"))


def _records(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterable[str]:
    """Each row as several lines: the first cell, then the others that are not empty, after their columns' names."""
    names = [name.lower() for name in columns[1:]]
    width = max(map(len, names), default=0)
    for first, *others in rows:
        cells = zip(names, others, strict=True)
        yield "".join([f"{first}\n", *(f"  {name:<{width}}  {cell}\n" for name, cell in cells if cell)])


def progress(*columns: Any) -> "Progress":
    """A progress display on stderr that is erased at its end; disabled where stderr is not a terminal."""
    from rich.progress import Progress

    return Progress(*columns, console=console(sys.stderr), transient=True, disable=not on_terminal(sys.stderr))


def confirm(question: str, *, yes: bool) -> bool:
    """Ask before a destructive act; `yes` is --yes. Raises UsageError without a terminal."""
    if yes:
        return True
    if not (on_terminal(sys.stdin) and on_terminal(sys.stderr)):
        raise UsageError(f"{question} This is not a terminal.", "say --yes")
    _emit(sys.stderr, harmless(f"{question} [y/N] "))
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def size(count: float) -> str:
    """Bytes for display: `0 B`, `12.3 MB`, `4.2 GB`, in powers of 1000."""
    units = iter(("B", "kB", "MB", "GB", "TB"))
    unit = next(units)
    while count >= 999.95 and unit != "TB":  # noqa: PLR2004 - what rounds to 1000.0
        count, unit = count / 1000, next(units)
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"


def _emit(stream: TextIO | None, text: str) -> None:
    if stream is None:  # started without this stream
        return
    stream.flush()
    stream.buffer.write(text.encode("utf-8", "replace"))
    stream.buffer.flush()
