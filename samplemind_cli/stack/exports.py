"""The variables that `samplemind env` exports: thread counts, Docker's switches, the stack's addresses; shell quoting.

A shell keeps them after it leaves the folder, so a project's compose file cannot set one that says where keys, prompts
or code go. Its services are SAMPLEMIND_SERVICE_<NAME>_URL; `redis` and `mongodb`, if their port is the usual one, have
the usual name instead. OLLAMA_HOST, SAMPLEMIND_REDIS_URL and SAMPLEMIND_API_URL point only to the carried stack; inside
a project `ask` finds the project's own Ollama in the record of `up`.
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
from samplemind_cli.stack.ports import fixed_ports
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
SILENCE = 2.0  # seconds to wait for a daemon while a shell starts
WITHHELD = (
    "OLLAMA_HOST is not set to this project's ollama, which would get the prompts of every folder; "
    "`samplemind ask` uses it in here once `samplemind up` has started it"
)


@dataclass(slots=True)
class Exports:
    """Values by variable, and notes for people on what was left out or renamed."""

    values: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def speed(cores: int) -> dict[str, str]:
    """Docker's switches, and `cores` threads for NumPy and the like, which by default count the host's cores."""
    threads = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_MAX_THREADS")
    return {"DOCKER_BUILDKIT": "1", "COMPOSE_DOCKER_CLI_BUILD": "1", **dict.fromkeys(threads, str(cores))}


def of_stack(settings: Settings) -> Exports:
    """The addresses of the stack in force here. Never raises StackError: a shell must start without Docker, too."""
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
    """The ports of each service in Compose's JSON: those of its running container, else the fixed ones in the files.

    `running` is the engine's list of containers, including services of inactive profiles. A container of another
    stack's files is ignored, whatever its project is called.
    """
    services = {name: preferred(fixed_ports(definition)) for name, definition in declared.items()}
    for container in sorted(running, key=lambda one: number_of(one["Labels"]), reverse=True):  # the first one wins
        files = started_from(container)
        if container["State"] == "running" and files and origin(settings, files) == whose:
            name, ports = container["Labels"].get(f"{COMPOSE}.service", ""), ports_in_list(container)
            services.update({name: ports} if ports and name else {})
    return services


def addresses(services: Mapping[str, Sequence[Port]], whose: StackOrigin, settings: Settings) -> Exports:
    """Each service's address, by variable. Addresses of other machines are left out.

    A Redis or Ollama in the user's settings replaces the carried stack's own.
    """
    chosen = {"redis": _chosen(settings, "redis_url"), "ollama": _chosen(settings, "ollama_host")}
    exports = Exports()
    for service, (variable, is_shared) in _variables(services).items():
        here = [port for port in services[service] if whose.carried or is_loopback(port.address_here)]
        port = next((port for port in here if port.target == TARGETS.get(service)), here[0] if here else None)
        url = (whose.carried and chosen.get(service)) or (port.url if port else "")
        if not url:
            away = (f"{service} is left out: {port.host} is not this machine" for port in services[service][:1])
            exports.notes += away
            continue
        usual = port is None or (port.target == TARGETS.get(service) and port.protocol == "tcp")
        names = (CARRIED if whose.carried else OWN).get(service) if usual else None
        exports.values.update(dict.fromkeys(names or (variable,), url))
        exports.notes += [f"{service} is {variable}, as other services may have the same name in capitals"] * is_shared
        exports.notes += [WITHHELD] * (service == "ollama" and usual and not whose.carried)
    return exports


def _chosen(settings: Settings, name: str) -> str:
    """The value that the user set; empty for the default and for what `up` recorded."""
    value, source = str(getattr(settings, name)), settings.source(name)
    return "" if source.startswith("the stack ") or value == getattr(Settings(), name) else value


def _variables(services: Iterable[str]) -> dict[str, tuple[str, bool]]:
    """A valid variable name for each service; if others might get the same, it holds a checksum, and True."""
    plain = {service: re.sub("[^A-Z0-9]", "_", service.upper()) for service in services}
    count, variables = Counter(plain.values()), {}
    for service, name in plain.items():
        is_shared = count[name] > 1 or re.search("__[0-9A-F]{8}$", name) is not None
        mark = f"__{zlib.crc32(service.encode()):08X}" if is_shared else ""
        variables[service] = f"SAMPLEMIND_SERVICE_{name}{mark}_URL", is_shared
    return variables


def line(name: str, value: str, shell: Shell) -> str:
    """One export statement, quoted for the shell."""
    if shell == "fish":  # in its single quotes a backslash escapes only itself and the quote
        quoted = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"set -gx {name} '{quoted}'"
    return f"export {name}={shlex.quote(value)}"
