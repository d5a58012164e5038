"""`ask --explain`: who would be asked and why, under which key; nobody is called."""

from typing import Any

from samplemind_cli import output
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.router import shown
from samplemind_cli.ai.types import Options, Request
from samplemind_cli.settings import Settings


def explanation(settings: Settings, request: Request, options: Options, *, as_json: bool) -> None:
    """Print the routes in the order in which they would be tried."""
    core = AICore(settings)
    first = True
    routes: list[dict[str, Any]] = []
    for route in core.routes(request, options):
        verdict = f"no: {route.skipped}" if route.skipped else "asked first" if first else "asked if those before fail"
        if route.dropped and not route.skipped:
            verdict += f", without {', '.join(route.dropped)}"
        first = first and bool(route.skipped)
        routes.append(
            {
                "provider": route.provider,
                "model": route.endpoint.model,
                "url": shown(route.endpoint.base_url),
                "asked": not route.skipped,
                "why": verdict,
                "fix": route.fix if route.skipped else "",
                "key": core.key(route, request),
            }
        )
    if as_json:
        output.print_json({"task": options.task, "priority": options.priority, "routes": routes})
        return
    output.say(f"task {options.task}, priority {options.priority}; from first to last:")
    columns = ("provider", "model", "why", "fix", "key")
    output.table(columns, [[str(route[column]) for column in columns] for route in routes])
