"""The stack's existing containers: which of them run, and how to start or restart them unchanged."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import record
from samplemind_cli.stack.declared import declared, require_declared
from samplemind_cli.stack.docker import EVERY_PROFILE, compose_command, every_service
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack, located
from samplemind_cli.stack.services import COMPOSE, ServiceState, containers, observe
from samplemind_cli.stack.up_plan import UpPlan

JOINED = "container:"  # Docker's mode of a container on another one's network


def planned(
    settings: Settings, engine: Engine, verb: Sequence[str], services: Sequence[str], tell: Callable[[str], None]
) -> UpPlan:
    """The plan for Compose's `verb` on `services`, or on all that have a container.

    `tell` gets the files and project first. Raises UsageError for an unknown service, StackError if one has no
    container.
    """
    stack = located(settings, engine=engine.get("/version")["Version"])
    project, active = declared(settings, stack)
    tell(stack.title(project))
    require_declared(stack, active, services)
    existing = {container["Labels"].get(f"{COMPOSE}.service", "") for container in containers(engine, project)}
    known = active if existing <= {*active} else every_service(stack)  # Compose refuses undeclared ones
    names = tuple(services) or tuple(name for name in known if name in existing)
    if missing := [name for name in names if name not in existing]:
        raise StackError(f"{', '.join(missing)}: there is no container", f"samplemind up {' '.join(missing)}")
    if not names:
        raise StackError(f"project {project} has no containers", "samplemind up")
    everything = replace(stack, profiles=(EVERY_PROFILE,))
    command = compose_command(everything, *verb, *names)
    selected: dict[str, dict[str, object]] = {name: {} for name in names}
    return UpPlan(stack=stack, project=project, services=names, selected=selected, command=tuple(command))


def shares_networks(engine: Engine, plan: UpPlan) -> bool:
    """Whether one of the containers is on another's network: Compose's `restart` starts it while that one is down."""
    found = observe(engine, containers(engine, plan.project))
    return any(one.network.startswith(JOINED) and one.service in plan.services for one in found)


def running(settings: Settings, stack: Stack, engine: Engine, service: str) -> ServiceState:
    """The first running container of a service.

    Raises UsageError if the stack has no such service, StackError if it is not running.
    """
    engine.get("/version")
    project, active = declared(settings, stack)
    require_declared(stack, active, [service])
    ours = [one for one in observe(engine, containers(engine, project)) if one.service == service]
    if one := next((one for one in ours if one.state == "running"), None):
        return one
    condition = ours[0].condition if ours else ServiceState(service=service).condition
    raise StackError(f"{service} is not running: it is {condition}", f"samplemind up {service}")


def urls(settings: Settings, service: str) -> list[str]:
    """The URLs of a service's ports on this machine, also if it runs outside of the stack.

    Raises UsageError if the stack has no such service, StackError if it is not running or publishes no port.
    """
    with Engine() as engine:
        engine.get("/version")
        stack = located(settings)
        project, _ = declared(settings, stack)
        if outside := record.adopted(settings, project).get(service):
            return [f"http://{outside}"]
        one = running(settings, stack, engine, service)
        if not one.ports:
            raise without_ports(one)
        return [port.url for port in one.ports]


def without_ports(service: ServiceState) -> StackError:
    """The error for a running service that publishes no port, with what to do about it."""
    if service.network == "host":
        hint = "it is on the host's network: use the port its program listens on"
    elif service.network.startswith(JOINED):
        hint = "it shares another service's network: open that service, which `network_mode` in the compose file names"
    else:
        hint = f"give it `ports:` in the compose file, then: samplemind up {service.service}"
    return StackError(f"{service.service} publishes no port", hint)
