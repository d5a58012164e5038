"""`samplemind launch`."""

from typing import TYPE_CHECKING, Annotated

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.launching.tools import Setup


def launch(
    tool: Annotated[
        str, typer.Argument(metavar="TOOL", help="claude, codex, gemini, opencode, aider, open-webui or continue.")
    ],
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-- ARGS", help="Arguments for the tool.")] = None,
    model: Annotated[
        str, typer.Option("--model", "-m", metavar="NAME", help="auto, auto:TASK or PROVIDER/MODEL.")
    ] = "",
    url: Annotated[str, typer.Option(metavar="URL", help="A server that is already running elsewhere.")] = "",
    show: Annotated[bool, typer.Option("--print", help="Show what would be set and run; start nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --print: one JSON object.")] = False,
) -> int:
    r"""Start an AI tool on samplemind serve, with its cache, routing and ledger.

    A running server is used, or one is started for as long as the tool runs. The tool's own settings are not changed.
    Arguments after -- go to the tool.

    \b
    Examples:
      samplemind launch claude -m ollama/qwen3-coder
      samplemind launch codex -- exec "what does this project do?"
      samplemind launch aider --print
    """
    from contextlib import nullcontext
    from pathlib import Path

    from samplemind_cli import child, files, output
    from samplemind_cli.launching import serving, tools
    from samplemind_cli.settings import environment

    settings, more = Settings.load(), arguments or []
    tools.setup(tool, serving.DEFAULT, "")  # an unknown one is told before anything starts
    if show:
        setup = tools.setup(tool, url or serving.DEFAULT, settings.api_token and "$SAMPLEMIND_API_TOKEN", model)
        _show(setup, more, as_json=as_json)
        return 0
    _installed(tools.setup(tool, "", ""))
    folder = Path(files.private_folder(settings.state_dir, "launch"))
    found = url or (serving.DEFAULT if serving.running() else "")
    with nullcontext(found) if found else serving.started(settings, folder / "serve.log") as address:
        setup = tools.setup(tool, address, settings.api_token, model)
        config = folder / (setup.config_name or "unused")
        if setup.config:
            files.write(config, setup.config.encode())
        output.say(f"{tool} asks {address}" + ("" if found else f"; its log: {folder / 'serve.log'}"))
        arguments = [word.replace("{config}", str(config)) for word in setup.arguments]
        return child.run([*setup.command, *arguments, *more], environment(**setup.variables))


def _installed(setup: "Setup") -> None:
    import shutil

    from samplemind_cli.errors import UsageError

    if not shutil.which(setup.command[0]):
        raise UsageError(f"{setup.command[0]} is not installed", setup.install)


def _show(setup: "Setup", more: list[str], *, as_json: bool) -> None:
    import shlex

    from samplemind_cli import output

    command = [*setup.command, *setup.arguments, *more]
    if as_json:
        output.print_json({"variables": setup.variables, "command": command, "config": setup.config or None})
        return
    output.lines(f"export {name}={shlex.quote(value)}" for name, value in setup.variables.items())
    if setup.config:
        output.write(f"# {setup.config_name}:\n{setup.config}")
    output.write(shlex.join(command) + "\n")
