"""`samplemind models`: lists and manages the Ollama daemon's models."""

import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.commands._ask_line import installed_models
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from samplemind_cli.models.daemon import Daemon, Loaded, Model
    from samplemind_cli.models.listing import ListedModel

CONTEXT = {"help_option_names": ["-h", "--help"]}
app = typer.Typer(rich_markup_mode=None, add_completion=False, context_settings=CONTEXT)
DURATION = re.compile(r"-?\d+|(\d+(\.\d+)?(ms|s|m|h))+")  # as the daemon reads keep_alive
WIDE = 110  # columns that the table needs; on a narrower terminal each model takes two lines
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Names = Annotated[
    list[str], typer.Argument(metavar="NAME...", help="Installed models.", autocompletion=installed_models)
]


@app.callback(invoke_without_command=True)
def models(
    ctx: typer.Context,
    as_json: AsJson = False,
    running: Annotated[bool, typer.Option("--running", help="Only the models in memory.")] = False,
    hosted: Annotated[bool, typer.Option("--hosted", help="The hosted providers' models instead.")] = False,
) -> None:
    r"""List the local models: size, loaded or not, wanted by the project, used for which task.

    \b
    Examples:
      samplemind models
      samplemind models --running --json
      samplemind models --hosted
      samplemind models warm llama3.2:3b-instruct-q8_0
    """
    if ctx.invoked_subcommand is not None:
        return
    from samplemind_cli import output
    from samplemind_cli.models import listing
    from samplemind_cli.models.daemon import ask

    settings = Settings.load()
    if hosted:
        _show_hosted(settings, as_json=as_json, running=running)
        return

    async def everything(daemon: "Daemon") -> tuple[list["Model"], dict[str, "Loaded"]]:
        return await daemon.installed(), await daemon.running()

    installed, loaded = ask(settings, everything)
    rows = listing.rows(installed, loaded, settings.models, listing.tasks_of(settings))
    rows = [row for row in rows if row.loaded] if running else rows
    if as_json:
        output.print_json({"models": [row.as_json() for row in rows]})
        return
    _print_rows(rows, running=running)
    if not running:
        _advise(settings, rows)


@app.command("show", context_settings=CONTEXT)
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An installed model.", autocompletion=installed_models)],
    as_json: AsJson = False,
) -> None:
    r"""Show everything the daemon knows about a model.

    \b
    Example:
      samplemind models show qwen2.5:7b-instruct
    """
    from samplemind_cli import output
    from samplemind_cli.models.daemon import ask
    from samplemind_cli.models.names import resolve

    details = ask(Settings.load(), lambda daemon: daemon.show(resolve(name)))
    if as_json:
        output.print_json({"name": resolve(name), **details})
    else:
        output.lines(f"{label + ':':<14}{text}" for label, text in _facts(resolve(name), details))


