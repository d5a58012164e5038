"""What `up` records of a stack: which of its services are Redis and Ollama, and where they listen on this machine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from samplemind_cli.settings import Settings
from samplemind_cli.stack import record as records
from samplemind_cli.stack.origin import StackOrigin, engine_elsewhere, is_loopback, origin, scope
from samplemind_cli.stack.record import OLLAMA, REDIS
from samplemind_cli.stack.services import Port, ServiceState
from samplemind_cli.stack.up_plan import UpPlan

KINDS = {"redis": REDIS, "ollama": OLLAMA}


def record(settings: Settings, plan: UpPlan, services: Sequence[ServiceState]) -> None:
    """Record what runs of the stack, and what it adopted; of an engine on another machine nothing can be used here."""
    if not engine_elsewhere():
        whose = origin(settings, plan.stack.files)
        place = whose if whose.carried else replace(whose, folder=scope(settings, plan.stack))
        records.remember(settings, plan.project, place, listening(plan, whose, services))


def listening(plan: UpPlan, whose: StackOrigin, services: Sequence[ServiceState]) -> dict[str, dict[str, Any]]:
    """Where each running service listens, and on which port inside; `also` where else.

    `kind` is there for a Redis or an Ollama.
    """
    found: dict[str, dict[str, Any]]
    found = {name: {"target": OLLAMA, "host": h, "adopted": True, "kind": "ollama"} for name, h in plan.adopted.items()}
    for service in services:
        kind, ports = kind_of(service.service, service.image), _reached(service, whose)
        port = _port(ports, KINDS.get(kind, 0))
        if port is None:
            continue
        known = {"kind": kind} if port.target == KINDS.get(kind) else {}
        place = found.setdefault(service.service, {"target": port.target, "host": port.host, **known})
        if also := {*place.get("also", ()), *(other.host for other in ports)} - {place["host"]}:
            place["also"] = sorted(also)
    return found


def _reached(service: ServiceState, whose: StackOrigin) -> list[Port]:
    """Its ports that programs here reach; those of a project's own stack on loopback alone."""
    ports = service.ports if service.state == "running" else ()
    return [port for port in ports if port.protocol == "tcp" and (whose.carried or is_loopback(port.address_here))]


def kind_of(name: str, image: str) -> str:
    """What a service is, by its own name or its image's; a port alone says nothing, anything may listen on 11434."""
    known_as = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((kind for kind in KINDS if kind in (name, known_as)), "")


def _port(ports: Sequence[Port], target: int) -> Port | None:
    return next((port for port in ports if port.target == target), ports[0] if ports else None)
