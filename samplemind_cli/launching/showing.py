"""What a tool is told, as lines for a shell; the token is named and never shown."""

import shlex
from collections.abc import Callable, Iterator

from samplemind_cli.launching.tools import Setup

TOKEN = "$SAMPLEMIND_API_TOKEN"  # noqa: S105 - a name
QUOTES = "''"  # an empty value in every shell


def exports(setup: Setup, line: Callable[[str, str], str]) -> Iterator[str]:
    """One export a variable, safe to evaluate; `line` quotes a value for the shell. The shell puts the token in."""
    for name, value in setup.variables.items():
        yield f'{line(name, "").removesuffix(QUOTES)}"{TOKEN}"' if value == TOKEN else line(name, value)


def command(setup: Setup, more: list[str]) -> str:
    """The command line."""
    return shlex.join([*setup.command, *setup.arguments, *more])
