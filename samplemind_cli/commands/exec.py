"""`samplemind exec`."""

import sys
from typing import Annotated

import typer

from samplemind_cli.commands.up import File, Profiles, ProjectName
from samplemind_cli.settings import Settings

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command("exec", context_settings={"allow_interspersed_args": False, "help_option_names": ["-h", "--help"]})
def exec(  # noqa: A001 - the command's name
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.", show_default=False)],
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND [ARGUMENT]...", help="The command.", show_default=False)
    ],
    user: Annotated[str | None, typer.Option("--user", "-u", metavar="USER", help="The user to run it as.")] = None,
    workdir: Annotated[
        str | None, typer.Option("--workdir", "-w", metavar="FOLDER", help="The working directory.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Set a variable; may be repeated.")
    ] = None,
    no_tty: Annotated[bool, typer.Option("--no-tty", "-T", help="Do not allocate a terminal.")] = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
) -> int:
    r"""Run a command in a service's running container; its exit code is passed on.

    It reads and writes directly, with a terminal if there is one. Options go before SERVICE; everything after it is
    the command.

    \b
    Examples:
      samplemind exec redis redis-cli info memory
      samplemind exec -u root api sh
    """
    from samplemind_cli import output
    from samplemind_cli.child.foreground import run
    from samplemind_cli.stack.docker import docker_command
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.existing import running
    from samplemind_cli.stack.files import located

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    with Engine() as engine:
        container = running(settings, located(settings), engine, service)
    tty = not no_tty and output.on_terminal(sys.stdin) and output.on_terminal(sys.stdout)
    values = {"--user": user, "--workdir": workdir}
    options = [word for name, value in values.items() if value is not None for word in (name, value)]
    options += [word for variable in env or () for word in ("--env", variable)]
    return run(docker_command("exec", "--interactive", *(["--tty"] if tty else []), *options, container.id, *command))
