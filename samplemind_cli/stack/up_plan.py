"""What `up` will start, decided before anything starts: the GPU, the program to adopt, the ports."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from samplemind_cli.errors import SamplemindError, StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import ports
from samplemind_cli.stack.declared import merged, remember
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Gpu, Stack, located, ports_file, with_ollama_outside
from samplemind_cli.stack.insight import ollama_version
from samplemind_cli.stack.machine import gpu as gpu_of_machine
from samplemind_cli.stack.record import OLLAMA, write_whole
from samplemind_cli.stack.services import containers

HIDDEN = (
    "{ollama}: it listens only on loopback, which {askers} can reach on Docker Desktop but not on Linux; "
    "start it with OLLAMA_HOST=0.0.0.0, or use the stack's own: samplemind up --no-adopt --auto-ports"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpPlan:
    """The stack, the services to start (none: all), everything that starts with them, and what is worth saying."""

    stack: Stack
    project: str
    services: tuple[str, ...]
    selected: Mapping[str, Mapping[str, Any]]  # Compose's JSON of each service, those depended on included
    adopted: Mapping[str, str] = field(default_factory=dict)  # {"ollama": "127.0.0.1:11434"}
    gpu: Gpu = "none"
    notes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()  # what starts it; empty: Compose's `up`


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of `up`: services (none: all), a kind of GPU or "auto", and how to deal with taken ports."""

    services: tuple[str, ...] = ()
    gpu: Gpu | Literal["auto"] = "auto"
    adopt: bool = True
    auto_ports: bool = False


def planned(settings: Settings, engine: Engine, wish: Wish, tell: Callable[[str], None]) -> UpPlan:
    """The plan for this directory, of whose files and project it `tell`s first.

    Raises StackError, naming who has it, when a port is taken.
    """
    stack, chosen, notes = _with_gpu(settings, engine, wish.gpu)
    declared = read(stack, wish.services, tell)
    if not wish.services:
        remember(settings, stack, declared)
    plan = UpPlan(
        stack=stack,
        project=declared["name"],
        services=wish.services,
        selected=_selected(declared["services"], wish.services),
        gpu=chosen,
        notes=notes,
    )
    ports.require_room_for_replicas(plan.selected)
    running = containers(engine)
    clashes = list(ports.conflicts(plan.selected, plan.project, running))
    if wish.adopt:
        plan, clashes = _adopting(plan, clashes)
    if clashes and wish.auto_ports:
        return _with_free_ports(settings, plan, clashes, running)
    if clashes:
        raise _taken(clashes)
    return plan


def read(stack: Stack, services: Iterable[str], tell: Callable[[str], None]) -> dict[str, Any]:
    """Compose's JSON, with `services` whatever their profiles; `tell` gets the files and project, also on an error."""
    try:
        declared = merged(stack, services)
    except SamplemindError:
        tell(stack.title())
        raise
    tell(stack.title(declared["name"]))
    return declared


def _with_gpu(settings: Settings, engine: Engine, gpu: Gpu | Literal["auto"]) -> tuple[Stack, Gpu, tuple[str, ...]]:
    """The stack with the overlay for the GPU asked for; "auto" takes what the machine has and the stack knows of."""
    info = engine.get("/info")
    version = info.get("ServerVersion", "")
    if gpu != "auto":
        return located(settings, gpu=gpu, engine=version), gpu, ()
    plain = located(settings, engine=version)
    if not any(plain.files[0].parent.glob("compose.gpu.*.yaml")):
        return plain, "none", ()  # a stack of somebody else's, which has no use for one
    chosen, reason = gpu_of_machine(info)
    return located(settings, gpu=chosen, engine=version), chosen, (f"GPU: {chosen} ({reason})",)


def _selected(declared: Mapping[str, Any], services: Iterable[str]) -> dict[str, Any]:
    """The services named (none: all) and those they depend on; a name that is not declared is left for Compose."""
    found: dict[str, Any] = {}
    waiting = list(services) or list(declared)
    while waiting:
        name = waiting.pop()
        if name not in found and name in declared:
            found[name] = declared[name]
            waiting += declared[name].get("depends_on") or {}
    return {name: found[name] for name in declared if name in found}


def _adopting(plan: UpPlan, clashes: list[ports.Conflict]) -> tuple[UpPlan, list[ports.Conflict]]:
    """Leave out the Ollama service whose port a native Ollama has: two would only fight for the memory."""
    for clash in clashes:
        version = ollama_version(clash.port) if clash.program and clash.port.target == OLLAMA else ""
        if version:
            notes = [f"{clash.service}: Ollama {version} already runs on {clash.port.host} and is used ({clash.owner})"]
            selected = {name: s for name, s in plan.selected.items() if name != clash.service}
            askers = [name for name, s in selected.items() if "OLLAMA_HOST" in (s.get("environment") or {})]
            if askers and ports.for_this_machine_alone(clash.port):
                notes.append(HIDDEN.format(ollama=clash.service, askers=", ".join(askers)))
            adopting = replace(
                plan,
                stack=with_ollama_outside(plan.stack, clash.port.published),
                selected=selected,
                adopted={clash.service: clash.port.host},
                notes=(*plan.notes, *notes),
            )
            return adopting, [other for other in clashes if other.service != clash.service]
    return plan, clashes


def _with_free_ports(
    settings: Settings, plan: UpPlan, clashes: list[ports.Conflict], running: Sequence[Mapping[str, Any]]
) -> UpPlan:
    """Choose free ports, remember them in an overlay that every later command reads, and plan with it."""
    published = {port["PublicPort"] for c in running for port in c.get("Ports") or () if "PublicPort" in port}
    lists = ports.moved(plan.selected, clashes, published)
    file = ports_file(settings, plan.stack.files[0])
    write_whole(file, ports.overlay({**ports.overlaid(file), **lists}))
    stack = replace(plan.stack, files=tuple(dict.fromkeys((*plan.stack.files, file))))
    notes = [
        f"{clash.service}: port {clash.port.published} is taken by {clash.owner}, {now['published']} is used instead"
        for clash in clashes
        for now in lists[clash.service]
        if (now["target"], now.get("protocol", "tcp")) == (clash.port.target, clash.port.protocol)
    ]
    selected = {name: {**s, "ports": lists.get(name, s.get("ports"))} for name, s in plan.selected.items()}
    return replace(plan, stack=stack, selected=selected, notes=(*plan.notes, *notes))


def _taken(clashes: Sequence[ports.Conflict]) -> StackError:
    lines = [f"{c.service} needs port {c.port.published}, which {c.owner} uses" for c in clashes]
    return StackError("\n".join(lines), "samplemind up --auto-ports picks free ones; or stop what uses them")
