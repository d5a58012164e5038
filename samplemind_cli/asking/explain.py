"""`ask --explain`: the routes that would be tried, and why, and their cache keys; nothing is sent."""

from typing import Any

from samplemind_cli import output
from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.router import shown
from samplemind_cli.ai.types import Options, Provider, Request
from samplemind_cli.asking.addresses import redis_address
from samplemind_cli.settings import Settings


def explanation(settings: Settings, request: Request, options: Options, *, as_json: bool) -> None:
    """Print the routes, in the order in which they would be tried."""
    core = AICore(settings, long_lived=False)
    first = True
    routes: list[dict[str, Any]] = []
    for route in core.routes(request, options):
        verdict = f"no: {route.skipped}" if route.skipped else "asked first" if first else "fallback"
        if route.dropped and not route.skipped:
            verdict += f", without {', '.join(route.dropped)}"
        first = first and bool(route.skipped)
        routes.append(
            {
                "provider": route.provider,
                "model": route.endpoint.model,
                "url": shown(route.endpoint.base_url),
                "url_from": settings.source(settings.row(route.provider).url_setting),
                "asked": not route.skipped,
                "why": verdict,
                "fix": route.fix if route.skipped else "",
                "key": core.key(route, request),
            }
        )
    redis = redis_address(settings)
    if as_json:
        facts = {"task": options.task, "priority": options.priority}
        output.print_json({**facts, "routes": routes, "redis": redis or None})
        return
    output.say(f"task {options.task}, priority {options.priority}; from first to last:")
    columns = ("provider", "model", "why", "fix", "key")
    output.table(columns, [[str(route[column]) for column in columns] for route in routes])
    for row in routes:
        if row["asked"] and row["provider"] != Provider.EMBEDDED:
            output.say(f"{row['provider']} is at {row['url']} ({row['url_from']})")
    if redis:
        output.say(f"answers are also kept in {redis}")
