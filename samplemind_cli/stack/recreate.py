"""Replaces the containers whose image was rebuilt."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from samplemind_cli.errors import SamplemindError
from samplemind_cli.stack.build import Image, image_of
from samplemind_cli.stack.docker import client, translated
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.services import containers, observe
from samplemind_cli.stack.up import ready
from samplemind_cli.stack.up_plan import UpPlan

PATIENCE = 180.0  # seconds to wait for health, as `up` does


@dataclass(frozen=True, slots=True)
class Recreated:
    """The services that have a new container, and the error if one of them did not become ready."""

    services: tuple[str, ...] = ()
    error: SamplemindError | None = None


def recreate(stack: Stack, config: Mapping[str, Any], images: Iterable[Image]) -> Recreated:
    """Replace the containers whose image has changed, and wait until they are healthy, or have exited with 0.

    This includes services that use an image which another one builds; a service without a container gets none.
    Raises StackError if the engine does not answer.
    """
    built, error = {image.name for image in images}, None
    with Engine() as engine:
        before = {one.id: one.service for one in observe(engine, containers(engine, config["name"]))}
        existing = sorted({*before.values()} & {*config["services"]})
        users = tuple(name for name in existing if image_of(name, config) in built)
        if users:
            error = _start(_plan(stack, config, users), engine)
        after = observe(engine, containers(engine, config["name"]))
    return Recreated(tuple(sorted({one.service for one in after if one.id not in before})), error)


def _plan(stack: Stack, config: Mapping[str, Any], services: tuple[str, ...]) -> UpPlan:
    return UpPlan(
        stack=stack,
        project=config["name"],
        services=services,
        selected={name: config["services"][name] for name in services},
    )


def _start(plan: UpPlan, engine: Engine) -> SamplemindError | None:
    names = list(plan.services)
    try:
        with translated():
            client(plan.stack).compose.up(names, detach=True, no_build=True, dependencies=False, quiet=True)
        ready(plan, engine, PATIENCE)
    except SamplemindError as error:
        return error
    return None
