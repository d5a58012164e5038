"""The states of the stack's services, from the engine's container list and details."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal

from samplemind_cli.stack.engine import Engine

COMPOSE = "com.docker.compose"
RESTARTS = 2  # a service that died three times in a row has failed
SETTLED = 1.0  # seconds after which a process without a healthcheck counts as ready
SCHEMES = {
    6379: "redis", 11434: "http", 27017: "mongodb", 5432: "postgresql", 3306: "mysql", 443: "https", 8443: "https",
    5672: "amqp", 4222: "nats", 1883: "mqtt",
}  # fmt: skip

SCALED = "scaled to 0"  # states of services that are declared to have no container
PROVIDED = "outside of Docker"

Verdict = Literal["ready", "waiting", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """A container's port (`target`), and the address and port (`published`) of this machine that forward to it."""

    address: str
    published: int
    target: int
    protocol: str = "tcp"

    @property
    def address_here(self) -> str:
        """The address for programs on this machine: loopback if the port is published on all addresses."""
        return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.address, self.address)  # noqa: S104 - nothing is bound

    @property
    def host(self) -> str:
        """`127.0.0.1:6379`; loopback stands for all addresses."""
        address = self.address_here
        return f"[{address}]:{self.published}" if ":" in address else f"{address}:{self.published}"

    @property
    def url(self) -> str:
        """The service's URL; http unless the port implies another protocol."""
        scheme = SCHEMES.get(self.target, "http") if self.protocol == "tcp" else self.protocol
        return f"{scheme}://{self.host}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceState:
    """The state of one container of a service, or of a service without one (`state` "absent")."""

    service: str
    # absent, SCALED, PROVIDED, or Docker's: created, running, paused, restarting, removing, exited, dead
    state: str = "absent"
    health: str = ""  # starting, healthy, unhealthy; empty: it has no healthcheck
    container: str = ""
    number: int = 1  # of the container within the service
    image: str = ""
    id: str = ""
    started: float = 0.0  # seconds since 1970
    exit_code: int = 0
    error: str = ""  # why the engine could not start it
    restarts: int = 0
    memory_limit: int = 0  # bytes; 0: only the machine's
    probe: str = ""  # the output of its last healthcheck
    network: str = ""  # Docker's mode: host, container:ID, or a network's name
    ports: tuple[Port, ...] = ()

    def verdict(self, now: float) -> Verdict:
        """Whether it is ready at `now` (unix time), may become so, or has failed. A job that exited with 0 is ready."""
        if self.state in (SCALED, PROVIDED):
            return "ready"
        if self.state == "exited":
            return "failed" if self.exit_code else "ready"
        if self.state == "dead" or self.health == "unhealthy":
            return "failed"
        if self.state == "restarting":
            return "failed" if self.restarts > RESTARTS else "waiting"
        settled = now - self.started >= SETTLED if self.health == "" else self.health == "healthy"
        return "ready" if self.state == "running" and settled else "waiting"

    @property
    def name(self) -> str:
        """The service, with the container's number from the second on: `worker`, `worker-2`."""
        return self.service if self.number == 1 else f"{self.service}-{self.number}"

    @property
    def condition(self) -> str:
        """State and health in one or two words, for people."""
        if self.state == "running":
            return self.health or "running"
        return {"absent": "not created", "exited": f"exited ({self.exit_code})"}.get(self.state, self.state)

    @property
    def url(self) -> str:
        """The first published port's URL, or an empty string."""
        return self.ports[0].url if self.ports else ""


def containers(engine: Engine, project: str | None = None) -> list[dict[str, Any]]:
    """The engine's list of containers, including stopped ones: all, or a project's without one-off runs.

    Raises StackError.
    """
    filters = {"label": [f"{COMPOSE}.project={project}", f"{COMPOSE}.oneoff=False"]} if project else {}
    listed: list[dict[str, Any]] = engine.get("/containers/json", all="1", filters=filters)
    return listed


