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
    from samplemind_cli.launching import home, serving, small_context, tools
    from samplemind_cli.settings import environment
    from samplemind_cli.stack import record

    settings, arguments = Settings.load(), arguments or []
    setup = tools.setup(tool, url or serving.DEFAULT, settings.api_token and tools.TOKEN, model)
    if show:
        _show(setup.with_home(home.path(settings, tool)), arguments, as_json=as_json)
        return 0
    _require_installed(setup)
    log = home.make(settings, "launch") / "serve.log"
    running = url or serving.find(settings, record.carried(settings, "api"), output.say)
    with nullcontext((running, None)) if running else serving.start(settings, log) as (address, _):
        setup = home.prepare(settings, tool, tools.setup(tool, address, settings.api_token, model))
        if warning := "" if url else small_context.warning(settings, tool, model):
            output.say(warning)
        output.say(f"{tool} uses {address}" + ("" if running else f"; its log: {log}"))
        return child.run([*setup.command, *setup.arguments, *arguments], environment(**setup.variables))


def _require_installed(setup: "Setup") -> None:
    import shutil

    from samplemind_cli.errors import UsageError

    if not shutil.which(setup.command[0]):
        raise UsageError(f"{setup.command[0]} is not installed", setup.install)


def _show(setup: "Setup", arguments: list[str], *, as_json: bool) -> None:
    from samplemind_cli import output
    from samplemind_cli.stack import exports

    if as_json:
        words = [*setup.command, *setup.arguments, *arguments]
        output.print_json({"variables": setup.variables, "command": words, "config": setup.config or None})
        return
    output.lines(setup.exports(lambda name, value: exports.line(name, value, "bash")))
    if setup.config:
        output.write(f"# {setup.config_name}:\n{setup.config}")
    output.write(setup.command_line(arguments) + "\n")
