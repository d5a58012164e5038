"""Compose's own watching of files, as its `develop: watch:` declares it."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.stack.docker import attended, compose_command, failure
from samplemind_cli.stack.files import Stack

_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def watchable(declared: Mapping[str, Any], services: Sequence[str]) -> list[str]:
    """Those of `services` (none: of all) that declare what to watch. Raises UsageError when one named does not."""
    found = [name for name, one in declared["services"].items() if (one.get("develop") or {}).get("watch")]
    hint = "https://docs.docker.com/compose/how-tos/file-watch/ shows how"
    if not found:
        raise UsageError("no service has a `develop: watch:` in the compose file", hint)
    for name in services:
        if name not in found:
            raise UsageError(f"{name} has no `develop: watch:`", f"services that have one: {', '.join(found)}")
    return list(services) or found


def watched(stack: Stack, services: Sequence[str], *, start: bool) -> Iterator[str]:
    """What Compose says while it watches, line by line, without end. Raises StackError."""
    line = ""
    with attended(compose_command(stack, "watch", *([] if start else ["--no-up"]), *services)) as child:
        for raw in child.stdout or ():
            if text := _ANSI.sub("", raw.decode("utf-8", "replace")).strip():
                line = text
                yield line
        if child.wait() != 0:
            raise failure(line)