def observe(engine: Engine, listed: Iterable[Mapping[str, Any]]) -> list[ServiceState]:
    """The current states of these listed containers, by service and number; removed ones are left out.

    Inspecting a container costs the engine 1 ms, listing them 30 ms. Raises StackError.
    """
    inspected = (engine.get(f"/containers/{container['Id']}/json") for container in listed)
    states = [service_of(container) for container in inspected if container is not None]
    return sorted(states, key=lambda service: (service.service, service.number))


def with_absent(
    states: Iterable[ServiceState], declared: Iterable[str], without: Mapping[str, str] = MappingProxyType({})
) -> list[ServiceState]:
    """The states, and one for each declared service that has no container: absent, or as `without` says."""
    states = list(states)
    missing = set(declared) - {service.service for service in states}
    absent = [ServiceState(service=name, state=without.get(name, "absent")) for name in missing]
    return sorted([*states, *absent], key=lambda s: (s.service, s.number))


def without_containers(services: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """The state of each service of Compose's JSON that is to have no container.

    One with a `provider` (Compose 2.36) is run by a program of that name, which Compose starts.
    """
    provided = {name: PROVIDED for name, one in services.items() if one.get("provider")}
    scales = {name: (one.get("scale"), (one.get("deploy") or {}).get("replicas")) for name, one in services.items()}
    return {**{name: SCALED for name, scale in scales.items() if 0 in scale}, **provided}


def service_of(container: Mapping[str, Any]) -> ServiceState:
    """The state in the engine's `/containers/ID/json`."""
    state, labels = container["State"], container["Config"]["Labels"]
    health = state.get("Health") or {}
    log = health.get("Log") or [{}]
    return ServiceState(
        service=labels.get(f"{COMPOSE}.service", ""),
        number=number_of(labels),
        image=container["Config"].get("Image", ""),
        state=state["Status"],
        health=health.get("Status", "").removeprefix("none"),
        container=container["Name"].lstrip("/"),
        id=container["Id"],
        started=datetime.fromisoformat(state["StartedAt"]).timestamp(),
        exit_code=state["ExitCode"],
        error=state.get("Error", ""),
        restarts=container.get("RestartCount", 0),
        memory_limit=container.get("HostConfig", {}).get("Memory", 0),
        network=container.get("HostConfig", {}).get("NetworkMode", ""),
        probe=(log[-1].get("Output") or "").strip(),
        ports=_ports(container["NetworkSettings"].get("Ports") or {}),
    )


def _ports(published: Mapping[str, Any]) -> tuple[Port, ...]:
    """From `{"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "6379"}]}`."""
    return preferred(
        Port(address=outside["HostIp"], published=int(outside["HostPort"]), target=int(target), protocol=protocol)
        for inside, bindings in published.items()
        for target, _, protocol in [inside.partition("/")]
        for outside in bindings or ()
    )


def ports_in_list(container: Mapping[str, Any]) -> tuple[Port, ...]:
    """The published ports of a container in the engine's list."""
    return preferred(
        Port(
            address=port.get("IP", ""), published=port["PublicPort"], target=port["PrivatePort"], protocol=port["Type"]
        )
        for port in container.get("Ports") or ()
        if port.get("PublicPort")
    )


def preferred(ports: Iterable[Port]) -> tuple[Port, ...]:
    """The ports in the order of display: TCP first, then by target; IPv6 duplicates of an IPv4 port are left out.

    A duplicate on all addresses may have another number: the engine chooses one for each family.
    """
    unique: dict[tuple[int, str, int], Port] = {}
    everywhere = set()
    for port in sorted(ports, key=lambda port: ":" in port.address):
        target = port.target, port.protocol
        if port.address != "::" or target not in everywhere:
            unique.setdefault((*target, port.published), port)
        everywhere |= {target} if port.address == "0.0.0.0" else set()  # noqa: S104 - nothing is bound
    return tuple(sorted(unique.values(), key=lambda p: (p.protocol != "tcp", p.target, p.protocol, p.published)))


def number_of(labels: Mapping[str, str]) -> int:
    """A container's number within its service, by Compose's label: its name may be any."""
    number = labels.get(f"{COMPOSE}.container-number", "")
    return int(number) if number.isdecimal() else 1
