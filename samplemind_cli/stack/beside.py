"""A program run beside a service: among the processes of its container, which itself stays as it is."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import existing
from samplemind_cli.stack.docker import docker_command, output_of
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import located

# Root with one capability, to look into other processes, and without a network.
CONFINED = ("--user=0:0", "--cap-drop=ALL", "--cap-add=SYS_PTRACE", "--network=none")
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
    pid = f"--pid=container:{beside.id}"
    where = ["--rm", "--log-driver=none", "--no-healthcheck", pid, *CONFINED, f"--entrypoint={PLACE}", beside.image]
    made = output_of(docker_command("create", *where, *arguments)).strip()
    try:
        output_of(docker_command("cp", str(program), f"{made}:{PLACE}"))
        with reaped(docker_command("start", "--attach", made), subprocess.PIPE) as child:
            out, err = (said.decode("utf-8", "replace") for said in child.communicate())
    except BaseException:
        subprocess.run(docker_command("rm", "--force", made), capture_output=True, check=False)  # noqa: S603 - no shell
        raise
    if child.returncode == KILLED:
        raise StackError(f"{beside.service} ended meanwhile", f"samplemind logs {beside.service}")
    if child.returncode:
        last = (err.strip().splitlines() or ["it gave no reason"])[-1].removeprefix("Error: ")
        raise StackError(f"{program.name} beside {beside.service}: {last}", f"samplemind logs {beside.service}")
    return out
