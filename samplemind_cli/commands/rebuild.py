"""`samplemind rebuild`."""

from typing import Annotated

import typer

from samplemind_cli.commands.build import CacheDir, Services, object_on_failure, run, show
from samplemind_cli.commands.up import File, Profiles, ProjectName
from samplemind_cli.settings import Settings


def rebuild(
    services: Services = None,
    cache_dir: CacheDir = None,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help='As `build --json`, with the services "recreated".')] = False,
) -> None:
    r"""Build with the cache, then recreate the running services whose image changed.

    \b
    Examples:
      samplemind rebuild
      samplemind rebuild api --json
    """
    from samplemind_cli import output
    from samplemind_cli.stack import files, record, up_plan
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.recreate import recreate

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    with object_on_failure(as_json=as_json, recreated=[]):
        with Engine() as engine:
            stack = files.located(settings, engine=engine.get("/version")["Version"])
        services = services or []
        declared = up_plan.read(stack, services, output.say)
        built = run(stack, settings, declared, services, cache_dir=cache_dir)
    for host in record.adopted(settings, declared["name"]).values():  # as `up` did, or the api would differ
        stack = files.with_ollama_outside(stack, int(host.rpartition(":")[2]))
    recreated = recreate(stack, declared, built.images)
    show(built, as_json=as_json, recreated=recreated.services, error=recreated.error)
    if not as_json:
        output.write(f"recreated: {', '.join(recreated.services) or 'nothing'}\n")
    if recreated.error:
        raise recreated.error
