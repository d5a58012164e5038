"""`samplemind up`: start the stack and wait until it is healthy."""

import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from rich.console import Group

    from samplemind_cli.errors import SamplemindError
    from samplemind_cli.stack.up import UpProgress
    from samplemind_cli.stack.up_display import UpDisplay
    from samplemind_cli.stack.up_plan import UpPlan

GpuChoice = Literal["auto", "none", "nvidia", "cdi", "rocm"]
File = Annotated[
    str | None,
    typer.Option("--file", "-f", metavar="FILE", help="The compose file, instead of the project's or samplemind's."),
]
LongFile = Annotated[  # for commands in which -f means something else
    str | None,
    typer.Option("--file", metavar="FILE", help="The compose file, instead of the project's or samplemind's."),
]
Profiles = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="NAME", help="Activate this profile of the compose files; may be repeated."),
]
ProjectName = Annotated[
    str | None,
    typer.Option("--project-name", "-p", metavar="NAME", help="The project's name, instead of Compose's."),
]
Grace = Annotated[
    int | None,
    typer.Option(
        "--timeout", "-t", metavar="SECONDS", min=0, help="How long a container may take to stop before it is killed."
    ),
]
WaitTimeout = Annotated[
    float, typer.Option("--wait-timeout", metavar="SECONDS", min=1, help="How long to wait for health.")
]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for health.")]
STYLES = {"healthy": "green", "running": "green", "unhealthy": "red"}


def up(
    services: Annotated[
        list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services and their dependencies.")
    ] = None,
    build: Annotated[bool, typer.Option("--build", help="Build images first.")] = False,
    gpu: Annotated[GpuChoice, typer.Option(help="The GPU for Ollama; auto reports its choice and why.")] = "auto",
    timeout: Annotated[
        float, typer.Option(min=1, metavar="SECONDS", help="How long to wait for health, once images are there.")
    ] = 180,
    no_wait: NoWait = False,
    auto_ports: Annotated[
        bool, typer.Option("--auto-ports", help="Pick free ports for those that are in use.")
    ] = False,
    no_adopt: Annotated[
        bool, typer.Option("--no-adopt", help="Do not use an Ollama that runs outside of Docker.")
    ] = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="The services and URLs as one JSON object.")] = False,
) -> None:
    r"""Start the stack and wait until it is healthy.

    A service that is running and unchanged is left alone. One that fails is reported with the last lines of its log;
    the others keep running. Ports that --auto-ports chose are remembered until `samplemind down`. With --json:
    {"project", "gpu", "services": [{"service", "state", "health", "url", "seconds"}], "error": {"message", "hint"} or
    null}; "adopted" is the state of an Ollama outside.

    \b
    Example:
      samplemind up
      samplemind up redis ollama --auto-ports
    """
    from samplemind_cli import output
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.up import started
    from samplemind_cli.stack.up_plan import UpOptions, planned

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    options = UpOptions(services=tuple(services or ()), gpu=gpu, adopt=not no_adopt, auto_ports=auto_ports)
    with outcome(as_json=as_json, gpu=True) as progress, Engine() as engine:
        plan = planned(settings, engine, options, output.say)
        for note in plan.notes:
            output.say(note)
        looks = started(plan, engine, build=build, wait=not no_wait, timeout=timeout)
        follow(settings, plan, looks, progress)


@dataclass(slots=True)
class StartOutcome:
    """The outcome of a start: the plan, once there is one, and its services."""

    board: "UpDisplay"
    plan: "UpPlan | None" = None


@contextmanager
def outcome(*, as_json: bool, gpu: bool = False) -> "Iterator[StartOutcome]":
    """Print the services at the end of the block; with --json also on an error. `gpu`: include it in the object."""
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError
    from samplemind_cli.stack.up_display import UpDisplay

    start = StartOutcome(UpDisplay())
    try:
        yield start
    except SamplemindError as error:
        if as_json:
            output.print_json(_as_json(start.plan, start.board, gpu=gpu, error=error))
        raise
    if as_json:
        output.print_json(_as_json(start.plan, start.board, gpu=gpu))
    elif start.plan:
        _table(start.plan, start.board)


def follow(settings: Settings, plan: "UpPlan", looks: "Generator[UpProgress, None, None]", start: StartOutcome) -> None:
    """Show a start until it ends, and record where the services listen. Raises StackError."""
    from samplemind_cli.errors import StackError
    from samplemind_cli.stack import listening

    start.plan = plan
    try:
        with closing(looks), _display(start.board) as show:
            for look in looks:
                show(look)
    except StackError:
        listening.record(settings, plan, start.board.services)
        raise
    listening.record(settings, plan, start.board.services)


@contextmanager
def _display(board: "UpDisplay") -> "Iterator[Callable[[UpProgress], None]]":
    """A function that shows progress: on a live board, or as lines without a terminal."""
    from samplemind_cli import output

    def on_progress(look: "UpProgress") -> None:
        for line in board.take(look):
            output.say(line)

    if not output.on_terminal(sys.stderr):
        yield on_progress
        return
    from rich.live import Live

    console = output.console(sys.stderr)
    with Live(console=console, transient=True, auto_refresh=False) as live:

        def draw(look: "UpProgress") -> None:
            board.take(look)
            live.update(_drawing(board, look, console.width), refresh=True)

        yield draw


def _drawing(board: "UpDisplay", look: "UpProgress", width: int) -> "Group":
    """A row per service, cut to the terminal's width, and the progress of pulls and builds."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from samplemind_cli.output import size

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.width = width
    for _ in range(3):
        grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis", ratio=1, style="dim")
    for name, condition, seconds, probe in board.rows:
        grid.add_row(Text(name), Text(condition, STYLES.get(condition, "yellow")), seconds, Text(probe))
    done, total = look.pulled
    activity = f"{look.activity}: {size(done)} of {size(total)}" if total else look.activity
    return Group(grid, Text(activity, overflow="ellipsis", no_wrap=True)) if activity else Group(grid)


def _as_json(
    plan: "UpPlan | None", board: "UpDisplay", *, gpu: bool = True, error: "SamplemindError | None" = None
) -> dict[str, Any]:
    services = [
        {
            "service": service.service,
            "state": service.state,
            "health": service.health or None,
            "url": service.url or None,
            "seconds": round(board.seconds(service), 1),
        }
        for service in board.services
    ]
    adopted = [
        {"service": name, "state": "adopted", "health": None, "url": f"http://{host}", "seconds": 0.0}
        for name, host in (plan.adopted if plan else {}).items()
    ]
    head = {"project": plan.project if plan else None, **({"gpu": plan.gpu if plan else None} if gpu else {})}
    return {**head, "services": services + adopted, "error": error.as_json() if error else None}


def _table(plan: "UpPlan", board: "UpDisplay") -> None:
    from samplemind_cli import output

    rows = [(name, "adopted", f"http://{host}") for name, host in plan.adopted.items()]
    for service in board.services:
        first, *others = [port.url for port in service.ports] or [""]
        rows += [(service.name, service.condition, first), *(("", "", url) for url in others)]
    output.table(("SERVICE", "STATE", "URL"), rows)
