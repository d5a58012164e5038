"""`samplemind batch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.providers import Task
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ai.types import Options
    from samplemind_cli.batch.in_flight import InFlight
    from samplemind_cli.batch.results import Results
    from samplemind_cli.batch.run import Tally

JOBS = 8


def batch(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file with one question per line, in JSON.")],
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="OUT", help="The file to write the answers to, one per line.")
    ],
    jobs: Annotated[
        int, typer.Option("--jobs", "-j", min=1, max=1024, metavar="N", help="Number of concurrent requests.")
    ] = JOBS,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME", help="Use this model, whatever the lines name.")
    ] = None,
    task: Annotated[
        Task, typer.Option("--task", "-t", help="The kind of task; decides which provider is tried first.")
    ] = "factual",
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="Retry the lines that failed before.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor write the cache.")] = False,
    timeout: Annotated[
        float | None, typer.Option(min=0.001, metavar="SECONDS", help="Give up on a question after this time.")
    ] = None,
    max_cost: Annotated[
        float | None,
        typer.Option("--max-cost", min=0, metavar="DOLLARS", help="Spend no more than this on all its runs."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="At the end, print one JSON object.")] = False,
) -> None:
    r"""Answer a file of questions into another file; an interrupted batch resumes.

    A line is {"prompt": "…"}, optionally with "system", "model" and the like, or a line of OpenAI's Batch API.

    \b
    Examples:
      samplemind batch IN.jsonl --out OUT.jsonl
      samplemind batch IN.jsonl --out OUT.jsonl --jobs 32 --model openai/gpt-6-luna
      samplemind batch IN.jsonl --out OUT.jsonl --retry-failed
    """
    import os
    from dataclasses import replace

    from samplemind_cli import output
    from samplemind_cli.ai.types import Options, Origin
    from samplemind_cli.batch import answering, progress
    from samplemind_cli.batch.in_flight import InFlight
    from samplemind_cli.budgets import Budget
    from samplemind_cli.errors import BudgetError, ProviderError

    settings = Settings.load(read_timeout=timeout, local_read_timeout=timeout)
    if max_cost is not None:
        settings = replace(settings, budgets=(*settings.budgets, Budget(max_cost, "total", "batch")))
    origin = Origin(command="batch", batch=os.path.realpath(out))
    options = Options(task=task, cache="off" if no_cache else "use", timeout=timeout, origin=origin)
    given = {"--jobs": jobs, "--model": model, "--task": task, "--timeout": timeout, "--max-cost": max_cost}
    command = _command(source, out, given, no_cache)
    answering.check(settings, options, model)
    in_flight = InFlight(out)
    results, tally = _open(source, out, in_flight, again=retry_failed)
    stopped = "stopped: {0.done:,} of {0.total:,} lines are in {1}".format
    if tally.unsure:
        were = "line was" if tally.unsure == 1 else "lines were"
        output.say(f"{tally.unsure:,} {were} in flight when the last run was killed, and may be billed twice")
    try:
        _run(settings, options, model, source, results, in_flight, tally, jobs)
    except KeyboardInterrupt:
        output.say(f"{stopped(tally, out)}; to go on: {command}")
        raise
    except BudgetError as over:
        raise BudgetError(f"{over.message}; {stopped(tally, out)}", f"with a larger budget: {command}") from over
    finally:
        results.close()
    output.say(progress.line(tally))
    if as_json:
        output.print_json(tally.as_json())
    if tally.failed:
        why = f"{tally.failed:,} of {tally.total:,} lines failed; each says why in {out}"
        raise ProviderError(why, f"{command} --retry-failed")


def _open(source: Path, out: Path, in_flight: "InFlight", *, again: bool) -> "tuple[Results, Tally]":
    """The file of answers, and the count of lines. Raises UsageError."""
    from samplemind_cli.batch import lines
    from samplemind_cli.batch.results import Results
    from samplemind_cli.batch.run import Tally
    from samplemind_cli.errors import UsageError

    if not source.is_file():
        why = "is not a regular file, and must be read twice" if source.exists() else "does not exist"
        raise UsageError(f"{source} {why}", "samplemind batch IN.jsonl --out OUT.jsonl")
    if out.exists() and out.samefile(source):
        raise UsageError(f"{out} is the file of the questions", "name another --out")
    try:
        total = lines.count(source)
    except OSError as error:
        raise UsageError(f"cannot read {source}: {error.strerror or error}", f"ls -l {source}") from error
    results = Results.open(out, again=again)
    try:
        left = [in_flight.has(line) for line in lines.read(source) if not results.has(line)]
    except BaseException:
        results.close()
        raise
    return results, Tally(total, before=total - len(left), unsure=sum(left), failed=results.failed)


def _run(
    settings: Settings,
    options: "Options",
    model: str | None,
    source: Path,
    results: "Results",
    in_flight: "InFlight",
    tally: "Tally",
    jobs: int,
) -> None:
    import asyncio
    from contextlib import suppress

    from samplemind_cli import files, output
    from samplemind_cli.ai.core import AICore
    from samplemind_cli.batch import lines, run
    from samplemind_cli.batch.answering import Asker, LineResult
    from samplemind_cli.batch.ending import Ending
    from samplemind_cli.batch.progress import BatchProgress, Remarks
    from samplemind_cli.ledger.prices import Prices

    ending = Ending(lambda: output.say("finishing the lines in flight; once more stops at once"))
    prices = Prices(settings.config_dir, settings.rows)
    files.allow_open(4 * jobs + 64)

    async def asking() -> None:
        core = AICore(settings, notify=Remarks().say)
        asker = Asker(core, options, model or "")
        try:
            with ending, in_flight:
                ended = ending.__bool__
                await run.run(
                    lines.read(source), results, in_flight.recording(asker.answer), jobs=jobs, tell=tell, ended=ended
                )
        finally:
            await core.close()

    with BatchProgress(tally) as progress:

        def tell(result: LineResult) -> None:
            tally.add(result, prices)
            progress.show()

        with suppress(asyncio.CancelledError):  # the second signal
            asyncio.run(asking())
    ending.raise_again()


def _command(source: Path, out: Path, given: dict[str, Any], no_cache: bool) -> str:
    """The command line that resumes this batch."""
    import shlex

    defaults = {"--jobs": JOBS, "--task": "factual"}
    options = [(name, str(value)) for name, value in given.items() if value not in (None, defaults.get(name))]
    words = [word for pair in options for word in pair] + ["--no-cache"] * no_cache
    return shlex.join(["samplemind", "batch", str(source), "--out", str(out), *words])
