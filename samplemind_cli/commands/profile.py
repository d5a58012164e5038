"""`samplemind profile`: profiles time and memory of a program, or the time of the running api."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from samplemind_cli.commands.up import LongFile
from samplemind_cli.help_text import Group
from samplemind_cli.settings import Settings, environment, here

if TYPE_CHECKING:
    from samplemind_cli.profiling.runs import Profile, ProfileRequest


class RunByDefault(Group):
    """`profile script.py` means `profile run script.py`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Insert `run` before anything that is neither a subcommand nor a help option."""
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
      samplemind profile -- pytest -q
      samplemind profile attach 1234
      samplemind profile api
      samplemind profile again
      samplemind profile diff previous last
    """


@app.command("run", context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def run(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="SCRIPT|-m MODULE|-c CODE|COMMAND [ARGUMENTS]...", help="The program and its arguments."
        ),
    ],
    cpu: Annotated[bool, typer.Option("--cpu", help="Where the time goes (default).")] = False,
    memory: Annotated[bool, typer.Option("--memory", help="Where the memory goes, with memray.")] = False,
    both: Annotated[
        bool, typer.Option("--both", help="Both, in two runs; only the first run's output is shown.")
    ] = False,
    native: Annotated[bool, typer.Option("--native", help="With memory, follow C and C++ code too.")] = False,
    children: Annotated[bool, typer.Option("--children", help="Include its Python child processes.")] = False,
    engine: Annotated[
        Literal["py-spy", "pyinstrument"] | None,
        typer.Option(help="The profiler for time, instead of the best available."),
    ] = None,
    overhead: Annotated[
        bool, typer.Option("--overhead", help="Measure the overhead: run without a profiler, before and after.")
    ] = False,
) -> int:
    r"""Profile a program, and save the result. `run` may be left out.

    The program is a script, -m MODULE, -c CODE (each after Python's own options, such as -X and -W), a console script
    such as pytest, or a samplemind command. It runs in the active environment, else in the project's .venv or venv,
    else with samplemind's own Python.

    py-spy samples from outside all threads and child processes, and counts CPU time. Where the system does not allow
    that, or with --engine pyinstrument, the main thread is sampled from inside: waiting is counted where it waits or
    awaits (below asyncio.run, in asyncio's own loop), but each call is slowed. memray counts every allocation. Both
    must be installed in the program's environment, and record nothing of a process that ends by os._exit, except
    those of multiprocessing.

    \b
    Examples:
      samplemind profile --both --overhead -- script.py
      samplemind profile -- pytest -q
      samplemind profile -- -X dev -c "import shop; shop.sell()"
    """
    from samplemind_cli.profiling.runs import ProfileRequest

    kinds = ["cpu"] * (cpu or both or not memory) + ["memory"] * (memory or both)
    request = ProfileRequest(
        words=tuple(words), kinds=tuple(kinds), native=native, children=children, overhead=overhead,
        engine=engine or "", directory=str(here()),
    )  # fmt: skip
    return _record(request).exit_code


@app.command("api")
def api(
    seconds: Annotated[int, typer.Option(min=1, max=3600, metavar="SECONDS", help="How long to sample.")] = 30,
    file: LongFile = None,
) -> None:
    r"""Profile the stack's running api under its current load.

    The service is not changed or restarted: py-spy samples its stacks 100 times a second from a container beside it,
    and each sample pauses it for a moment. It shows what the service computes, not what it waits for, nor its
    memory. (A script of this name: profile run api.)

    \b
    Example:
      samplemind profile api --seconds 10
    """
    from samplemind_cli.profiling.runs import ProfileRequest

    _record(ProfileRequest(words=("api",), kinds=("cpu",), watch=seconds, file=file, directory=str(here())))


@app.command("attach")
def attach(
    pid: Annotated[int, typer.Argument(metavar="PID", min=1, help="The process.")],
    seconds: Annotated[int, typer.Option(metavar="SECONDS", min=1, max=3600, help="How long to sample.")] = 30,
    memory: Annotated[bool, typer.Option("--memory", help="Sample its allocations instead, with memray.")] = False,
    children: Annotated[bool, typer.Option("--children", help="Include its Python child processes.")] = False,
) -> None:
    r"""Profile a running process until the time is over or Ctrl-C.

    py-spy counts its CPU time. For memory, memray must be installed in that process's environment, and
    gdb or lldb on this machine (not from Python 3.14 on).

    \b
    Examples:
      samplemind profile attach 1234 --seconds 10
      samplemind profile attach 1234 --memory
    """
    from samplemind_cli.profiling.runs import ProfileRequest

    words, kinds = ("attach", str(pid)), ("memory",) if memory else ("cpu",)
    _record(ProfileRequest(words=words, kinds=kinds, watch=seconds, pid=pid, children=children, directory=str(here())))


@app.command("again")
def again() -> int:
    r"""Repeat the last profile in the same folder, and show what changed.

    \b
    Example:
      samplemind profile again
    """
    from samplemind_cli import output
    from samplemind_cli.profiling import compare, runs

    before = runs.find(Settings.load().state_dir, "last")
    runs.repeatable(before)
    after = _record(before.request)
    for line in compare.lines(before, after):
        output.say(line)
    output.say(f"  {_page(before, after)}")
    return after.exit_code


@app.command("diff")
def diff(
    before: Annotated[
        str, typer.Argument(metavar="ID", help="An id, or its beginning or end, or `last` or `previous`.")
    ] = "previous",
    after: Annotated[str, typer.Argument(metavar="ID", help="The same.")] = "last",
    as_json: Annotated[bool, typer.Option("--json", help="Every difference, as JSON.")] = False,
) -> None:
    r"""Compare two profiles, function by function.

    A function is found by its name when its file moved. The page with all changes is kept beside the second profile.

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
        output.say(f"page: {_page(first, second)}")


@app.command("list")
def list_(as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    r"""List the saved profiles, oldest first.

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
    elif not profiles:
        output.say("there are no profiles; samplemind profile -- COMMAND makes one")
    else:
        columns = ("id", "kinds", "command")
        output.table(columns, [(p.id, "+".join(p.request.kinds), shlex.join(p.request.words)) for p in profiles])


def _record(request: "ProfileRequest") -> "Profile":
    from samplemind_cli import output
    from samplemind_cli.profiling import record, summary

    state_dir = Settings.load().state_dir
    if request.pid:
        from samplemind_cli.profiling.attach import attach

        done = attach(request, state_dir=state_dir, say=output.say)
    elif request.watch:
        done = _watch(request)
    else:
        done = record.record(request, state_dir=state_dir, env=environment(), say=output.say)
    for line in summary.lines(done):
        output.say(line)
    return done


def _page(before: "Profile", after: "Profile") -> Path:
    """Write the page of their differences; its path."""
    from samplemind_cli import files
    from samplemind_cli.profiling import page

    file = after.folder / f"diff.{before.id}.html"
    files.write(file, page.difference(before, after).encode())
    return file


def _watch(request: "ProfileRequest") -> "Profile":
    from samplemind_cli import output
    from samplemind_cli.profiling import living, program
    from samplemind_cli.stack import beside

    directory, service = Path(request.directory), request.words[0]
    settings = Settings.load(directory=directory, compose_file=request.file)
    python = program.choose_python(request, environment(), "pyinstrument")
    running = beside.running(settings, directory, service)
    spy = living.program(running.processor, settings.data_dir)
    output.say(f"sampling {service} for {request.watch} s")
    samples = beside.run(running, spy, living.arguments(request.watch))
    return living.keep(request, samples, python, settings.state_dir, output.say)
