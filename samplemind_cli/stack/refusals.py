"""What the engine or Compose says when it cannot start a service: in plain words, with a way on."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.stack.docker import failure
from samplemind_cli.stack.services import ServiceState

# Compose's progress: what it does to a container, and that it is done.
_BEGUN = re.compile(r"Container (\S+) +(?:Creating|Recreate|Starting)$")
_DONE = re.compile(r"Container (\S+) +(?:Created|Recreated|Started|Running)$")


def refused(
    selected: Mapping[str, Mapping[str, Any]], project: str, services: Sequence[ServiceState], lines: Sequence[str]
) -> SamplemindError:
    """The error for a start that Compose gave up: what it said last, and which service that was about, if any.

    `selected` is Compose's JSON of the services to start, `services` what became of them, `lines` all it said.
    """
    unstarted = [service for service in services if service.state == "created" and service.error]
    if not unstarted:
        error = failure("\n".join(lines))
        names = _unfinished(selected, project, lines) if isinstance(error, StackError) else []
        return _about(" or ".join(names), error)
    errors = [_about(service.name, failure(service.error)) for service in unstarted]
    return StackError("\n".join(error.message for error in errors), errors[-1].hint)


def _about(names: str, error: SamplemindError) -> SamplemindError:
    return type(error)(f"{names} could not be started: {error.message}", error.hint) if names else error


def _unfinished(selected: Mapping[str, Mapping[str, Any]], project: str, lines: Sequence[str]) -> list[str]:
    """The services whose containers were being made or started when Compose gave up.

    Several are made at once; then those whose definition holds what the last line speaks of.
    """
    begun: dict[str, None] = {}
    for line in lines:
        if found := _BEGUN.match(line):
            begun[found[1]] = None
        elif found := _DONE.match(line):
            begun.pop(found[1], None)
    services = (_service_of(container, selected, project) for container in begun)
    names = list(dict.fromkeys(name for name in services if name))
    return [name for name in names if _speaks_of(selected[name], lines[-1])] or names


def _speaks_of(definition: Mapping[str, Any], line: str) -> bool:
    """Whether a line quotes something of the definition, or a path in it, or complains of a limit that it sets."""
    text = json.dumps(definition, ensure_ascii=False)
    quoted = re.findall(r"\"/?([^\"]+)\"|(/\S+)", line)
    limits = [name for word, name in (("CPUs", '"cpus"'), ("memory limit", '"mem_limit"')) if word in line]
    return any(part in text for part in (*("".join(parts) for parts in quoted), *limits))


def _service_of(container: str, selected: Mapping[str, Mapping[str, Any]], project: str) -> str:
    """The service that a container which does not exist yet is meant for: there are no labels to ask."""
    for name, definition in selected.items():
        own = definition.get("container_name")
        if container == own or (not own and re.fullmatch(rf"{project}[-_]{re.escape(name)}[-_]\d+", container)):
            return name
    return ""
