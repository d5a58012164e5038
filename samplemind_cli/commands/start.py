"""`samplemind start`."""

from typing import Annotated

import typer

from samplemind_cli.commands.up import File, NoWait, Profiles, ProjectName, WaitTimeout, follow, outcome
from samplemind_cli.settings import Settings


def start(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    wait_timeout: WaitTimeout = 180,
    no_wait: NoWait = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="The services and URLs as one JSON object.")] = False,
) -> None:
    r"""Start stopped containers as they are, and wait until they are healthy.

    `up` creates containers and applies changes of the compose files; `start` does neither. With --json: {"project",
    "services", "error"} as `up --json` has them.

    \b
    Examples:
      samplemind start
      samplemind start redis
    """
    from samplemind_cli import output
    from samplemind_cli.stack import existing
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.up import started

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    with outcome(as_json=as_json) as progress, Engine() as engine:
        plan = existing.planned(settings, engine, ["start"], services or [], output.say)
        looks = started(plan, engine, build=False, wait=not no_wait, timeout=wait_timeout)
        follow(settings, plan, looks, progress)
