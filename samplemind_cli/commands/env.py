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
    tool: Annotated[
        str, typer.Option("--for", metavar="TOOL", help="What launch would set for claude, codex, aider, …")
    ] = "",
    model: Annotated[str, typer.Option("--model", "-m", metavar="NAME", help="With --for: the model.")] = "",
    url: Annotated[str, typer.Option(metavar="URL", help="With --for: the server; by default at port 8000.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object of names and values instead.")] = False,
) -> None:
    r"""Print shell exports for thread counts and the stack's addresses.

    With --for, the exports that point a tool at samplemind serve, as launch would set them.

    Thread counts for NumPy and the like follow the cores that this process may use, by affinity and control groups.
    A service of a project is SAMPLEMIND_SERVICE_NAME_URL; its `redis` and `mongodb` are REDIS_URL and MONGODB_URI
    too. OLLAMA_HOST, SAMPLEMIND_REDIS_URL and SAMPLEMIND_API_URL are only set to samplemind's own stack.

    \b
    Examples:
      eval "$(samplemind env)"
      samplemind env --shell fish | source
      eval "$(samplemind env --for claude -m ollama/qwen3-coder)"; claude
    """
    from samplemind_cli import output, processors
    from samplemind_cli.stack import exports

    shell = shell or (Shell.fish if environment().get("SHELL", "").endswith("fish") else Shell.bash)
    if tool:
        _for(tool, model, url, shell, as_json=as_json)
        return
    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    stack = exports.of_stack(settings)
    for note in stack.notes:
        output.say(f"note: {note}")
    values = {**exports.speed(processors.usable()), **stack.values}
    if as_json:
        output.print_json(values)
        return
    output.write("".join(f"{exports.line(key, value, shell.value)}\n" for key, value in values.items()))


def _for(tool: str, model: str, url: str, shell: Shell, *, as_json: bool) -> None:
    """The exports for a tool, whose config file is written; the command to run is a comment."""
    from samplemind_cli import output
    from samplemind_cli.launching import home, serving, tools
    from samplemind_cli.stack import exports

    settings = Settings.load()
    setup = tools.setup(tool, url or serving.DEFAULT, settings.api_token and tools.TOKEN, model)
    setup = home.prepare(settings, tool, setup)
    if as_json:
        output.print_json(setup.variables)
        return
    output.lines(setup.exports(lambda name, value: exports.line(name, value, shell.value)))
    if setup.arguments:
        output.lines([f"# {setup.command_line()}"])
