"""The state of every service, its CPU and memory, and its own figures."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from threading import Thread
from typing import Any

from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.declared import declared, declared_without
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import located
from samplemind_cli.stack.insight import insight
from samplemind_cli.stack.services import Port, ServiceState, containers, observe, with_absent

WINDOW = 0.03  # seconds, at least, between two samples of the CPU counters


@dataclass(frozen=True, slots=True)
class Sample:
    """A container's counters: CPU seconds since its start, bytes of memory, and when they were read (unix time)."""

    cpu: float
    memory: int
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A service, its uptime in seconds, percent of one CPU, memory in bytes, and its own figures (see `insight`)."""

    service: ServiceState
    uptime: float | None = None
    cpu: float | None = None
    memory: int | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """One element of `ps --json`'s `services`; null is unknown, as for a service that is not running."""
        service = self.service
        ports = [
            {"address": p.address, "published": p.published, "target": p.target, "protocol": p.protocol}
            for p in service.ports
        ]
        return {
            "service": service.service,
            "container": service.container or None,
            "state": service.state,
            "health": service.health or None,
            "exit_code": service.exit_code if service.state == "exited" else None,
            "uptime_s": None if self.uptime is None else round(self.uptime, 1),
            "cpu_percent": None if self.cpu is None else round(self.cpu, 1),
            "memory_bytes": self.memory,
            "memory_limit_bytes": service.memory_limit or None,
            "ports": ports,
            "url": service.url or None,
            "details": self.details,
        }


class StackWatch:
    """Observes one stack over one connection; each look measures the CPU since the previous one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = Engine()  # connects while the compose files are read
        try:
            stack = located(settings)
            self.project, self._declared = declared(settings, stack)
            self._without = declared_without(settings, stack)
            self._listed = containers(self._engine, self.project)
            self._before = self._samples(c["Id"] for c in self._listed if c["State"] == "running")
        except BaseException:
            self._engine.close()
            raise

    def close(self) -> None:
        """End the connection."""
        self._engine.close()

    def look(self) -> list[Status]:
        """All services, including declared ones without a container. Raises StackError."""
        adopted = record.adopted(self._settings, self.project)
        listed = self._listed or containers(self._engine, self.project)
        self._listed = []
        states = with_absent(observe(self._engine, listed), self._declared, self._without)
        services = [_adopted(s, adopted[s.service]) if _replaced(s, adopted) else s for s in states]
        details = _details(services)
        before = self._before
        time.sleep(max(0.0, self._sampled + WINDOW - time.monotonic()))
        self._before = self._samples(service.id for service in services if service.state == "running")
        return [_status(s, before.get(s.id), self._before.get(s.id), details.get(s.name, {})) for s in services]

    def _samples(self, ids: Iterable[str]) -> dict[str, Sample]:
        self._sampled = time.monotonic()
        every = ((id_, self._engine.get(f"/containers/{id_}/stats", stream="0", **{"one-shot": "1"})) for id_ in ids)
        return {id_: sample for id_, stats in every if (sample := sample_of(stats))}


def _details(services: Iterable[ServiceState]) -> dict[str, dict[str, Any]]:
    """Each service's own figures, by name; read in parallel, so one that hangs costs only its own timeout."""
    details: dict[str, dict[str, Any]] = {}

    def read(service: ServiceState) -> None:
        details[service.name] = next((figures for port in service.ports if (figures := insight(port))), {})

    running = [s for s in services if s.ports and s.state in ("running", "adopted")]
    threads = [Thread(target=read, args=(service,)) for service in running]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return details


def sample_of(stats: dict[str, Any] | None) -> Sample | None:
    """The counters in the engine's `/containers/ID/stats`; None for a container that has just ended.

    Memory as `docker stats` counts it: without the file cache that the kernel can drop (cgroup v1 or v2).
    """
    if not stats or "usage" not in stats.get("memory_stats", {}):
        return None
    memory = stats["memory_stats"]
    kept = memory.get("stats", {})
    droppable = kept.get("total_inactive_file", kept.get("inactive_file", 0))
    return Sample(
        cpu=stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9,
        memory=max(memory["usage"] - droppable, 0),
        at=datetime.fromisoformat(stats["read"]).timestamp(),
    )


def _status(service: ServiceState, before: Sample | None, now: Sample | None, details: dict[str, Any]) -> Status:
    if now is None:
        return Status(service=service, details=details)
    elapsed = now.at - before.at if before else 0
    return Status(
        service=service,
        uptime=max(now.at - service.started, 0.0),
        cpu=max(100 * (now.cpu - before.cpu) / elapsed, 0.0) if before and elapsed > 0 else None,
        memory=now.memory,
        details=details,
    )


def _replaced(service: ServiceState, adopted: dict[str, str]) -> bool:
    return service.service in adopted and service.state == "absent"


def _adopted(service: ServiceState, host: str) -> ServiceState:
    """The state of a service that runs outside of the stack instead of in a container."""
    address, _, port = host.rpartition(":")
    own = Port(address=address, published=int(port), target=record.OLLAMA)
    return ServiceState(service=service.service, state="adopted", ports=(own,))
