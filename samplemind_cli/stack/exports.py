"""The variables that `samplemind env` exports: threads, Docker's switches, the stack's addresses; shell quoting.

A shell keeps them when it leaves the folder, so a project's compose file chooses none that says where keys, prompts or
code go. Its services are SAMPLEMIND_SERVICE_<NAME>_URL; `redis` and `mongodb` have the field's names too, where they
are one by their port. OLLAMA_HOST, SAMPLEMIND_REDIS_URL and SAMPLEMIND_API_URL lead to the carried stack alone; inside
of a project `ask` finds the project's own Ollama by what `up` recorded.
"""

import re
import shlex
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import docker
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import located
from samplemind_cli.stack.origin import StackOrigin, engine_elsewhere, is_loopback, origin, started_from
from samplemind_cli.stack.ports import wanted
from samplemind_cli.stack.services import COMPOSE, Port, containers, number_of, ports_in_list, preferred

Shell = Literal["bash", "zsh", "fish"]
TARGETS = {"redis": 6379, "ollama": 11434, "mongodb": 27017, "api": 8000}  # ports inside the containers
OWN = {"redis": ("REDIS_URL",), "mongodb": ("MONGODB_URI",)}  # what a project's own services may set
CARRIED = {
    "redis": ("REDIS_URL", "SAMPLEMIND_REDIS_URL"),
    "ollama": ("OLLAMA_HOST",),
    "mongodb": ("MONGODB_URI",),
    "api": ("SAMPLEMIND_API_URL",),
}
SILENCE = 2.0  # seconds that a shell's start waits for a daemon
WITHHELD = (
    "OLLAMA_HOST is not set to this project's ollama, which would get the prompts of every folder; "
    "`samplemind ask` uses it in here once `samplemind up` has started it"
)


@dataclass(slots=True)
class Exports:
    """Values by variable, and what was left out or named otherwise, for people."""

    values: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def speed(cores: int) -> dict[str, str]:
    """Docker's builder, and as many threads in NumPy and its like as there are cores: alone they count the host's."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
    return {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", **dict.fromkeys(threads, str(cores))}


def of_stack(settings: Settings) -> Exports:
    """The addresses of the stack in force here; a shell's start-up file must go on without them and without Docker."""
    try:
        if host := engine_elsewhere():
            return Exports(notes=[f"the stack's addresses are left out: its engine is on another machine ({host})"])
        stack = located(settings)
        config = docker.config(stack, timeout=docker.PATIENCE)
    except StackError as error:
        return Exports(notes=[f"no addresses of the stack: {error.message}"])
    whose, running = origin(settings, stack.files), list[dict[str, Any]]()
    with suppress(StackError), Engine(SILENCE) as engine:  # without a daemon the files say where services will be
        running = containers(engine, config["name"])
    return addresses(published(config["services"], whose, running, settings), whose, settings)


def published(
    declared: Mapping[str, Any], whose: StackOrigin, running: Iterable[Mapping[str, Any]], settings: Settings
) -> dict[str, tuple[Port, ...]]:
    """The ports of each service in Compose's JSON: those of its running container, else those that the files fix.

    `running` is the engine's list of containers, those of services in inactive profiles too. One that another stack's
    files started does not count, whatever its project is called.
    """
    found = {name: preferred(wanted(definition)) for name, definition in declared.items()}
    for container in sorted(running, key=lambda one: number_of(one["Labels"]), reverse=True):  # the first one counts
        files = started_from(container)
        if container["State"] == "running" and files and origin(settings, files) == whose:
            name, ports = container["Labels"].get(f"{COMPOSE}.service", ""), ports_in_list(container)
            found.update({name: ports} if ports and name else {})
    return found


def addresses(services: Mapping[str, Sequence[Port]], whose: StackOrigin, settings: Settings) -> Exports:
    """Each service's address by its variables' names. Addresses that are not this machine's are left out.

    A Redis or Ollama that the user's settings name is in use instead of the carried stack's own.
    """
    chosen = {"redis": _chosen(settings, "redis_url"), "ollama": _chosen(settings, "ollama_host")}
    found = Exports()
    for service, (variable, is_shared) in _variables(services).items():
        here = [port for port in services[service] if whose.carried or is_loopback(port.address_here)]
        port = next((port for port in here if port.target == TARGETS.get(service)), here[0] if here else None)
        url = (whose.carried and chosen.get(service)) or (port.url if port else "")
        if not url:
            found.notes += [f"{service} is left out: {port.host} is not this machine" for port in services[service][:1]]
            continue
        is_one = port is None or (port.target == TARGETS.get(service) and port.protocol == "tcp")
        names = (CARRIED if whose.carried else OWN).get(service) if is_one else None
        found.values.update(dict.fromkeys(names or (variable,), url))
        found.notes += [f"{service} is {variable}, as other services may have the same name in capitals"] * is_shared
        found.notes += [WITHHELD] * (service == "ollama" and is_one and not whose.carried)
    return found


def _chosen(settings: Settings, name: str) -> str:
    """What the user set; empty for the default and for what `up` recorded."""
    value, source = str(getattr(settings, name)), settings.source(name)
    return "" if source.startswith("the stack ") or value == getattr(Settings(), name) else value


def _variables(services: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """A valid shell name for each service, and whether others would have had the same: then it holds a checksum."""
    plain = {service: re.sub("[^A-Z0-9]", "_", service.upper()) for service in services}
    count, found = Counter(plain.values()), {}
    for service, name in plain.items():
        is_shared = count[name] > 1 or re.search("__[0-9A-F]{8}$", name) is not None
        mark = f"__{zlib.crc32(service.encode()):08X}" if is_shared else ""
        found[service] = f"SAMPLEMIND_SERVICE_{name}{mark}_URL", is_shared
    return found


def line(name: str, value: str, shell: Shell) -> str:
    """One export, safe to evaluate whatever the value holds."""
    if shell == "fish":  # in its single quotes a backslash escapes itself and the quote, and nothing else
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    return f"export {name}={shlex.quote(value)}"
