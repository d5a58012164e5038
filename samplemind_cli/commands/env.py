"""`samplemind env`."""

from enum import StrEnum
from typing import Annotated

import typer

from samplemind_cli.commands.up import Profiles, ProjectName
from samplemind_cli.settings import Settings, environment


class Shell(StrEnum):
    """The shells whose quoting is known."""

    bash = "bash"
    zsh = "zsh"
    fish = "fish"


def env(
    shell: Annotated[Shell | None, typer.Option(help="Whose syntax to use; by default your login shell's.")] = None,
    file: Annotated[str | None, typer.Option("--file", "-f", help="Compose file to read the addresses from.")] = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object of names and values instead.")] = False,
) -> None:
    r"""Print the exports that speed this machine up and lead to the stack.

    Threads for NumPy and its like come from the cores this process may really use: affinity and control groups count.

    \b
    Examples:
      eval "$(samplemind env)"
      samplemind env --shell fish | source
    """
    from samplemind_cli import output, processors
    from samplemind_cli.errors import StackError
    from samplemind_cli.stack import docker, exports, files

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    values = exports.speed(processors.usable())
    try:
        values |= exports.addresses(docker.config(files.located(settings)), settings)
    except StackError as error:  # a shell's start-up file must go on without Docker
        output.say(f"note: no addresses of the stack: {error.message}")
    if as_json:
        output.print_json(values)
        return
    name = shell or (Shell.fish if environment().get("SHELL", "").endswith("fish") else Shell.bash)
    output.write("".join(f"{exports.line(key, value, name.value)}\n" for key, value in values.items()))
