"""`samplemind ps`: shows the stack's services."""

import shutil
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.commands.up import LongFile, Profiles, ProjectName
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samplemind_cli.stack.ps import Status

GAP = 3  # columns of space between two columns
MINUTE, HOUR, DAY = 60, 3600, 86_400


def ps(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until Ctrl-C.")] = False,
    interval: Annotated[
        float, typer.Option(min=0.1, max=DAY, metavar="SECONDS", help="Seconds between refreshes of --watch.")
    ] = 2.0,
    file: LongFile = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object; with --watch one per refresh.")
    ] = False,
) -> None:
    r"""Show the services: health, uptime, CPU, memory, URLs and their own figures.

    CPU is of one core, so 200% are two. With --json: {"project", "services": [{"service", "container", "state",
    "health", "exit_code", "uptime_s", "cpu_percent", "memory_bytes", "memory_limit_bytes", "ports": [{"address",
    "published", "target", "protocol"}], "url", "details"}]}. `state` is Docker's, or "absent" (there is no
    container), "scaled to 0", "outside of Docker" (by a `provider`) or "adopted" (a program outside the stack is used
    instead). `details` is, of Redis, {"hit_rate", "used_memory_bytes", "max_memory_bytes", "evicted_keys"}; of Ollama
    {"models": [{"name", "size_bytes", "gpu_percent"}]}; of MongoDB {"cache_bytes", "cache_max_bytes"}, or {"hint"}
    where pymongo is not installed; or {"error"}. If the state of the stack is unknown, there are no services, and an
    "error": {"message", "hint"}.

    \b
    Example:
      samplemind ps
      samplemind ps --json | jq '.services[] | select(.health == "unhealthy")'
    """
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    try:
        for name, services in _polls(settings, interval if watch else None):
            if as_json:
                rows = [service.as_json() for service in services]
                output.print_json({"project": name, "services": rows, "error": None})
            else:
                output.write(output.CLEAR if watch and output.on_terminal(sys.stdout) else "")
                _show(services)
    except SamplemindError as error:
        if as_json:
            output.print_json({"project": None, "services": [], "error": error.as_json()})
        raise


def _polls(settings: Settings, interval: float | None) -> "Iterator[tuple[str, list[Status]]]":
    """The project's name and its services: once, or every `interval` seconds."""
    from samplemind_cli.stack.ps import StackWatch

    stack = StackWatch(settings)
    try:
        yield stack.project, stack.look()
        while interval is not None:
            time.sleep(interval)
            yield stack.project, stack.look()
    finally:
        stack.close()


def _show(services: list["Status"]) -> None:
    from samplemind_cli import output

    columns = ("SERVICE", "STATE", "UPTIME", "CPU", "MEMORY", "URL")
    rows = [row for status in services for row in _rows(status)]
    figures = [f"{status.service.name}: {text}" for status in services if (text := _figures(status.details))]
    width = sum(max(map(len, column)) + GAP for column in zip(columns, *rows, strict=True))
    if output.on_terminal(sys.stdout) and shutil.get_terminal_size().columns < width:
        for name, state, uptime, *cells in rows:
            head = f"{name} {state} {uptime}".strip()
            output.lines([*filter(None, [head]), *(f"  {cell}" for cell in cells if cell)])
        output.lines(figures)
    else:
        output.table(columns, rows)
        output.lines(figures)


def _rows(status: "Status") -> list[tuple[str, ...]]:
    """A service's row, and one for each of its further URLs."""
    from samplemind_cli.output import size

    service = status.service
    memory = "" if status.memory is None else size(status.memory)
    limit = f" of {size(service.memory_limit)}" if memory and service.memory_limit else ""
    first, *others = [port.url for port in service.ports] or [""]
    row = (
        service.name,
        service.condition,
        "" if status.uptime is None else _duration(status.uptime),
        "" if status.cpu is None else f"{status.cpu:.1f}%",
        f"{memory}{limit}",
        first,
    )
    return [row, *(("",) * 5 + (url,) for url in others)]


def _duration(seconds: float) -> str:
    """The two largest units: `42s`, `3m 12s`, `2h 5m`, `3d 4h`."""
    for unit, name, part, lesser in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "m"), (MINUTE, "m", 1, "s")):
        if seconds >= unit:
            return f"{seconds // unit:.0f}{name} {seconds % unit // part:.0f}{lesser}"
    return f"{seconds:.0f}s"


def _figures(details: dict[str, Any]) -> str:
    """A service's own figures in one line; "" if it has none."""
    from samplemind_cli.output import size

    match details:
        case {"error": reason}:
            return f"no figures: {reason}"
        case {"hint": command}:
            return f"figures need pymongo: {command}"
        case {"evicted_keys": evicted, "hit_rate": rate, "used_memory_bytes": used, "max_memory_bytes": most}:
            hits = "nothing read yet" if rate is None else f"{100 * rate:.0f}% hits"
            return f"{hits}, {size(used)}{f' of {size(most)}' if most else ''} used, {evicted} evicted"
        case {"models": models}:
            loaded = (f"{m['name']} {size(m['size_bytes'])} {_location(m['gpu_percent'])}" for m in models)
            return ", ".join(loaded) or "no model loaded"
        case {"cache_bytes": used, "cache_max_bytes": most}:
            return f"cache {size(used)} of {size(most)}"
    return ""


def _location(gpu_percent: int) -> str:
    return {0: "on the CPU", 100: "on the GPU"}.get(gpu_percent, f"{gpu_percent}% on the GPU, the rest on the CPU")
