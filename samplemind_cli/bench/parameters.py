"""Parameters of a command: all combinations of their values, which replace `{NAME}`."""

import itertools
import re
from collections.abc import Mapping, Sequence

from samplemind_cli.errors import UsageError

COMMA = re.compile(r"(?<!\\),")  # an escaped one belongs to the value
Values = Mapping[str, Sequence[str]]


def read(options: Sequence[tuple[str, str]], command: Sequence[str]) -> dict[str, list[str]]:
    """The values of `--parameter NAME a,b,c`, by name. Raises UsageError for an unused or repeated one."""
    result: dict[str, list[str]] = {}
    for name, text in options:
        values = [value.replace("\\,", ",") for value in COMMA.split(text)]
        if "=" in name:
            first, _, rest = name.partition("=")
            good = f"samplemind bench run --parameter {first} {rest} -- COMMAND {{{first}}}"
            raise UsageError(f"--parameter takes a name and its values as two words, not {name!r}", good)
        example = f"samplemind bench run --parameter {name or 'N'} 1,2 -- COMMAND {{{name or 'N'}}}"
        if not name or not any(f"{{{name}}}" in word for word in command):
            raise UsageError(f"the command has no {{{name}}}, so --parameter {name} would change nothing", example)
        if name in result:
            raise UsageError(f"--parameter {name} is given twice", example)
        if len(set(values)) < len(values):
            raise UsageError(f"--parameter {name} has the same value twice: {text}", example)
        result[name] = values
    return result


def combinations(parameters: Values) -> list[dict[str, str]]:
    """Each combination of values, by name; without parameters, one empty combination."""
    return [dict(zip(parameters, values, strict=True)) for values in itertools.product(*parameters.values())]


def substitute(command: Sequence[str], values: Mapping[str, str]) -> list[str]:
    """The command with each `{NAME}` replaced, but not within values; other braces are unchanged."""
    if not values:
        return list(command)
    places = re.compile("|".join(re.escape(f"{{{name}}}") for name in values))
    return [places.sub(lambda place: values[place.group()[1:-1]], word) for word in command]


def label(values: Mapping[str, str]) -> str:
    """A combination as text, such as `n=1 mode=fast`."""
    return " ".join(f"{name}={value}" for name, value in values.items())
