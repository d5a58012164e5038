"""`samplemind stop`."""

from contextlib import closing
from typing import Annotated

import typer

from samplemind_cli.commands.up import File, Grace, Profiles, ProjectName
from samplemind_cli.settings import Settings

ENDED = ("created", "exited", "dead")


def stop(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    grace: Grace = None,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was stopped, as one JSON object.")] = False,
) -> None:
    r"""Stop containers and keep them; `start` starts them again.

    `down` removes them too. With --json: {"project", "stopped": [CONTAINER]}.

    \b
    Examples:
      samplemind stop
      samplemind stop ollama
    """
    from samplemind_cli import output
    from samplemind_cli.stack.declared import declared, require_declared
    from samplemind_cli.stack.down import stopped
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.files import located
    from samplemind_cli.stack.services import containers, observe

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    stack, services = located(settings), services or []
    with Engine() as engine:
        engine.get("/version")
        name, active = declared(settings, stack)
        output.say(stack.title(name))
        require_declared(stack, active, services)
        before = {
            service.container for service in observe(engine, containers(engine, name)) if service.state not in ENDED
        }
    done = []
    with closing(stopped(stack, services, grace)) as names:
        for container in names:
            if container in before:  # Compose also lists containers that were not running
                output.say(f"{container}: stopped")
                done.append(container)
    if as_json:
        output.print_json({"project": name, "stopped": done})
    elif not done:
        output.say("nothing was running")
