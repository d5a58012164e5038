"""`samplemind bench`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from samplemind_cli.commands import _bench_programs as programs
from samplemind_cli.commands._bench_group import COMMAND, BoardFirst
from samplemind_cli.settings import Settings, here

Workload = Literal["unique", "zipf"]
Html = Annotated[Path | None, typer.Option(metavar="FILE", help="Write a self-contained page with plots.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

app = typer.Typer(
    cls=BoardFirst, rich_markup_mode=None, add_completion=False, subcommand_metavar="[GROUP]... | COMMAND ..."
)


@app.callback()
def bench() -> None:
    r"""Measure against targets, and tell whether it got faster.

    A scoreboard: metric, baseline, target, measured value, confidence and verdict. No services are needed: rows
    without theirs are measured on embedded parts, and say so, or are skipped with the reason.

    \b
    Examples:
      samplemind bench --quick
      samplemind bench cli cache --html bench.html
      samplemind bench cli --save before.json
      samplemind bench cli --compare before.json --fail-over 20
      samplemind bench ab HEAD~1
      samplemind bench run -- python app.py
      samplemind bench load --rate 50
    """


@app.command()
def board(
    groups: Annotated[list[str] | None, typer.Argument(metavar="[GROUP]...", help="By default all.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="At most 30 seconds; slower rows are skipped.")] = False,
    as_json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table.")] = False,
    html: Html = None,
    save: Annotated[Path | None, typer.Option(metavar="FILE", help="Save the results, to compare with later.")] = None,
    compare: Annotated[Path | None, typer.Option(metavar="FILE", help="Show the change since these results.")] = None,
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, metavar="PCT", help="With --compare: exit code 1 if a row is slower by more."),
    ] = None,
) -> int:
    r"""Print the scoreboard.

    Groups: cli, cache, core, providers, serve, build, frontend, tests. A hosted provider with a key gets ten short
    prompts, three with --quick. Ctrl-C prints the rows so far. --fail-over measures everything
    twice to estimate this machine's noise, and refuses a finer gate: exit code 2, as when a row stays unsure.

    \b
    Example:
      samplemind bench board providers --json
    """
    from samplemind_cli import output
    from samplemind_cli.bench import board, gate, page, report
    from samplemind_cli.bench.last_results import LastResults
    from samplemind_cli.errors import UsageError

    if as_json + as_csv + as_markdown > 1:
        raise UsageError("--json, --csv and --markdown exclude each other", "samplemind bench --help")
    if fail_over is not None and not compare:
        hint = "samplemind bench --compare FILE --fail-over 20"
        raise UsageError("--fail-over needs something to compare with", hint)
    report.check_writable(html, save)
    baseline = gate.load(compare) if compare else None
    share = None if fail_over is None else fail_over / 100
    settings = Settings.load()

    def measure() -> dict[str, Any]:
        return report.document(board.scores(groups or [], settings, output.say, quick=quick))

    document, again = gate.measure(measure, output.say, twice=share is not None)
    _keep(lambda: LastResults(settings.state_dir).keep_board(document))
    stopped = report.interrupted(document) or report.interrupted(again)
    if stopped:  # partial results are shown, and marked as partial
        baseline = save = None
    changes = gate.compare(baseline, document, again, share) if baseline else []
    if baseline:
        document |= {"since": baseline["when"], "comparison": gate.document(changes)}
    try:
        _show(document, "json" if as_json else "csv" if as_csv else "markdown" if as_markdown else "")
    finally:  # also if stdout cannot be written
        if save:
            report.write(save, json.dumps(document))
        if html:
            report.write(html, page.scoreboard(document))
    if stopped:
        raise KeyboardInterrupt
    return gate.exit_code(changes, share)


def _show(document: dict[str, Any], form: str) -> None:
    from samplemind_cli import output
    from samplemind_cli.bench import gate, report

    changes = gate.table(document.get("comparison", []))
    match form:
        case "json":
            output.print_json(document)
        case "csv":
            output.write(report.as_csv(document["rows"]))
        case "markdown":
            output.write(report.as_markdown(document, [gate.COLUMNS, *changes] if changes else []))
        case _:
            output.table(report.COLUMNS, report.table(document["rows"]))
            output.write("".join(f"{remark}\n" for remark in ["", *report.remarks(document["rows"])]))
            if changes:
                output.write(f"\nsince {document['since']}\n")
                output.table(gate.COLUMNS, changes)
                output.write("".join(f"{line}\n" for line in gate.meaning(document["comparison"])))
    if document.get("comparison") == []:
        output.say(gate.NOTHING)


@app.command()
def load(
    provider: Annotated[
        str, typer.Option(metavar="NAME", help="The provider; by default a mock without latency.")
    ] = "",
    model: Annotated[str, typer.Option(metavar="NAME", help="Which model answers.")] = "",
    connections: Annotated[
        int, typer.Option(min=1, max=100, metavar="N", help="Closed loop: the number of concurrent requests.")
    ] = 4,
    rate: Annotated[
        float | None,
        typer.Option(
            min=0.001,
            max=100_000,
            metavar="N",
            help="Open loop instead: start this many requests a second, whether or not earlier ones have ended.",
        ),
    ] = None,
    seconds: Annotated[
        float, typer.Option(min=0.001, max=1_000_000, metavar="SECONDS", help="How long to send requests.")
    ] = 10,
    workload: Annotated[
        Workload, typer.Option(help="Each prompt once, or the named workload with a cache.")
    ] = "unique",
    as_json: Json = False,
    html: Html = None,
) -> int:
    r"""Ask many questions at once through the core, and tell the latencies.

    Latencies count from the schedule as well as from sending: in an open loop, a server that stops for a second
    delays every request due in it. A failure counts as infinite; a quantile of too few answers is n/a. The rate
    limits of the settings are off. To load a server, set its address:

    \b
    Examples:
      samplemind bench load --provider ollama --connections 8
      OPENAI_BASE_URL=http://127.0.0.1:8000/v1 samplemind bench load --provider openai --rate 50
    """
    import asyncio

    from samplemind_cli import output
    from samplemind_cli.ai import Options
    from samplemind_cli.bench import load as loads
    from samplemind_cli.bench import page, report
    from samplemind_cli.bench.target import run

    settings = Settings.load()
    if provider:
        settings.row(provider)  # raises UsageError
    report.check_writable(html)
    output.say(f"sending requests for {seconds:g} s")
    options = Options(provider=provider, model=model)
    document = asyncio.run(run(settings, options, workload, connections=connections, rate=rate, seconds=seconds))
    if as_json:
        output.print_json(document)
    else:
        output.table(loads.COLUMNS, loads.table(document))
        output.write("".join(f"{line}\n" for line in loads.summary(document)))
    if html:
        report.write(html, page.load_report(document, report.now()))
    return 1 if document["failures"] else 0


@app.command()
def ab(
    ctx: typer.Context,
    base: Annotated[str, typer.Argument(metavar="REF", help="The revision to compare with.")],
    candidate: Annotated[
        str | None, typer.Argument(metavar="[REF]", help="The revision to judge; by default the working tree.")
    ] = None,
    margin: Annotated[
        float, typer.Option(min=0, max=100, metavar="PCT", help="Ignore a slowdown smaller than this.")
    ] = 3,
    seconds: Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Stop measuring after this time.")] = 120,
    setup: Annotated[
        str | None, typer.Option(metavar="COMMAND", help="Run this in each version, instead of installing it.")
    ] = None,
    as_json: Json = False,
    html: Html = None,
) -> int:
    r"""Compare two versions, run in turns: better, worse, no worse, or inconclusive.

    Each version gets a git worktree, submodules included, and a Python environment of its own. A command is given
    after `--` and runs in that folder of the worktree which you are in; by default it is the start of the project's
    own. The verdict is about the ratio of two consecutive runs, with its 95 % interval: worse when even its lower end
    is beyond the margin. Measuring continues until that is certain, or the time is up. Exit code: 0 better
    or no worse, 1 worse, 2 inconclusive. An error ends with 1 and a wrong command line with 2 as well; then nothing is
    on stdout.

    \b
    Examples:
      samplemind bench ab HEAD
      samplemind bench ab v1.0 v1.1 --margin 5
      samplemind bench ab main -- python -m myapp --once
      samplemind bench ab main --setup make -- ./build/app
    """
    from samplemind_cli import output
    from samplemind_cli.bench import ab as compared
    from samplemind_cli.bench import git, report
    from samplemind_cli.bench.last_results import LastResults

    report.check_writable(html)
    folder = here()
    repository = git.repository_of(folder)
    plan = compared.AbPlan(
        versions=(git.resolve(repository, base), git.resolve(repository, candidate)),
        command=ctx.meta.get(COMMAND, ()),
        setup=setup,
        margin=margin / 100,
        seconds=seconds,
    )
    document = {"when": report.now(), **compared.run(folder, plan, output.say)}
    _keep(lambda: LastResults(Settings.load().state_dir).keep_comparison(git.project(folder), document))
    if as_json:
        output.print_json(document)
    else:
        output.write(compared.summary(document))
    if html:
        from samplemind_cli.bench import page  # imports plots and asyncio, a third of the start-up

        report.write(html, page.comparison(document, report.now()))
    return compared.EXIT[document["verdict"]]


def _keep(keep: Callable[[], None]) -> None:
    """Save results for the dashboard; a failure is reported, and the results are still printed."""
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError

    try:
        keep()
    except SamplemindError as error:
        output.say(f"warning: {error.message}")


app.command("run", context_settings={"allow_interspersed_args": False})(programs.run)
app.command("history")(programs.history)
