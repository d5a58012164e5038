"""Compose's own file watching, as declared by `develop: watch:`."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.stack.docker import attended, compose_command, failure, plain
from samplemind_cli.stack.files import Stack


def watchable(declared: Mapping[str, Any], services: Sequence[str]) -> list[str]:
    """The services among `services` (none: all) with a `develop: watch:`. Raises UsageError if a named one has none."""
    watching = [name for name, one in declared["services"].items() if (one.get("develop") or {}).get("watch")]
    hint = "https://docs.docker.com/compose/how-tos/file-watch/ shows how"
    if not watching:
        raise UsageError("no service has a `develop: watch:` in the compose file", hint)
    for name in services:
        if name not in watching:
            raise UsageError(f"{name} has no `develop: watch:`", f"services that have one: {', '.join(watching)}")
    return list(services) or watching


def watched(stack: Stack, services: Sequence[str], *, start: bool) -> Iterator[str]:
    """Compose's output while it watches, line by line, until it is closed. Raises StackError."""
    line = ""
    with attended(compose_command(stack, "watch", *([] if start else ["--no-up"]), *services)) as child:
        for raw in child.stdout or ():
            if text := plain(raw):
                line = text
                yield line
        if child.wait() != 0:
            raise failure(line)
