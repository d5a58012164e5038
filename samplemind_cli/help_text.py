"""The layout of `--help`: as narrow as the terminal, long options on their own line, each command's line uncut.

Typer bundles its own click and exports neither its formatter nor its types; documented are the classes to derive from
and the attributes to set, `formatter_class` and `context_class` among them.
"""

from math import isnan
from typing import Any

import typer
from typer.core import TyperGroup


class Formatter(typer.Context.formatter_class):  # type: ignore[valid-type,misc]
    """Click's help, but readable at 40 columns."""

    def __init__(self, indent_increment: int = 2, width: int | None = None, max_width: int | None = None) -> None:
        columns = typer.get_terminal_size().columns
        super().__init__(indent_increment, width or min(columns, max_width or 80) - 2, max_width)

    def write_text(self, text: str) -> None:
        """Write a paragraph; one that begins with backslash-b keeps its lines, also in a raw docstring."""
        super().write_text(text.replace("\\b\n", "\b\n"))

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Write rows of two columns."""
        super().write_dl(rows, min(col_max, max(self.width // 3, 8)), col_spacing)


class Context(typer.Context):
    """A click context that uses our formatter."""

    formatter_class = Formatter


class Group(TyperGroup):
    """Commands under one name; without one of them, the help goes to stderr."""

    context_class = Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse, and print the help where nothing was given: click would raise it as an error."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            from samplemind_cli import output

            output.say(ctx.get_help())
            raise typer.Exit(2)
        return super().parse_args(ctx, args)


def complete(command: Any) -> None:
    """Give a command that Typer built, and its subcommands, our help and our check of numbers."""
    command.context_class = Context
    for parameter in command.params:
        if parameter.type.name.startswith("float"):
            parameter.callback = _finite
    for sub in getattr(command, "commands", {}).values():
        sub.short_help = sub.get_short_help_str(10_000)  # click would cut it at the terminal's width
        complete(sub)


def _finite(ctx: Any, parameter: Any, value: Any) -> Any:
    """Refuse nan, which passes every range check."""
    if isinstance(value, float) and isnan(value):
        raise typer.BadParameter("must be a finite number", ctx, parameter)
    return value
