"""Plans `up` before anything starts: the services, the GPU, the Ollama to adopt, the ports."""

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
    "{ollama}: it listens only on loopback, which {users} can reach on Docker Desktop but not on Linux; "
    "start it with OLLAMA_HOST=0.0.0.0, or use the stack's own: samplemind up --no-adopt --auto-ports"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpPlan:
    """The stack, the services to start (none: all), all services that start with them, and notes for the user."""

    stack: Stack
    project: str
    services: tuple[str, ...]
    selected: Mapping[str, Mapping[str, Any]]  # Compose's JSON of each service, including dependencies
    adopted: Mapping[str, str] = field(default_factory=dict)  # {"ollama": "127.0.0.1:11434"}
    gpu: Gpu = "none"
    notes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()  # the command that starts it; empty: Compose's `up`


@dataclass(frozen=True, slots=True, kw_only=True)
class UpOptions:
    """The options of `up`: services (none: all), a kind of GPU or "auto", and what to do about taken ports."""

    services: tuple[str, ...] = ()
    gpu: Gpu | Literal["auto"] = "auto"
    adopt: bool = True
    auto_ports: bool = False


def planned(settings: Settings, engine: Engine, options: UpOptions, tell: Callable[[str], None]) -> UpPlan:
    """The plan for the current folder; `tell` gets its files and project first.

    Raises UsageError, StackError; for a taken port it names the owner.
    """
    stack, chosen, notes = _with_gpu(settings, engine, options.gpu)
    declared = read(stack, options.services, tell)
    if not options.services:
        remember(settings, stack, declared)
    plan = UpPlan(
        stack=stack,
        project=declared["name"],
        services=options.services,
        selected=_selected(declared["services"], options.services),
        gpu=chosen,
        notes=notes,
    )
    ports.require_room_for_replicas(plan.selected)
    running = containers(engine)
    clashes = list(ports.conflicts(plan.selected, plan.project, running))
    if options.adopt:
        plan, clashes = _adopting(plan, clashes)
    if clashes and options.auto_ports:
        return _with_free_ports(settings, plan, clashes, running)
    if clashes:
        raise _taken(clashes)
    return plan


def read(stack: Stack, services: Iterable[str], tell: Callable[[str], None]) -> dict[str, Any]:
    """Compose's JSON, with `services` whatever their profiles; `tell` gets the files and project, also on an error.

    Raises UsageError, StackError.
    """
    try:
        declared = merged(stack, services)
    except SamplemindError:
        tell(stack.title())
        raise
    tell(stack.title(declared["name"]))
    return declared


def _with_gpu(settings: Settings, engine: Engine, gpu: Gpu | Literal["auto"]) -> tuple[Stack, Gpu, tuple[str, ...]]:
    """The stack with the overlay for this GPU; "auto" is the machine's, if the stack has overlays."""
    info = engine.get("/info")
    version = info.get("ServerVersion", "")
    if gpu != "auto":
        return located(settings, gpu=gpu, engine=version), gpu, ()
    plain = located(settings, engine=version)
    if not any(plain.files[0].parent.glob("compose.gpu.*.yaml")):
        return plain, "none", ()  # a project's own stack, which has no GPU overlays
    chosen, reason = gpu_of_machine(info)
    return located(settings, gpu=chosen, engine=version), chosen, (f"GPU: {chosen} ({reason})",)


def _selected(declared: Mapping[str, Any], services: Iterable[str]) -> dict[str, Any]:
    """The named services (none: all) and their dependencies; an undeclared name is left to Compose."""
    selected: set[str] = set()
    waiting = list(services) or list(declared)
    while waiting:
        name = waiting.pop()
        if name not in selected and name in declared:
            selected.add(name)
            waiting += declared[name].get("depends_on") or {}
    return {name: definition for name, definition in declared.items() if name in selected}


def _adopting(plan: UpPlan, clashes: list[ports.Conflict]) -> tuple[UpPlan, list[ports.Conflict]]:
    """Replace the Ollama service by a native Ollama that has its port: two would compete for memory."""
    for clash in clashes:
        version = ollama_version(clash.port) if clash.program and clash.port.target == OLLAMA else ""
        if version:
            notes = [f"{clash.service}: Ollama {version} already runs on {clash.port.host} and is used ({clash.owner})"]
            selected = {name: s for name, s in plan.selected.items() if name != clash.service}
            users = [name for name, s in selected.items() if "OLLAMA_HOST" in (s.get("environment") or {})]
            if users and ports.only_on_loopback(clash.port):
                notes.append(HIDDEN.format(ollama=clash.service, users=", ".join(users)))
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
    """Choose free ports and write them into an overlay, which this plan and every later command uses."""
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
