"""The ports that the stack publishes: who uses them already, and which are free instead."""

import errno
import ipaddress
import json
import re
import socket
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.stack.services import COMPOSE, Port

PROC = Path("/proc")
FARTHEST = 1000  # how many ports after a taken one to try
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - nothing is bound
_LISTENING = {"tcp": "0A", "udp": "07"}  # the state column of /proc/net/tcp and udp
_LOOPBACK_6 = "00000000000000000000000001000000"  # ::1 as 32-bit words, lowest byte first; 127.0.0.1 is 0100007F


@dataclass(frozen=True, slots=True)
class Conflict:
    """A port that a service needs and `owner` uses; `program`: the owner is a process, not a container."""

    service: str
    port: Port
    owner: str
    program: bool


def fixed_ports(definition: Mapping[str, Any]) -> list[Port]:
    """The fixed ports of a service in Compose's JSON; with no port or a range Docker chooses a free one."""
    return [
        Port(
            address=port.get("host_ip", ""),
            published=int(port["published"]),
            target=port["target"],
            protocol=port.get("protocol", "tcp"),
        )
        for port in definition.get("ports") or ()
        if port.get("published", "").isdecimal() and port["published"] != "0"
    ]


def replicas(definition: Mapping[str, Any]) -> int:
    """How many containers a service in Compose's JSON gets; `scale` and `deploy.replicas` mean the same."""
    count = definition.get("scale", (definition.get("deploy") or {}).get("replicas"))
    return 1 if count is None else int(count)


def conflicts(
    services: Mapping[str, Mapping[str, Any]], project: str, containers: Sequence[Mapping[str, Any]]
) -> Iterator[Conflict]:
    """Every port of `services` that another container, a program or another of these services uses.

    A port that a service's own container holds is no conflict; a service without replicas needs none. Of two services
    with one port the first in order keeps it, unless the other one holds it.
    """
    needed = [
        *dict.fromkeys((name, port) for name, one in services.items() if replicas(one) for port in fixed_ports(one))
    ]
    holders = [next((c for c in containers if _publishes(c, port)), None) for _, port in needed]
    own = [
        holder is not None and _owner(holder) == (project, name)
        for (name, _), holder in zip(needed, holders, strict=True)
    ]
    kept = [need for need, is_own in zip(needed, own, strict=True) if is_own]
    for (name, port), holder, is_own in zip(needed, holders, own, strict=True):
        if is_own:
            continue
        rivals = (
            other for other, taken in kept if _overlap(port, taken) and (other, taken.target) != (name, port.target)
        )
        rival = next(rivals, "")
        if holder is not None:
            yield Conflict(name, port, _named(holder), program=False)
        elif rival:
            yield Conflict(name, port, f"service {rival} of this project", program=False)
        elif not is_free(port):
            yield Conflict(name, port, program_on(port) or "another user's program", program=True)
        else:
            kept.append((name, port))


