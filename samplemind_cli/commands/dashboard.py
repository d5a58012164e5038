"""`samplemind dashboard`."""

from typing import Annotated

import typer

from samplemind_cli.settings import Settings


def dashboard(
    url: Annotated[str, typer.Option(metavar="URL", help="A server that runs already, elsewhere.")] = "",
    print_only: Annotated[bool, typer.Option("--print", help="Print the page's address; open no browser.")] = False,
) -> None:
    r"""Open the page that shows requests, cache, costs, models and the stack.

    Uses a running server, or starts one until Ctrl-C. If SAMPLEMIND_API_TOKEN is set, the address holds a code that
    opens one session within ten minutes.

    \b
    Examples:
      samplemind dashboard
      samplemind dashboard --print
    """
    from samplemind_cli import output
    from samplemind_cli.launching import home, serving

    settings = Settings.load()
    if running := url.rstrip("/") or serving.find(settings, "", output.say):
        _show(_address(running, settings), settings, print_only=print_only)
        return
    log = home.make(settings, "dashboard") / "serve.log"
    with serving.start(settings, log) as (address, server):
        output.say(f"serving on {address} until Ctrl-C; its log: {log}")
        _show(_address(address, settings), settings, print_only=print_only)
        server.wait()


def _address(url: str, settings: Settings) -> str:
    from samplemind_cli.dashboard.sessions import Sessions

    link = f"#link={Sessions(settings).link()}" if settings.api_token else ""
    return f"{url}/dashboard{link}"


def _show(address: str, settings: Settings, *, print_only: bool) -> None:
    """Open or print an address. One with a code is passed in a file, as other users can see a browser's arguments."""
    import webbrowser

    from samplemind_cli import output
    from samplemind_cli.dashboard.sessions import redirect_page
    from samplemind_cli.launching import home

    page, _, link = address.partition("#")
    if print_only:
        output.write(f"{address}\n")
        return
    target = redirect_page(home.make(settings, "dashboard"), address).as_uri() if link else address
    if not webbrowser.open(target):
        output.write(f"{address}\n")
        return
    output.say(f"opened {page}")
    if link:
        output.say("hint: a browser that may not read your files stays empty: samplemind dashboard --print")
