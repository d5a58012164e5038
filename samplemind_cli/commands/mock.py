"""`samplemind mock`: fake model providers in the foreground."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from threading import Event

    from samplemind_cli.mock import MockServer, Recorded


def mock(
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="PORT", help="The port; 0 picks a free one.")] = 0,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The address to bind.")] = "127.0.0.1",
    latency: Annotated[float, typer.Option(min=0, metavar="MS", help="Delay before the first byte of an answer.")] = 0,
    tokens_per_second: Annotated[
        float, typer.Option(min=0, metavar="N", help="Speed of the answer; 0: all at once.")
    ] = 0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[PROVIDER/]KIND[:COUNT|:SHARE%][@RETRY_AFTER]", help="A fault to inject; may be repeated."
        ),
    ] = None,
    reply: Annotated[str | None, typer.Option(metavar="TEXT", help="The answer, instead of an echo.")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A model name to accept; may be repeated. By default any name is."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the address and the exports as JSON.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log every request on stderr.")] = False,
) -> None:
    r"""Serve fake model providers on loopback, with latency and faults.

    Speaks Ollama's, OpenAI's, Anthropic's and Gemini's API on one port, prints the
    exports that point clients at it, and serves until Ctrl-C. The same request always
    gets the same answer.

    \b
    Examples:
      samplemind mock                         # then paste the exports elsewhere
      source <(samplemind mock); samplemind ask hello; kill $!
      samplemind mock --latency 200 --tokens-per-second 50
      samplemind mock --fault 429:2@1         # two requests get 429, Retry-After 1
      samplemind mock --fault openai/cut:10%  # every tenth of OpenAI's is cut

    \b
    Faults; the first that matches counts:
      400 to 599  that status
      auth        the key is refused
      credit      no money left
      too-long    the prompt does not fit
      drop        closed before any byte
      stall       no answer ever comes
      cut         closed in the middle
      freeze      silence from the middle
      short       ends in the middle
      garbage     no JSON in the middle
      error       an error inside a 200
      length      stopped by a token limit
      refusal     the model refuses
      filter      a safety filter stops it
      thinking    thoughts and no answer

    A request may choose its own with the header x-mock-fault. GET /_mock/requests
    lists the requests; POST /_mock/reset and /_mock/settings change the server.
    """
    from samplemind_cli.mock import MockServer

    server = MockServer(
        host=host,
        port=port,
        tell=_tell if verbose else None,
        latency_ms=latency,
        tokens_per_second=tokens_per_second,
        reply=reply,
        models=model or (),
        faults=fault or (),
    )
    ended = _sigterm()
    with server:
        _announce(server, as_json=as_json)
        ended.wait()


def _announce(server: "MockServer", *, as_json: bool) -> None:
    """Print the exports and close stdout, so that `source <(samplemind mock)` does not wait for the server to exit."""
    import os
    import sys

    from samplemind_cli import output

    if as_json:
        output.print_json({"url": server.url, "port": server.port, "exports": server.exports})
    else:
        output.write("".join(f"export {name}={value}\n" for name, value in server.exports.items()))
    if sys.stdout is not None and not output.on_terminal(sys.stdout):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


def _sigterm() -> "Event":
    """An event set by SIGTERM, the normal end; Ctrl-C raises KeyboardInterrupt in `wait`."""
    import signal
    import threading

    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    return ended


def _tell(record: "Recorded") -> None:
    from samplemind_cli import output

    end = f"{record.status or 'no answer'}{'; client disconnected' if record.hung_up else ''}"
    fault = f" [{record.fault}]" if record.fault else ""
    output.say(f"{record.method} {record.path} {end}{fault} {(record.seconds or 0) * 1000:.0f} ms")
