"""A program run beside a service: among the processes of its container, which itself stays as it is."""

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
KILLED = 137  # 128 + SIGKILL: with the service's first process all the others end


@dataclass(frozen=True, slots=True)
class Running:
    """A running container: its service, its id, its image's id, and the engine's processor (`amd64`)."""

    service: str
    id: str
    image: str
    processor: str


def running(settings: Settings, directory: Path, service: str) -> Running:
    """The first running container of a service of the stack in force in `directory`.

    Raises UsageError when the stack has no such service, StackError when it does not run.
    """
    with Engine() as engine:
        system = engine.get("/version")
        if system["Os"] != "linux":
            raise StackError(f"this engine runs {system['Os']} containers, not Linux ones", "docker context ls")
        one = existing.running(settings, located(settings, directory), engine, service)
        return Running(service, one.id, engine.get(f"/containers/{one.id}/json")["Image"], system["Arch"])


def run(beside: Running, program: Path, arguments: Sequence[str]) -> str:
    """What a static Linux program prints that is run beside a container, until it ends. Raises StackError.

    It runs on the service's own image, so that nothing is pulled, in a container that goes when it ends.
    """
    with translated():
        whales = client()
        made = whales.container.create(
            beside.image, list(arguments), pid=f"container:{beside.id}", entrypoint=PLACE,
            remove=True, log_driver="none", healthcheck=False, **CONFINED,
        )  # fmt: skip
        try:
            whales.copy(program, (made, PLACE))
            with reaped(docker_command("start", "--attach", made.id), subprocess.PIPE) as child:
                out, err = (said.decode("utf-8", "replace") for said in child.communicate())
        except BaseException:
            whales.container.remove(made, force=True)
            raise
    if child.returncode == KILLED:
        raise StackError(f"{beside.service} ended meanwhile", f"samplemind logs {beside.service}")
    if child.returncode:
        last = (err.strip().splitlines() or ["it gave no reason"])[-1].removeprefix("Error: ")
        raise StackError(f"{program.name} beside {beside.service}: {last}", f"samplemind logs {beside.service}")
    return out
