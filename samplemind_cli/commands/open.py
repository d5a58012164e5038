"""`samplemind open`."""

from typing import Annotated

import typer

from samplemind_cli.commands.up import File, Profiles, ProjectName
from samplemind_cli.settings import Settings


def open(  # noqa: A001 - the command's name
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.", show_default=False)],
    print_only: Annotated[bool, typer.Option("--print", help="Print the URL; open nothing.")] = False,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
) -> None:
    r"""Open a running service's URL in the browser.

    With several ports, it opens the first that answers HTTP. The browser is the system's, or the one named by BROWSER.

    \b
    Examples:
      samplemind open api
      samplemind open api --print
    """
    import webbrowser

    from samplemind_cli import output
    from samplemind_cli.errors import StackError, UsageError
    from samplemind_cli.stack.existing import urls

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    addresses = urls(settings, service)
    url = next((url for url in addresses if url.startswith(("http:", "https:"))), addresses[0])
    if print_only:
        output.write(f"{url}\n")
    elif not url.startswith("http"):
        hint = f"samplemind open {service} --print prints it for other programs"
        raise UsageError(f"no browser could open {url}", hint)
    elif webbrowser.open(url):
        output.say(f"opened {url}")
    else:
        raise StackError(f"no browser was found for {url}", f"export BROWSER, or: samplemind open {service} --print")