@app.command("rm", context_settings=CONTEXT)
def rm(
    names: Names,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    r"""Remove models from the daemon's disk; asks first.

    \b
    Example:
      samplemind models rm phi3.5:mini
    """
    from samplemind_cli import output
    from samplemind_cli.models.daemon import ask
    from samplemind_cli.models.fit import gigabytes
    from samplemind_cli.models.names import resolve

    settings = Settings.load()
    sizes = {model.name.lower(): model.size for model in ask(settings, lambda daemon: daemon.models())}
    resolved = list(dict.fromkeys(map(resolve, names)))
    listed = [f"{name} ({gigabytes(sizes[name.lower()])})" for name in resolved if name.lower() in sizes]
    if listed and not output.confirm(f"Remove {', '.join(listed)}?", yes=yes):
        raise typer.Abort
    _act_on_each(settings, resolved, lambda daemon, name: daemon.remove(name), "removed")


@app.command("stop", context_settings=CONTEXT)
def stop(names: Names) -> None:
    r"""Unload models from memory; they stay on disk.

    \b
    Example:
      samplemind models stop qwen2.5:7b-instruct
    """
    _act_on_each(Settings.load(), names, lambda daemon, name: daemon.stop(name), "stopped")


@app.command("warm", context_settings=CONTEXT)
def warm(
    names: Names,
    keep: Annotated[
        str | None,
        typer.Option("--keep", metavar="TIME", help="How long idle models stay loaded: 30m, 2h, -1 for ever."),
    ] = None,
) -> None:
    r"""Load models into memory, so that the first answer is fast.

    \b
    Example:
      samplemind models warm llama3.2:3b-instruct-q8_0 --keep 1h
    """
    from samplemind_cli.errors import UsageError

    if keep is not None and not DURATION.fullmatch(keep):
        raise UsageError(f"--keep cannot be {keep!r}", "a time is like 30m, 2h, 1h30m, seconds, or -1 for ever")
    duration = float(keep) if keep and keep[-1].isdigit() else keep
    _act_on_each(Settings.load(), names, lambda daemon, name: daemon.warm(name, duration), "warm")


def _act_on_each(
    settings: Settings, names: list[str], act: "Callable[[Daemon, str], Awaitable[None]]", done: str
) -> None:
    """Call `act` for each model in turn and report it; failures are raised together at the end."""
    from time import monotonic

    from samplemind_cli import output
    from samplemind_cli.models import daemon_errors
    from samplemind_cli.models.daemon import ask
    from samplemind_cli.models.names import resolve

    async def all_of(daemon: "Daemon") -> "list[daemon_errors.OllamaError]":
        failures = []
        await daemon.version()
        for name in dict.fromkeys(map(resolve, names)):
            began = monotonic()
            try:
                await act(daemon, name)
                output.say(f"{name}: {done} ({monotonic() - began:.1f} s)")
            except daemon_errors.OllamaError as error:
                failures.append(error)
        return failures

    if failures := ask(settings, all_of):
        raise daemon_errors.together(failures)


def _show_hosted(settings: Settings, *, as_json: bool, running: bool) -> None:
    """One model per line, and for each provider without one the fix."""
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.models.hosted import hosts

    if running:
        raise UsageError("--running and --hosted exclude each other", "samplemind models --help")
    providers = hosts(settings)
    if as_json:
        output.print_json({"providers": [host.as_json() for host in providers]})
        return
    output.lines(name for host in providers for name in host.models)
    for host in providers:
        if host.reason and not host.models:
            output.say(f"{host.provider}: {host.reason}: {host.fix}")


def _print_rows(rows: "list[ListedModel]", *, running: bool) -> None:
    from samplemind_cli import output

    if not rows:
        output.say("no model is in memory; hint: samplemind models warm NAME" if running else "no models")
        return
    cells = [_cells(row) for row in rows]
    if output.on_terminal(sys.stdout) and typer.get_terminal_size().columns < WIDE:
        output.lines(line for name, *texts in cells for line in (name, f"  {', '.join(filter(None, texts))}"))
    else:
        output.table(("model", "size", "kind", "modified", "loaded", "set", "tasks"), cells)
    missing = [row.name for row in rows if not row.installed]
    if missing:
        output.say(f"missing: {', '.join(missing)}")
        output.say("hint: samplemind pull-models")


def _cells(row: "ListedModel") -> tuple[str, ...]:
    from samplemind_cli.models.fit import gigabytes

    model = row.installed
    tail = ("wanted" if row.wanted else "", ", ".join(row.tasks))
    if model is None:
        return (row.name, "missing", "", "", "", *tail)
    kind = " ".join(part for part in (model.parameters, model.quantization, model.family) if part)
    modified = f"{model.modified.astimezone():%Y-%m-%d}" if model.modified else ""
    return (row.name, gigabytes(model.size), kind, modified, _loaded(row.loaded), *tail)


def _loaded(loaded: "Loaded | None") -> str:
    from samplemind_cli.models.fit import gigabytes

    if loaded is None:
        return ""
    share = round(100 * loaded.size_vram / loaded.size) if loaded.size else 0
    until = f"until {loaded.until.astimezone():%H:%M}" if loaded.until else "for ever"
    return f"{gigabytes(loaded.size_vram)} of {gigabytes(loaded.size)} in VRAM ({share}%), {until}"


def _facts(name: str, model: dict[str, Any]) -> list[tuple[str, str]]:
    """The main facts of a model, as label and text; the rest is in --json."""
    details, info = model.get("details") or {}, model.get("model_info") or {}
    context = next((value for key, value in info.items() if key.endswith(".context_length")), "")
    facts = [
        ("name", name),
        ("family", details.get("family")),
        ("parameters", details.get("parameter_size")),
        ("quantization", details.get("quantization_level")),
        ("context", context and f"{context} tokens"),
        ("capabilities", ", ".join(model.get("capabilities") or ())),
        ("options", "; ".join(" ".join(line.split()) for line in (model.get("parameters") or "").splitlines())),
        ("licence", (model.get("license") or "").strip().partition("\n")[0]),
        ("modified", model.get("modified_at")),
    ]
    return [(label, str(text)) for label, text in facts if text]


def _advise(settings: Settings, rows: "list[ListedModel]") -> None:
    """Warn of models that are too large for this machine, unless the daemon is elsewhere."""
    from samplemind_cli import output
    from samplemind_cli.ai.router import is_loopback
    from samplemind_cli.models import daemon, fit

    if not is_loopback(daemon.address(settings)):
        return
    sizes = [
        (row.name, row.installed.size if row.installed else fit.expected_size(row.name)) for row in rows if row.wanted
    ]
    for sentence in fit.advice(fit.this_machine(), [(name, size) for name, size in sizes if size]):
        output.say(sentence)
