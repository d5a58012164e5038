"""`samplemind rebuild`."""

from typing import Annotated

import typer

from samplemind_cli.commands.build import CacheDir, File, Services, run, show
from samplemind_cli.settings import Settings


def rebuild(
    services: Services = None,
    cache_dir: CacheDir = None,
    file: File = None,
    as_json: Annotated[bool, typer.Option("--json", help='As `build --json`, with the services "recreated".')] = False,
) -> None:
    r"""Build with the cache, then recreate the running services whose image changed.

    \b
    Examples:
      samplemind rebuild
      samplemind rebuild api --json
    """
    from samplemind_cli import output
    from samplemind_cli.stack import build, docker, files, record
    from samplemind_cli.stack.engine import Engine

    settings = Settings.load(compose_file=file)
    with Engine() as engine:
        stack = files.located(settings, engine=engine.get("/version")["Version"])
    declared = docker.config(stack)
    built = run(stack, settings, declared, services or [], cache_dir=cache_dir)
    for host in record.adopted(settings, declared["name"]).values():  # as `up` did, or the api would be another one
        stack = files.with_ollama_outside(stack, int(host.rpartition(":")[2]))
    recreated = build.recreate(stack, declared, built.images)
    show(built, as_json=as_json, recreated=recreated)
    if not as_json:
        output.write(f"recreated: {', '.join(recreated) or 'nothing'}\n")
