"""What `--help` looks like: as narrow as the terminal, long options on a line of their own, each command's line whole.

Typer brings its own click and exports neither its formatter nor its types; what it documents are the classes to derive
from and the attributes to set, `formatter_class` and `context_class` among them.
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
        """A paragraph; one that begins with backslash-b keeps its lines, also where the docstring is a raw one."""
        super().write_text(text.replace("\\b\n", "\b\n"))

    def write_dl(self, rows: Any, col_max: int = 30, col_spacing: int = 2) -> None:
        """Rows of two columns."""
        super().write_dl(rows, min(col_max, max(self.width // 3, 8)), col_spacing)


class Context(typer.Context):
    """One command's run, whose help our formatter writes."""

    formatter_class = Formatter


class Group(TyperGroup):
    """Commands under one name; without any of them, its help goes to stderr."""

    context_class = Context

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's own, which would raise the help as an error."""
        if not args and self.no_args_is_help and not ctx.resilient_parsing:
            from samplemind_cli import output

            output.say(ctx.get_help())
            raise typer.Exit(2)
        return super().parse_args(ctx, args)


def complete(command: Any) -> None:
    """Give a command that Typer made, and those below it, our help and our reading of numbers."""
    command.context_class = Context
    for parameter in command.params:
        if parameter.type.name.startswith("float"):
            parameter.callback = _finite
    for sub in getattr(command, "commands", {}).values():
        sub.short_help = sub.get_short_help_str(10_000)  # whole: click would cut it at the terminal's width
        complete(sub)


def _finite(ctx: Any, parameter: Any, value: Any) -> Any:
    """Refuse nan, which lies in every range."""
    if isinstance(value, float) and isnan(value):
        raise typer.BadParameter("must be a finite number", ctx, parameter)
    return value