def require_room_for_replicas(services: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise UsageError for a service whose replicas would all listen on one port of this machine."""
    for name, definition in services.items():
        count = replicas(definition)
        for port in fixed_ports(definition) if count > 1 else ():
            last = port.published + count - 1
            raise UsageError(
                f"{name} has {count} replicas, which cannot all listen on port {port.published}",
                f'give it a range in the compose file, "{port.published}-{last}:{port.target}", or one replica',
            )


def _overlap(one: Port, other: Port) -> bool:
    if (one.published, one.protocol) != (other.published, other.protocol):
        return False
    return one.address == other.address or not {one.address, other.address}.isdisjoint(EVERYWHERE)


def _publishes(container: Mapping[str, Any], port: Port) -> bool:
    return any(
        _overlap(port, Port(address=p.get("IP", ""), published=p["PublicPort"], target=0, protocol=p["Type"]))
        for p in container.get("Ports") or ()
        if "PublicPort" in p
    )


def _owner(container: Mapping[str, Any]) -> tuple[str, str]:
    labels = container.get("Labels") or {}
    return labels.get(f"{COMPOSE}.project", ""), labels.get(f"{COMPOSE}.service", "")


def _named(container: Mapping[str, Any]) -> str:
    name = container["Names"][0].lstrip("/")
    project, service = _owner(container)
    return f"service {service} of project {project} (container {name})" if project else f"container {name}"


def is_free(port: Port) -> bool:
    """Whether a program could listen there now. Ports that only root may use count as free: Docker is root.

    So do host names: one in somebody's files would have to be resolved over the network.
    """
    if not _is_numeric(port.address):
        return True
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as candidate:
        if port.protocol == "tcp":  # ignore connections in TIME_WAIT
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((port.address, port.published))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _is_numeric(address: str) -> bool:
    try:
        return not address or bool(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def program_on(port: Port, proc: Path = PROC) -> str:
    """`redis-server (process 123)`, from Linux's /proc; empty for another user's program, and on other systems."""
    sockets = {f"socket:[{inode}]" for _, inode in _listeners(port, proc)}
    for fd in proc.glob("[0-9]*/fd/*") if sockets else ():
        with suppress(OSError):
            if str(fd.readlink()) in sockets:
                process = fd.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def only_on_loopback(port: Port, proc: Path = PROC) -> bool:
    """Whether the program on this port listens only on loopback, from Linux's /proc; False if that is unknown."""
    addresses = {address for address, _ in _listeners(port, proc)}
    return bool(addresses) and all(address.endswith("7F") or address == _LOOPBACK_6 for address in addresses)


def _listeners(port: Port, proc: Path) -> Iterator[tuple[str, str]]:
    """The address (as written in /proc) and inode of each socket that listens on the port."""
    for table in (port.protocol, f"{port.protocol}6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text().splitlines()[1:]:
                _, local, _, state, *_, inode = line.split()[:10]
                address, _, number = local.rpartition(":")
                if state == _LISTENING[port.protocol] and int(number, 16) == port.published:
                    yield address, inode


def moved(
    services: Mapping[str, Mapping[str, Any]], clashes: Sequence[Conflict], published: Collection[int]
) -> dict[str, list[dict[str, Any]]]:
    """The port lists of the services in `clashes`, each taken port replaced by the next free one.

    `published`: ports of containers, which may look free. Raises StackError if none of the next FARTHEST is free.
    """
    taken = {*published, *(port.published for definition in services.values() for port in fixed_ports(definition))}
    lists: dict[str, list[dict[str, Any]]] = {}
    for clash in clashes:
        ports = lists.setdefault(clash.service, [dict(port) for port in services[clash.service]["ports"]])
        chosen = _next_free(clash.port, taken)
        taken.add(chosen)
        for port in ports:
            if fixed_ports({"ports": [port]}) == [clash.port]:
                port["published"] = str(chosen)
    return lists


def _next_free(port: Port, taken: Collection[int]) -> int:
    for number in range(port.published + 1, min(port.published + FARTHEST, 65536)):
        candidate = Port(address=port.address, published=number, target=port.target, protocol=port.protocol)
        if number not in taken and is_free(candidate):
            return number
    raise StackError(f"no port above {port.published} is free", "choose one in the compose file")


def overlay(lists: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A compose file that replaces the services' ports (`!override`: by default Compose would add them)."""
    body = "".join(
        f"  {json.dumps(name)}:\n    ports: !override {json.dumps(ports)}\n" for name, ports in lists.items()
    )
    return f"# Written by `samplemind up --auto-ports`; `samplemind down` removes it.\nservices:\n{body}"


def overlaid(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The port lists in a file that `overlay` wrote; empty if there is none."""
    with suppress(OSError, ValueError):
        lists = re.findall(r"^  (\".*\"):\n    ports: !override (.*)$", file.read_text("utf-8"), re.MULTILINE)
        return {json.loads(name): json.loads(ports) for name, ports in lists}
    return {}
