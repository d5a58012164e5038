"""`samplemind down`: stop the stack."""

from contextlib import closing
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
    [{"volume", "bytes"}], "networks": [NAME]}; `networks` are those that containers of others still use.

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
    stack, named = located(settings), services or []
    with Engine() as engine:
        engine.get("/version")  # a silent daemon is found out before anything else waits for it
        name, active = declared(settings, stack)
        output.say(stack.title(name))
        require_declared(stack, active, named)
        lost, kept = _doomed(engine, stack, named, models=models) if volumes else ([], [])
        if volumes and not _agreed(lost, kept, yes=yes):
            raise typer.Exit(1)
        kept = kept if volumes else doing.outliving(engine, name, named)
        gone = []
        with closing(doing.removed(stack, named, grace)) as containers:
            for container in containers:
                output.say(f"{container}: stopped and removed")
                gone.append(container)
        unused, networks = ([], []) if named else doing.networks(engine, name)
    if unused:
        doing.remove_networks(stack, unused)
        output.say(f"removed: network {', '.join(unused)}")
    if lost:
        doing.remove(stack, lost)
        output.say(f"deleted: {', '.join(map(_placed, lost))}")
    doing.forget(settings, stack, name, named)
    if as_json:
        document = {"project": name, "stopped": gone, "deleted": _as_json(lost), "kept": _as_json(kept)}
        output.print_json({**document, "networks": networks})
    elif not gone:
        output.say("nothing was running")
    again = "".join(f" {option} {value}" for option, value in (("--file", file), ("--project-name", project)) if value)
    for line in _left(kept, networks, f"samplemind down{again}"):
        output.say(line)


def _left(kept: "list[Volume]", networks: list[str], again: str) -> "Iterator[str]":
    """What is kept, each kind with the command that removes it."""
    kinds = {
        f"{again} --volumes": [_placed(v) for v in kept if not v.models and not v.anonymous],
        f"{again} --volumes --models": [_placed(v) for v in kept if v.models and not v.anonymous],
        f"docker volume rm {' '.join(v.name for v in kept if v.anonymous)}": [_placed(v) for v in kept if v.anonymous],
        f"docker network rm {' '.join(networks)}": [f"network {name}, which others use" for name in networks],
    }
    for command, names in kinds.items():
        if names:
            yield f"kept: {', '.join(names)}; to delete: {command}"


def _doomed(engine: "Engine", stack: "Stack", named: list[str], *, models: bool) -> "tuple[list[Volume], list[Volume]]":
    """The volumes to delete, and those to keep because they hold models."""
    from samplemind_cli.stack.down import everything, volumes

    found = volumes(engine, everything(stack), named)
    return [v for v in found if models or not v.models], [v for v in found if v.models and not models]


def _agreed(lost: "list[Volume]", kept: "list[Volume]", *, yes: bool) -> bool:
    """Show what will be deleted, and ask for confirmation; if nothing will be, do not ask."""
    from samplemind_cli import output

    for volume in lost:
        output.say(f"to be deleted: {_named(volume)}")
    for volume in kept:
        output.say(f"kept: {_named(volume)} of models (--models deletes them too)")
    return not lost or output.confirm("Stop the stack and delete this data for good?", yes=yes)


def _named(volume: "Volume") -> str:
    from samplemind_cli.output import size

    return f"{_placed(volume)}, {'size unknown' if volume.size < 0 else size(volume.size)}"


def _placed(volume: "Volume") -> str:
    name = volume.name[:SHORT] if volume.anonymous else volume.name
    return f"{name} ({volume.place})" if volume.place else name


def _as_json(volumes: "list[Volume]") -> list[dict[str, Any]]:
    return [{"volume": v.name, "bytes": v.size if v.size >= 0 else None} for v in volumes]
