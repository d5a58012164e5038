"""Runs a program in the process namespace of a service's container, which itself is not changed."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import existing
from samplemind_cli.stack.docker import client, docker_command, translated
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import located

# Root with one capability, to look into other processes, and without a network.
CONFINED: dict[str, Any] = {"user": "0:0", "cap_drop": ["ALL"], "cap_add": ["SYS_PTRACE"], "networks": ["none"]}
PLACE = "/beside"
KILLED = 137  # 128 + SIGKILL: the processes of a namespace are killed when its first one ends


@dataclass(frozen=True, slots=True)
class Running:
    """A running container: its service, its id, its image's id, and the engine's architecture (`amd64`)."""

    service: str
    id: str
    image: str
    processor: str


def running(settings: Settings, directory: Path, service: str) -> Running:
    """The first running container of a service of the stack in `directory`.

    Raises UsageError if the stack has no such service, StackError if it is not running.
    """
    with Engine() as engine:
        system = engine.get("/version")
        if system["Os"] != "linux":
            raise StackError(f"this engine runs {system['Os']} containers, not Linux ones", "docker context ls")
        one = existing.running(settings, located(settings, directory), engine, service)
        return Running(service, one.id, engine.get(f"/containers/{one.id}/json")["Image"], system["Arch"])


def run(beside: Running, program: Path, arguments: Sequence[str]) -> str:
    """The output of a static Linux program, run next to a container's processes. Raises StackError.

    It runs on the service's own image, so that nothing is pulled, in a container that is removed when it ends.
    """
    with translated():
        whales = client()
        container = whales.container.create(
            beside.image, list(arguments), pid=f"container:{beside.id}", entrypoint=PLACE,
            remove=True, log_driver="none", healthcheck=False, **CONFINED,
        )  # fmt: skip
        try:
            whales.copy(program, (container, PLACE))
            with reaped(docker_command("start", "--attach", container.id), subprocess.PIPE) as child:
                out, err = (printed.decode("utf-8", "replace") for printed in child.communicate())
        except BaseException:
            whales.container.remove(container, force=True)
            raise
    if child.returncode == KILLED:
        raise StackError(f"{beside.service} stopped while it was sampled", f"samplemind logs {beside.service}")
    if child.returncode:
        last = (err.strip().splitlines() or ["it gave no reason"])[-1].removeprefix("Error: ")
        raise StackError(f"{program.name} beside {beside.service}: {last}", f"samplemind logs {beside.service}")
    return out
