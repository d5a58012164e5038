"""`samplemind profile`: where the time and the memory of a program go, or the time of the running api."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from samplemind_cli.settings import Settings, environment, here

if TYPE_CHECKING:
    from samplemind_cli.profiling.runs import Asked, Profile


class RunByDefault(TyperGroup):
    """`profile script.py` means `profile run script.py`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `run` before anything that is neither a subcommand nor a call for help."""
        if args and args[0] not in (*self.commands, "-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=RunByDefault, rich_markup_mode=None, add_completion=False, no_args_is_help=True)


@app.callback()
def profile() -> None:
    r"""Profile a script, a module, a samplemind command or the running api.

    Time, memory, flame graphs. The program runs as if typed without `samplemind profile`: exit code, input and output
    are its own; the summary goes to stderr. Pages (offline), speedscope files and JSON are kept and can be compared.

    \b
    Examples:
      samplemind profile -- script.py --its-option
      samplemind profile --both -- -m mypackage.tool
      samplemind profile --memory -- ask "What is a fugue?"
      samplemind profile api
      samplemind profile again
      samplemind profile diff previous last
    """


@app.command("run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def run(
    words: Annotated[
        list[str],
        typer.Argument(metavar="SCRIPT|-m MODULE|COMMAND [ARGUMENTS]...", help="The program and its arguments."),
    ],
    cpu: Annotated[bool, typer.Option("--cpu", help="Where the time goes, with pyinstrument (default).")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Where the memory goes, with memray.")] = False,
    both: Annotated[
        bool, typer.Option("--both", help="Both, in two runs: only the first one's output is shown.")
    ] = False,
    native: Annotated[bool, typer.Option("--native", help="For memory, follow C and C++ code too.")] = False,
    children: Annotated[bool, typer.Option("--children", help="Profile the Python processes it starts too.")] = False,
    overhead: Annotated[
        bool, typer.Option("--overhead", help="Measure the overhead: run without a profiler, before and after.")
    ] = False,
) -> int:
    r"""Profile a program, and keep the result. `run` may be left out.

    pyinstrument samples the main thread every millisecond; time that a coroutine waits is counted where it awaits
    (in asyncio's own loop: what waits in uvloop is counted where the loop was started). memray counts every
    allocation. Scripts run in the active environment, else in the project's .venv or venv, else with samplemind's own
    Python; the profilers must be installed there.

    \b
    Example:
      samplemind profile --both --overhead -- script.py
    """
    from samplemind_cli.profiling.runs import Asked

    kinds = ["cpu"] * (cpu or both or not memory) + ["memory"] * (memory or both)
    asked = Asked(
        words=tuple(words), kinds=tuple(kinds), native=native, children=children, overhead=overhead,
        directory=str(here()),
    )  # fmt: skip
    return _record(asked).exit_code


@app.command("api")
def api(
    seconds: Annotated[int, typer.Option(min=1, max=3600, help="For how long to look.")] = 30,
    file: Annotated[str | None, typer.Option(help="The compose file, instead of the project's or ours.")] = None,
) -> None:
    r"""Profile the stack's running api for a while, under the load it has.

    The service is neither changed nor started anew: py-spy looks at its stacks 100 times a second, from a container
    beside it, and each look stops it for a moment. What the service computes is seen; what it waits for is not, nor
    its memory. (A script of this name: profile run api.)

    \b
    Example:
      samplemind profile api --seconds 10
    """
    from samplemind_cli.profiling.runs import Asked

    _record(Asked(words=("api",), kinds=("cpu",), watch=seconds, file=file, directory=str(here())))


@app.command("again")
def again() -> int:
    r"""Repeat the last profile, in the folder it was made in, and show what changed.

    \b
    Example:
      samplemind profile again
    """
    from samplemind_cli import output
    from samplemind_cli.profiling import compare, runs

    before = runs.find(Settings.load().state_dir, "last")
    after = _record(before.asked)
    for line in compare.lines(before, after):
        output.say(line)
    return after.exit_code


@app.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="An id, its beginning or end, `last` or `previous`.")] = "previous",
    after: Annotated[str, typer.Argument(help="The same.")] = "last",
    as_json: Annotated[bool, typer.Option("--json", help="Every difference, as JSON.")] = False,
) -> None:
    r"""Compare two profiles, function by function.

    \b
    Examples:
      samplemind profile diff
      samplemind profile diff 20261101-101500-shop last --json
    """
    from samplemind_cli import output
    from samplemind_cli.profiling import compare, runs

    state_dir = Settings.load().state_dir
    first, second = runs.find(state_dir, before), runs.find(state_dir, after)
    if as_json:
        output.print_json({"before": first.id, "after": second.id, "changes": compare.difference(first, second)})
    else:
        output.write("".join(f"{line}\n" for line in compare.lines(first, second)))


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    r"""List the kept profiles, oldest first.

    \b
    Example:
      samplemind profile list
    """
    import shlex

    from samplemind_cli import output
    from samplemind_cli.profiling import runs

    profiles = runs.stored(Settings.load().state_dir)
    if as_json:
        output.print_json([profile.described() for profile in profiles])
    else:
        columns = ("id", "kinds", "command")
        output.table(columns, [(p.id, "+".join(p.asked.kinds), shlex.join(p.asked.words)) for p in profiles])


def _record(asked: "Asked") -> "Profile":
    from samplemind_cli import output
    from samplemind_cli.profiling import record, summary

    if asked.watch:
        done = _watch(asked)
    else:
        done = record.record(asked, state_dir=Settings.load().state_dir, env=environment(), say=output.say)
    for line in summary.lines(done):
        output.say(line)
    return done


def _watch(asked: "Asked") -> "Profile":
    from samplemind_cli import output
    from samplemind_cli.profiling import living, record
    from samplemind_cli.stack import beside

    directory, service = Path(asked.directory), asked.words[0]
    settings = Settings.load(directory=directory, compose_file=asked.file)
    python = record.choose_python(asked, environment())
    running = beside.running(settings, directory, service)
    spy = living.program(running.processor, settings.data_dir)
    output.say(f"looking at {service} for {asked.watch} s")
    samples = beside.run(running, spy, living.arguments(asked.watch))
    return living.keep(asked, samples, python, settings.state_dir, output.say)
