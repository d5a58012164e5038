"""What `up` records of a stack: which of its services are Redis and Ollama, and where they listen on this machine."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from samplemind_cli.settings import Settings
from samplemind_cli.stack import record as records
from samplemind_cli.stack.origin import StackOrigin, engine_elsewhere, is_loopback, origin, scope
from samplemind_cli.stack.plan import UpPlan
from samplemind_cli.stack.record import OLLAMA, REDIS
from samplemind_cli.stack.services import Port, ServiceState

KINDS = {"redis": REDIS, "ollama": OLLAMA}


def record(settings: Settings, plan: UpPlan, services: Sequence[ServiceState]) -> None:
    """Record what runs of the stack, and what it adopted; of an engine on another machine nothing can be used here."""
    if not engine_elsewhere():
        whose = origin(settings, plan.stack.files)
        place = whose if whose.carried else replace(whose, folder=scope(settings, plan.stack))
        records.remember(settings, plan.project, place, listening(plan, whose, services))


def listening(plan: UpPlan, whose: StackOrigin, services: Sequence[ServiceState]) -> dict[str, dict[str, Any]]:
    """Where each running service listens, and on which port inside; `kind` is there for a Redis or an Ollama."""
    found = {name: {"target": OLLAMA, "host": h, "adopted": True, "kind": "ollama"} for name, h in plan.adopted.items()}
    for service in services:
        kind = kind_of(service.service, service.image)
        port = _port(service, KINDS.get(kind, 0)) if service.state == "running" else None
        if port and (whose.carried or is_loopback(port.address_here)):
            known = {"kind": kind} if port.target == KINDS.get(kind) else {}
            found.setdefault(service.service, {"target": port.target, "host": port.host, **known})
    return found


def kind_of(name: str, image: str) -> str:
    """What a service is, by its own name or its image's; a port alone says nothing, anything may listen on 11434."""
    known_as = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((kind for kind in KINDS if kind in (name, known_as)), "")


def _port(service: ServiceState, target: int) -> Port | None:
    ports = [port for port in service.ports if port.protocol == "tcp"]
    return next((port for port in ports if port.target == target), ports[0] if ports else None)
