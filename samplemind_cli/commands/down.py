"""`samplemind down`: stop the stack."""

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.commands.up import File, Grace, Profiles, ProjectName
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samplemind_cli.stack.down import Volume
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.files import Stack

SHORT = 12  # characters shown of an anonymous volume's name, a digest


def down(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these services.")] = None,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Delete their data too, except models.")] = False,
    models: Annotated[bool, typer.Option("--models", help="With --volumes: delete the models too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    grace: Grace = None,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was stopped and deleted, as one JSON object.")] = False,
) -> None:
    r"""Stop the stack; its data stays unless --volumes is given.

    Services of every profile, services that the compose files no longer declare, one-off containers and networks are
    removed too. What is kept is listed, with the command that deletes it. --volumes lists what would be lost, with
    sizes, and asks. With --json: {"project", "stopped": [CONTAINER], "deleted": [{"volume", "bytes"}], "kept":
    [{"volume", "bytes"}], "networks": [NAME], "error": null or {"message", "hint"}}; `networks` are those that
    containers of others still use.

    \b
    Example:
      samplemind down
      samplemind down --volumes
    """
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.stack import down as doing
    from samplemind_cli.stack.declared import declared, require_declared
    from samplemind_cli.stack.engine import Engine
    from samplemind_cli.stack.files import located

    if models and not volumes:
        raise UsageError("--models deletes nothing without --volumes", "samplemind down --volumes --models")
    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    stopped: list[str] = []
    document: dict[str, Any] = {"project": None, "stopped": stopped, "deleted": [], "kept": [], "networks": []}
    with _object_on_failure(document, as_json=as_json):
        stack, services = located(settings), services or []
        with Engine() as engine:
            engine.get("/version")  # fails fast if the daemon does not answer
            name, active = declared(settings, stack)
            document["project"] = name
            output.say(stack.title(name))
            require_declared(stack, active, services)
            lost, kept = _to_delete(engine, stack, services, models=models) if volumes else ([], [])
            if volumes and not _confirmed(lost, kept, yes=yes):
                raise typer.Exit(1)
            kept = kept if volumes else doing.outliving(engine, name, services)
            with closing(doing.removed(stack, services, grace)) as containers:
                for container in containers:
                    output.say(f"{container}: stopped and removed")
                    stopped.append(container)
            unused, networks = ([], []) if services else doing.networks(engine, name)
        if unused:
            doing.remove_networks(stack, unused)
            output.say(f"removed: network {', '.join(unused)}")
        if lost:
            doing.remove(stack, lost)
            document["deleted"] = _as_json(lost)
            output.say(f"deleted: {', '.join(map(_with_place, lost))}")
        doing.forget(settings, stack, name, services)
    if as_json:
        output.print_json({**document, "kept": _as_json(kept), "networks": networks, "error": None})
    elif not stopped:
        output.say("nothing was running")
    again = "".join(f" {option} {value}" for option, value in (("--file", file), ("--project-name", project)) if value)
    for line in _kept_lines(kept, networks, f"samplemind down{again}"):
        output.say(line)


@contextmanager
def _object_on_failure(document: dict[str, Any], *, as_json: bool) -> "Iterator[None]":
    """On an error, print the JSON object of what was done so far."""
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError

    try:
        yield
    except SamplemindError as error:
        if as_json:
            output.print_json({**document, "error": error.as_json()})
        raise


def _kept_lines(kept: "list[Volume]", networks: list[str], again: str) -> "Iterator[str]":
    """What is kept, grouped by the command that deletes it."""
    anonymous = [v for v in kept if v.anonymous]
    kinds = {
        f"{again} --volumes": [_with_place(v) for v in kept if not v.models and not v.anonymous],
        f"{again} --volumes --models": [_with_place(v) for v in kept if v.models and not v.anonymous],
        f"docker volume rm {' '.join(v.name for v in anonymous)}": [_with_place(v) for v in anonymous],
        f"docker network rm {' '.join(networks)}": [f"network {name}, which others use" for name in networks],
    }
    for command, names in kinds.items():
        if names:
            yield f"kept: {', '.join(names)}; to delete: {command}"


def _to_delete(
    engine: "Engine", stack: "Stack", services: list[str], *, models: bool
) -> "tuple[list[Volume], list[Volume]]":
    """The volumes to delete, and those to keep because they hold models."""
    from samplemind_cli.stack.down import everything, volumes

    candidates = volumes(engine, everything(stack), services)
    return [v for v in candidates if models or not v.models], [v for v in candidates if v.models and not models]


def _confirmed(lost: "list[Volume]", kept: "list[Volume]", *, yes: bool) -> bool:
    """Show what will be deleted and ask for confirmation, unless nothing will be."""
    from samplemind_cli import output

    for volume in lost:
        output.say(f"to be deleted: {_with_size(volume)}")
    for volume in kept:
        output.say(f"kept: {_with_size(volume)} of models (--models deletes them too)")
    return not lost or output.confirm("Stop the stack and delete this data for good?", yes=yes)


def _with_size(volume: "Volume") -> str:
    from samplemind_cli.output import size

    return f"{_with_place(volume)}, {'size unknown' if volume.size < 0 else size(volume.size)}"


def _with_place(volume: "Volume") -> str:
    name = volume.name[:SHORT] if volume.anonymous else volume.name
    return f"{name} ({volume.place})" if volume.place else name


def _as_json(volumes: "list[Volume]") -> list[dict[str, Any]]:
    return [{"volume": v.name, "bytes": v.size if v.size >= 0 else None} for v in volumes]
