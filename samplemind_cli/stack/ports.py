"""The ports the stack wants to listen on: who has them already, and which are free instead."""

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
FARTHEST = 1000  # how many ports after a taken one are tried
EVERYWHERE = ("", "0.0.0.0", "::")  # noqa: S104 - nothing is bound
_LISTENING = {"tcp": "0A", "udp": "07"}  # the state column of /proc/net/tcp and udp
_LOOPBACK_6 = "00000000000000000000000001000000"  # ::1 in words of 32 bits, lowest byte first, as 127.0.0.1 is 0100007F


@dataclass(frozen=True, slots=True)
class Conflict:
    """A port that a service wants and `owner` has; `program`: it is a process, not a container."""

    service: str
    port: Port
    owner: str
    program: bool


def wanted(definition: Mapping[str, Any]) -> list[Port]:
    """The fixed ports in a service of Compose's JSON; where it leaves a choice (none, a range) nothing can clash."""
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
    """How many containers a service of Compose's JSON gets; `scale` and `deploy.replicas` mean the same."""
    count = definition.get("scale", (definition.get("deploy") or {}).get("replicas"))
    return 1 if count is None else int(count)


def conflicts(
    services: Mapping[str, Mapping[str, Any]], project: str, containers: Sequence[Mapping[str, Any]]
) -> Iterator[Conflict]:
    """Every port of `services` that another container, a program or another of these services has.

    What a service holds already is its own; one without replicas wants nothing. Of two services that want one port the
    first in order keeps it, unless the other one holds it.
    """
    wishes = [*dict.fromkeys((name, port) for name, one in services.items() if replicas(one) for port in wanted(one))]
    holders = [next((c for c in containers if _publishes(c, port)), None) for _, port in wishes]
    own = [
        holder is not None and _owner(holder) == (project, name)
        for (name, _), holder in zip(wishes, holders, strict=True)
    ]
    kept = [wish for wish, is_own in zip(wishes, own, strict=True) if is_own]
    for (name, port), holder, is_own in zip(wishes, holders, own, strict=True):
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
        for port in wanted(definition) if count > 1 else ():
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
    """Whether a program could listen there now. Ports that only root may have are taken for free: Docker is root.

    So is what has no address in digits: a name in somebody's files would have to be looked up in the network.
    """
    if not _in_digits(port.address):
        return True
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    with socket.socket(family, kind) as candidate:
        if port.protocol == "tcp":  # connections that linger are no reason
            candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((port.address, port.published))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True


def _in_digits(address: str) -> bool:
    try:
        return not address or bool(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return False


def program_on(port: Port, proc: Path = PROC) -> str:
    """`redis-server (process 123)`, from Linux' /proc; empty when it cannot be seen: another user's, another system."""
    sockets = {f"socket:[{inode}]" for _, inode in _listeners(port, proc)}
    for fd in proc.glob("[0-9]*/fd/*") if sockets else ():
        with suppress(OSError):
            if str(fd.readlink()) in sockets:
                process = fd.parents[1]
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return ""


def for_this_machine_alone(port: Port, proc: Path = PROC) -> bool:
    """Whether whoever listens there does so on loopback alone, from Linux' /proc; False where it cannot be seen."""
    addresses = {address for address, _ in _listeners(port, proc)}
    return bool(addresses) and all(address.endswith("7F") or address == _LOOPBACK_6 for address in addresses)


def _listeners(port: Port, proc: Path) -> Iterator[tuple[str, str]]:
    """Address, as /proc writes it, and inode of each socket that listens on the port."""
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

    `published`: ports of containers, which need not show as taken. Raises StackError when there is none near.
    """
    taken = {*published, *(port.published for definition in services.values() for port in wanted(definition))}
    lists: dict[str, list[dict[str, Any]]] = {}
    for clash in clashes:
        ports = lists.setdefault(clash.service, [dict(port) for port in services[clash.service]["ports"]])
        chosen = _next_free(clash.port, taken)
        taken.add(chosen)
        for port in ports:
            if wanted({"ports": [port]}) == [clash.port]:
                port["published"] = str(chosen)
    return lists


def _next_free(port: Port, taken: Collection[int]) -> int:
    for number in range(port.published + 1, min(port.published + FARTHEST, 65536)):
        candidate = Port(address=port.address, published=number, target=port.target, protocol=port.protocol)
        if number not in taken and is_free(candidate):
            return number
    raise StackError(f"no port above {port.published} is free", "choose one in the compose file")


def overlay(lists: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """A compose file that replaces the services' ports (`!override`: Compose would otherwise add them)."""
    body = "".join(
        f"  {json.dumps(name)}:\n    ports: !override {json.dumps(ports)}\n" for name, ports in lists.items()
    )
    return f"# Written by `samplemind up --auto-ports`; `samplemind down` removes it.\nservices:\n{body}"


def overlaid(file: Path) -> dict[str, list[dict[str, Any]]]:
    """The port lists in a file that `overlay` wrote, or none."""
    with suppress(OSError, ValueError):
        found = re.findall(r"^  (\".*\"):\n    ports: !override (.*)$", file.read_text("utf-8"), re.MULTILINE)
        return {json.loads(name): json.loads(ports) for name, ports in found}
    return {}
