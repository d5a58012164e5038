"""The errors of the engine or Compose when it cannot start a service, with the service's name and a hint."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.stack.docker import failure
from samplemind_cli.stack.services import ServiceState

# Compose's progress: what it does to a container, and that it is done.
_BEGINS = re.compile(r"Container (\S+) +(?:Creating|Recreate|Starting)$")
_DONE = re.compile(r"Container (\S+) +(?:Created|Recreated|Started|Running)$")


def refused(
    selected: Mapping[str, Mapping[str, Any]], project: str, services: Sequence[ServiceState], lines: Sequence[str]
) -> SamplemindError:
    """The error for a start that Compose gave up: its last message, and the service that this is about, if any.

    `selected` is Compose's JSON of the services to start, `services` their states, `lines` Compose's output.
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
    """The services whose containers were being created or started when Compose gave up.

    Several are created at once; then those whose definition contains what the last line is about.
    """
    pending: dict[str, None] = {}
    for line in lines:
        if match := _BEGINS.match(line):
            pending[match[1]] = None
        elif match := _DONE.match(line):
            pending.pop(match[1], None)
    services = (_service_of(container, selected, project) for container in pending)
    names = list(dict.fromkeys(name for name in services if name))
    return [name for name in names if _is_about(selected[name], lines[-1])] or names


def _is_about(definition: Mapping[str, Any], line: str) -> bool:
    """Whether a line quotes a value or a path of the definition, or names a limit that it sets."""
    text = json.dumps(definition, ensure_ascii=False)
    quoted = re.findall(r"\"/?([^\"]+)\"|(/\S+)", line)
    limits = [name for word, name in (("CPUs", '"cpus"'), ("memory limit", '"mem_limit"')) if word in line]
    return any(part in text for part in (*("".join(parts) for parts in quoted), *limits))


def _service_of(container: str, selected: Mapping[str, Mapping[str, Any]], project: str) -> str:
    """The service of a container that does not exist yet, and so has no labels, by its name."""
    for name, definition in selected.items():
        own = definition.get("container_name")
        if container == own or (not own and re.fullmatch(rf"{project}[-_]{re.escape(name)}[-_]\d+", container)):
            return name
    return ""
