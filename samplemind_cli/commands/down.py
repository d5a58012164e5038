"""`samplemind down`: stop the stack."""

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.stack.down import Volume
    from samplemind_cli.stack.files import Stack

ANONYMOUS = 64  # characters: an unnamed volume's name is a digest, of which people know the first 12


def down(
    services: Annotated[list[str] | None, typer.Argument(metavar="[SERVICE]...", help="Only these.")] = None,
    volumes: Annotated[bool, typer.Option("--volumes", "-v", help="Delete their data too, but for models.")] = False,
    models: Annotated[bool, typer.Option("--models", help="With --volumes: delete the models too.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    timeout: Annotated[int | None, typer.Option(min=0, help="Seconds until a service is killed.")] = None,
    file: Annotated[str | None, typer.Option(help="The compose file, instead of the project's or ours.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="What was stopped and deleted, as one JSON object.")] = False,
) -> None:
    r"""Stop the stack; its data stays unless --volumes is given.

    --volumes lists what would be lost, with sizes, and asks. With --json: {"project", "stopped": [CONTAINER],
    "deleted": [{"volume", "bytes"}], "kept": [{"volume", "bytes"}]}.

    \b
    Example:
      samplemind down
      samplemind down --volumes
    """
    from samplemind_cli import output
    from samplemind_cli.errors import UsageError
    from samplemind_cli.stack.declared import declared
    from samplemind_cli.stack.docker import require
    from samplemind_cli.stack.down import forget, remove, stopped
    from samplemind_cli.stack.files import located

    if models and not volumes:
        raise UsageError("--models deletes nothing without --volumes", "samplemind down --volumes --models")
    settings = Settings.load(compose_file=file)
    stack, named = located(settings), services or []
    lost, kept = _doomed(stack, named, models=models) if volumes else ([], [])
    if volumes and not _agreed(lost, kept, yes=yes):
        raise typer.Exit(1)
    gone = []
    with closing(stopped(stack, named, timeout, removing=bool(lost))) as names:
        for name in names:
            output.say(f"{name}: stopped and removed")
            gone.append(name)
    project, known = declared(settings, stack)
    require(named if not gone else (), known)
    if lost:
        remove(stack, lost)
    forget(settings, stack, project, named)
    if as_json:
        told = {"project": project, "stopped": gone, "deleted": _as_json(lost), "kept": _as_json(kept)}
        output.print_json(told)
    elif not gone:
        output.say("nothing was running")


def _doomed(stack: "Stack", named: list[str], *, models: bool) -> "tuple[list[Volume], list[Volume]]":
    """The volumes to delete, and those to keep because they hold models."""
    from samplemind_cli.stack.docker import config
    from samplemind_cli.stack.down import volumes
    from samplemind_cli.stack.engine import Engine

    with Engine() as engine:
        found = volumes(engine, config(stack), named)
    return [v for v in found if models or not v.models], [v for v in found if v.models and not models]


def _agreed(lost: "list[Volume]", kept: "list[Volume]", *, yes: bool) -> bool:
    """Say what will be lost, and ask; there is nothing to ask when nothing would be."""
    from samplemind_cli import output

    for volume in lost:
        output.say(f"to be deleted: {_named(volume)}")
    for volume in kept:
        output.say(f"kept: {_named(volume)} of models (--models deletes them too)")
    return not lost or output.confirm("Stop the stack and delete this data for good?", yes=yes)


def _named(volume: "Volume") -> str:
    from samplemind_cli.output import size

    name = volume.name[:12] if len(volume.name) == ANONYMOUS else volume.name
    place = f" ({volume.place})" if volume.place else ""
    return f"{name}{place}, {'size unknown' if volume.size < 0 else size(volume.size)}"


def _as_json(volumes: "list[Volume]") -> list[dict[str, Any]]:
    return [{"volume": v.name, "bytes": v.size if v.size >= 0 else None} for v in volumes]
