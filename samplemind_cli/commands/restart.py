"""`samplemind restart`."""

from typing import Annotated

import typer

from samplemind_cli.commands.up import File, Grace, NoWait, Profiles, ProjectName, WaitTimeout, follow, outcome
from samplemind_cli.settings import Settings


def restart(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    grace: Grace = None,
    wait_timeout: WaitTimeout = 180,
    no_wait: NoWait = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="The services and URLs as one JSON object.")] = False,
) -> None:
    r"""Stop containers, start them again as they are, and wait until they are healthy.

    Changes of the compose files take effect with `up`, those of code in an image with `rebuild`. With --json:
    {"project", "services", "error"} as `up --json` has them.

    \b
    Examples:
      samplemind restart
      samplemind restart api --timeout 2
    """
    from samplemind_cli import output
    from samplemind_cli.stack import existing
    from samplemind_cli.stack.down import stopped
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.up import started

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    with outcome(as_json=as_json) as progress, Engine() as engine:
        verb = ["restart"] if grace is None else ["restart", "--timeout", str(grace)]
        plan = existing.planned(settings, engine, verb, services or [], output.say)
        if existing.shares_networks(engine, plan):
            for _ in stopped(plan.stack, plan.services, grace):
                continue
            plan = existing.planned(settings, engine, ["start"], services or [], lambda _: None)
        looks = started(plan, engine, build=False, wait=not no_wait, timeout=wait_timeout)
        follow(settings, plan, looks, progress)
