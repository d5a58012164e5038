"""Records for `ask` and `models` which services of a stack are Redis and Ollama, and where they listen."""

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
    """Record the stack's running and adopted services, unless its engine is on another machine. Raises StackError."""
    if not engine_elsewhere():
        whose = origin(settings, plan.stack.files)
        place = whose if whose.carried else replace(whose, folder=scope(settings, plan.stack))
        records.remember(settings, plan.project, place, listening(plan, whose, services))


def listening(plan: UpPlan, whose: StackOrigin, services: Sequence[ServiceState]) -> dict[str, dict[str, Any]]:
    """Each running service's address (`host`), its port inside the container (`target`) and further addresses (`also`).

    A Redis or an Ollama has its `kind`, too.
    """
    places: dict[str, dict[str, Any]] = {
        name: {"target": OLLAMA, "host": host, "adopted": True, "kind": "ollama"} for name, host in plan.adopted.items()
    }
    for service in services:
        kind, ports = kind_of(service.service, service.image), _reachable(service, whose)
        port = _port(ports, KINDS.get(kind, 0))
        if port is None:
            continue
        known = {"kind": kind} if port.target == KINDS.get(kind) else {}
        place = places.setdefault(service.service, {"target": port.target, "host": port.host, **known})
        if also := {*place.get("also", ()), *(other.host for other in ports)} - {place["host"]}:
            place["also"] = sorted(also)
    return places


def _reachable(service: ServiceState, whose: StackOrigin) -> list[Port]:
    """Its ports that programs on this machine can reach; of a project's own stack only those on loopback."""
    ports = service.ports if service.state == "running" else ()
    return [port for port in ports if port.protocol == "tcp" and (whose.carried or is_loopback(port.address_here))]


def kind_of(name: str, image: str) -> str:
    """A service's kind, by its own name or its image's; not by its port, as anything may listen on 11434."""
    image_name = image.partition("@")[0].rpartition("/")[2].partition(":")[0]
    return next((kind for kind in KINDS if kind in (name, image_name)), "")


def _port(ports: Sequence[Port], target: int) -> Port | None:
    return next((port for port in ports if port.target == target), ports[0] if ports else None)
