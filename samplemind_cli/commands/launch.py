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

    from samplemind_cli import child, output
    from samplemind_cli.launching import home, serving, showing, tools
    from samplemind_cli.settings import environment
    from samplemind_cli.stack import record

    settings, more = Settings.load(), arguments or []
    tools.setup(tool, serving.DEFAULT, "")  # an unknown one is reported before anything starts
    if show:
        setup = tools.setup(tool, url or serving.DEFAULT, settings.api_token and showing.TOKEN, model)
        _show(setup.placed(home.folder(settings, tool)), more, as_json=as_json)
        return 0
    _installed(tools.setup(tool, "", ""))
    folder = home.made(settings, "launch")
    found = url or serving.found(settings, record.carried(settings, "api"), output.say)
    with nullcontext(found) if found else serving.started(settings, folder / "serve.log") as address:
        setup = home.furnished(settings, tool, tools.setup(tool, address, settings.api_token, model))
        output.say(f"{tool} uses {address}" + ("" if found else f"; its log: {folder / 'serve.log'}"))
        return child.run([*setup.command, *setup.arguments, *more], environment(**setup.variables))


def _installed(setup: "Setup") -> None:
    import shutil

    from samplemind_cli.errors import UsageError

    if not shutil.which(setup.command[0]):
        raise UsageError(f"{setup.command[0]} is not installed", setup.install)


def _show(setup: "Setup", more: list[str], *, as_json: bool) -> None:
    from samplemind_cli import output
    from samplemind_cli.launching import showing
    from samplemind_cli.stack import exports

    if as_json:
        words = [*setup.command, *setup.arguments, *more]
        output.print_json({"variables": setup.variables, "command": words, "config": setup.config or None})
        return
    output.lines(showing.exports(setup, lambda name, value: exports.line(name, value, "bash")))
    if setup.config:
        output.write(f"# {setup.config_name}:\n{setup.config}")
    output.write(showing.command(setup, more) + "\n")
