"""`samplemind logs`: shows the services' logs."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from samplemind_cli.commands.up import LongFile, Profiles, ProjectName
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from samplemind_cli.stack.logs import LogLine

Level = Literal["debug", "info", "warning", "error", "fatal"]
COLOURS = ("cyan", "magenta", "green", "blue", "bright_cyan", "bright_magenta")
STYLES = {"debug": "dim", "warning": "yellow", "error": "red", "fatal": "bold red"}


def logs(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Show new lines as they come, until Ctrl-C.")] = False,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only later lines: 10m, 2h or 2026-11-22T20:00:00.")
    ] = None,
    until: Annotated[str | None, typer.Option(metavar="WHEN", help="Only earlier lines.")] = None,
    tail: Annotated[
        int | None, typer.Option("--tail", "-n", min=0, metavar="N", help="The last N lines of each service.")
    ] = None,
    grep: Annotated[str | None, typer.Option(metavar="REGEX", help="Only lines that match.")] = None,
    level: Annotated[Level, typer.Option(help="Only this level and worse.")] = "debug",
    timestamps: Annotated[bool, typer.Option("--timestamps", "-t", help="Show each line's time (UTC).")] = False,
    file: LongFile = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line.")] = False,
) -> None:
    r"""Show the services' logs, merged by time.

    A line without a level counts as info. --grep and --level filter the lines that --tail and --since select.

    \b
    Example:
      samplemind logs -f --level warning
      samplemind logs api --since 10m --grep "timeout|refused"
    """
    from samplemind_cli import output
    from samplemind_cli.stack.declared import declared
    from samplemind_cli.stack.files import located
    from samplemind_cli.stack.levels import LEVELS
    from samplemind_cli.stack.logs import read
    from samplemind_cli.stack.sources import unreadable

    values = {"--since": since, "--until": until, "--tail": tail}
    options = [word for name, value in values.items() if value is not None for word in (name, str(value))]
    options += ["--follow"] if follow else []
    pattern, allowed = _pattern(grep), LEVELS[LEVELS.index(level) :]
    show = _as_json if as_json else _renderer(timestamps=timestamps)
    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    stack = located(settings)
    name, _ = declared(settings, stack)
    for service, driver in unreadable(name).items():
        if not services or service in services:
            output.say(f"note: {service} is left out: its logging driver, {driver}, cannot be read")
    for line in read(stack, services or [], options, project=name, reader=sys.stdout.fileno()):
        if line.level in allowed and pattern.search(line.message):
            output.write(show(line))


def _pattern(grep: str | None) -> re.Pattern[str]:
    from samplemind_cli.errors import UsageError

    try:
        return re.compile(grep or "")
    except re.error as error:
        why = f"--grep {grep!r} is not a valid regular expression: {error}"
        raise UsageError(why, "escape special characters with \\") from None


def _as_json(line: "LogLine") -> str:
    from dataclasses import asdict

    from samplemind_cli.escapes import json_text

    return json_text(asdict(line)) + "\n"


def _renderer(*, timestamps: bool) -> "Callable[[LogLine], str]":
    """A function from a line to text: `service | message`, on a terminal in the service's colour."""
    from samplemind_cli import output
    from samplemind_cli.escapes import harmless_line

    width, colours = 8, dict[str, str]()
    console = output.console(sys.stdout) if output.on_terminal(sys.stdout) else None

    def render(line: "LogLine") -> str:
        nonlocal width
        width = max(width, len(line.name))
        head = f"{f'{line.time[:23]} ' if timestamps else ''}{line.name:{width}} | "
        if console is None:
            return f"{head}{harmless_line(line.message)}\n"
        from rich.text import Text

        colour = colours.setdefault(line.name, COLOURS[len(colours) % len(COLOURS)])
        with console.capture() as captured:
            console.print(Text.assemble((head, colour), (harmless_line(line.message), STYLES.get(line.level, ""))))
        return output.Own(captured.get())

    return render
