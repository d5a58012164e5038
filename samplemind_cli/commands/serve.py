"""`samplemind serve`."""

from typing import TYPE_CHECKING, Annotated

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ai.core import AICore
    from samplemind_cli.server.front import Front
    from samplemind_cli.server.run import Attach


def serve(
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help="The address to bind; any but loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 picks a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, metavar="N", help="Processes, each with the limits below.")] = 1,
    concurrency: Annotated[int, typer.Option(min=1, metavar="N", help="Requests in flight; more are queued.")] = 256,
    queue: Annotated[int, typer.Option(min=0, metavar="N", help="Queued requests; more get 503.")] = 1024,
    max_body: Annotated[
        int, typer.Option(min=1, metavar="MB", help="Maximum size of a request's body; larger ones get 413.")
    ] = 16,
    log_content: Annotated[bool, typer.Option("--log-content", help="Log prompts and answers too.")] = False,
    keep_content: Annotated[
        bool, typer.Option("--keep-content", help="Keep prompts and answers in the ledger.")
    ] = False,
    no_dashboard: Annotated[bool, typer.Option("--no-dashboard", help="Do not offer /dashboard.")] = False,
    manage: Annotated[
        bool, typer.Option("--manage", help="Hand Ollama's create, copy, push, pull and delete on to the daemon.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address as JSON on stdout.")] = False,
) -> int:
    r"""Serve the core over HTTP to OpenAI's, Anthropic's, Gemini's and Ollama's clients.

    Every client gets the same cache, routing and limits. POST /v1/chat/completions,
    /v1/responses, /v1/completions, /v1/embeddings, /v1/messages, /v1beta/models/…,
    /api/chat and the like, /v1/ask; GET /v1/models, /metrics, /openapi.json, and without a
    token /healthz, /readyz. /dashboard is a page for the browser. A model is "auto",
    "auto:TASK", "auto:TASK:PRIORITY" or "PROVIDER/MODEL". Clients authenticate with
    SAMPLEMIND_API_TOKEN, where that is set. The log is JSON on stderr. SIGTERM finishes
    the requests in flight. With the extra otel, traces and metrics go to
    OTEL_EXPORTER_OTLP_ENDPOINT.

    \b
    Examples:
      samplemind serve
      SAMPLEMIND_API_TOKEN=… samplemind serve --host 0.0.0.0
      OPENAI_BASE_URL=http://127.0.0.1:8000/v1 python app.py   # elsewhere
    """
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.launching import address_lock

    settings = Settings.load()
    loopback = host == "localhost" or _is_loopback(host)
    if not loopback and not settings.api_token:
        raise UsageError(f"anyone who can reach {host} could use your API keys", "export SAMPLEMIND_API_TOKEN=…")
    try:
        from samplemind_cli.server import run
        from samplemind_cli.server.access import Access
        from samplemind_cli.server.bounds import Bounds
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed", "pip install 'samplemind-cli[serve]'") from error
    Access(settings)  # errors are reported before anything listens
    attach = _optional_routes(dashboard=not no_dashboard, manage=manage)
    listener = run.listen(host, port)
    if as_json:
        output.print_json({"url": run.url(listener)})
    else:
        output.say(f"serving on {run.url(listener)}")
    bounds = Bounds(working=concurrency, waiting=queue, body=max_body * 1024 * 1024)
    with address_lock.hold(settings.state_dir, *listener.getsockname()[:2]):
        content = {"log_content": log_content, "keep_content": keep_content}
        return run.serve(listener, settings, bounds, workers, **content, attach=attach)


def _optional_routes(*, dashboard: bool, manage: bool) -> "Attach":
    """A function that adds the optional routes. Raises SamplemindError if the dashboard's page is missing."""
    added = []
    if dashboard:
        from samplemind_cli.dashboard import operations

        operations.page()
        added.append(operations.attach)
    if manage:
        from samplemind_cli.server import managing

        added.append(managing.attach)

    def attach(front: "Front", core: "AICore") -> None:
        for add in added:
            add(front, core)

    return attach


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
