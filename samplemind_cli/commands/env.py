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
    shell: Annotated[Shell | None, typer.Option(help="The shell to write for; by default your login shell.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="FILE", help="The compose file to read the addresses from.")
    ] = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object of names and values instead.")] = False,
) -> None:
    r"""Print shell exports for thread counts and the stack's addresses.

    Thread counts for NumPy and the like follow the cores that this process may use, by affinity and control groups.
    A service of a project is SAMPLEMIND_SERVICE_NAME_URL; its `redis` and `mongodb` are REDIS_URL and MONGODB_URI
    too. OLLAMA_HOST, SAMPLEMIND_REDIS_URL and SAMPLEMIND_API_URL lead to the stack that comes with samplemind alone.

    \b
    Examples:
      eval "$(samplemind env)"
      samplemind env --shell fish | source
    """
    from samplemind_cli import output, processors
    from samplemind_cli.stack import exports

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    found = exports.of_stack(settings)
    for note in found.notes:
        output.say(f"note: {note}")
    values = {**exports.speed(processors.usable()), **found.values}
    if as_json:
        output.print_json(values)
        return
    name = shell or (Shell.fish if environment().get("SHELL", "").endswith("fish") else Shell.bash)
    output.write("".join(f"{exports.line(key, value, name.value)}\n" for key, value in values.items()))
