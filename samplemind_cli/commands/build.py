"""`samplemind build`."""

import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samplemind_cli.commands.up import File, Profiles, ProjectName
from samplemind_cli.settings import Settings, environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from samplemind_cli.errors import SamplemindError
    from samplemind_cli.stack.build import Build, Image, Watch
    from samplemind_cli.stack.files import Stack
    from samplemind_cli.stack.steps import BuildProgress, BuildStep

Services = Annotated[
    list[str] | None, typer.Argument(metavar="[SERVICE]...", help="The services to build; by default all.")
]
CacheDir = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Also keep BuildKit's layers in this folder; with CI=true the default is in samplemind's cache folder.",
    ),
]


def build(
    services: Services = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Build from scratch.")] = False,
    cache_dir: CacheDir = None,
    file: File = None,
    profiles: Profiles = None,
    project: ProjectName = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    r"""Build the services' images; report steps, cache hits, size and time.

    The size is that of the unpacked layers. With --json: {"seconds", "seconds_before", "steps", "cached", "images":
    [{"service", "name", "size", "size_before", "added", "base"}], "error": {"message", "hint"}}; unknown
    values, and the error of a successful build, are null.

    \b
    Examples:
      samplemind build
      samplemind build api --no-cache
    """
    from samplemind_cli import output
    from samplemind_cli.stack import docker, files, up_plan

    settings = Settings.load(compose_file=file, compose_profiles=profiles or None, compose_project=project)
    with object_on_failure(as_json=as_json):
        docker.require_daemon()
        stack, services = files.located(settings), services or []
        declared = up_plan.read(stack, services, output.say)
        built = run(stack, settings, declared, services, cache=not no_cache, cache_dir=cache_dir)
    show(built, as_json=as_json)


def run(
    stack: "Stack",
    settings: Settings,
    declared: dict[str, Any],
    services: list[str],
    *,
    cache: bool = True,
    cache_dir: Path | None = None,
) -> "Build":
    """Build with a progress display on stderr. `declared`: the compose files as merged by Compose."""
    import time

    from samplemind_cli.stack import build as builder

    images = builder.buildable(declared, services)
    cache_dir = cache_dir or _cache_of_ci(settings)
    started = time.monotonic()
    with _display(images) as watch:
        progress = builder.build(stack, images, watch, cache=cache, cache_dir=cache_dir)
    return builder.recorded(settings, images, progress, time.monotonic() - started)


@contextmanager
def object_on_failure(*, as_json: bool, **more: object) -> "Iterator[None]":
    """On an error, print the build's JSON object, with the fields `more`."""
    from samplemind_cli import output
    from samplemind_cli.errors import SamplemindError

    try:
        yield
    except SamplemindError as error:
        if as_json:
            nothing = dict.fromkeys(("seconds", "seconds_before", "steps", "cached"))
            output.print_json({**nothing, "images": [], **more, "error": error.as_json()})
        raise


def show(built: "Build", *, as_json: bool, error: "SamplemindError | None" = None, **more: object) -> None:
    """Print a line per image and one for the build, or the JSON object with `error` and the fields `more`."""
    from dataclasses import asdict

    from samplemind_cli import output

    if as_json:
        output.print_json({**asdict(built), **more, "error": error.as_json() if error else None})
        return
    output.write("".join(f"{_image_line(image)}\n" for image in built.images))
    before = "" if built.seconds_before is None else f" (before: {built.seconds_before:.1f} s)"
    share = f", {100 * built.cached / built.steps:.0f}%" if built.steps else ""
    output.write(f"{built.cached} of {built.steps} steps from the cache{share}, in {built.seconds:.1f} s{before}\n")


def _image_line(image: "Image") -> str:
    from samplemind_cli.output import size

    before = "" if image.size_before is None else f" (before: {size(image.size_before)})"
    added = "" if image.added is None else f", {size(image.added)} of it on top of {image.base}"
    return f"{image.service}: {image.name}, {size(image.size)}{before}{added}"


def _cache_of_ci(settings: Settings) -> Path | None:
    """The folder of the layer cache on CI, where the engine starts empty; None elsewhere, or if it cannot write one."""
    from samplemind_cli import files, output
    from samplemind_cli.stack.build import exports_cache
    from samplemind_cli.stack.engine import Engine

    if environment().get("CI", "").lower() not in ("1", "true"):
        return None
    with Engine() as engine:
        if exports_cache(engine):
            # Docker would create it with the umask's mode, and layers may contain secrets.
            return Path(files.private_folder(settings.cache_dir, "build"))
    output.say("note: no layer cache is kept: the engine does not use the containerd image store")
    return None


@contextmanager
def _display(images: "list[Image]") -> "Iterator[Watch]":
    """A function that shows progress: as one line on a terminal, elsewhere as a line for each finished step."""
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    from samplemind_cli import output

    def watch(progress: "BuildProgress", ended: "BuildStep | None") -> None:
        if ended and not output.on_terminal(sys.stderr):
            output.say(f"{ended.state.lower():8} {ended.name}")
        doing = next((s.name for s in reversed(progress.steps.values()) if s.state == "running"), names)
        counts = f"{len(progress.steps)} steps, {progress.count('CACHED')} cached"
        board.update(task, step=f"{counts}  {doing}")

    names = ", ".join(image.service for image in images)
    line = TextColumn("{task.fields[step]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    with output.progress(SpinnerColumn(), TimeElapsedColumn(), line) as board:
        task = board.add_task("build", total=None, step=names)
        yield watch
