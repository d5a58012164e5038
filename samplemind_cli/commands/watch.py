"""`samplemind watch`."""

from typing import Annotated

import typer

from samplemind_cli.commands.up import File, Profiles, ProjectName
from samplemind_cli.settings import Settings


def watch(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    no_up: Annotated[bool, typer.Option("--no-up", help="Do not build and start the services first.")] = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
) -> None:
    r"""Sync or rebuild services as their files change; Ctrl-C ends it.

    The compose file says what is watched and what a change does, under `develop: watch:`
    (https://docs.docker.com/compose/how-tos/file-watch/). Compose's output goes to stdout.

    \b
    Examples:
      samplemind watch
      samplemind watch api --no-up
    """
    from samplemind_cli import output
    from samplemind_cli.stack import up_plan
    from samplemind_cli.stack import watch as watching
    from samplemind_cli.stack.docker import require_daemon
    from samplemind_cli.stack.files import located

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    require_daemon()
    stack, services = located(settings), services or []
    declared = up_plan.read(stack, services, output.say)
    watched = watching.watchable(declared, services)
    for line in watching.watched(stack, watched, start=not no_up):
        output.write(f"{line}\n")
