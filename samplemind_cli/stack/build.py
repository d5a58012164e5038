"""Builds the services' images, with an optional layer cache in a folder, and measures the result."""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import docker
from samplemind_cli.stack.engine import Engine
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.record import write_whole
from samplemind_cli.stack.steps import BuildProgress, BuildStep

Watch = Callable[[BuildProgress, BuildStep | None], None]

BASE_LABEL = "org.opencontainers.image.base.name"  # OCI image specification, annotations


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A built image. Sizes are unpacked bytes; `added` is what its layers add to `base`, None if unknown."""

    service: str
    name: str
    size: int = 0
    added: int | None = None
    base: str = ""
    size_before: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A finished build: its seconds and the previous one's, its steps and how many of them were cached."""

    seconds: float
    steps: int
    cached: int
    images: tuple[Image, ...]
    seconds_before: float | None = None


def buildable(config: Mapping[str, Any], services: Iterable[str]) -> list[Image]:
    """The images that building `services` (none: all) makes. Raises UsageError for a service that is not built."""
    images = {
        name: Image(service=name, name=image_of(name, config))
        for name, definition in config["services"].items()
        if "build" in definition
    }
    known = ", ".join(images) or "none"
    for name in services:
        if name not in config["services"]:
            raise UsageError(f"there is no service {name!r}", f"services that are built: {known}")
        if name not in images:
            raise UsageError(f"{name} is not built, its image is pulled", f"services that are built: {known}")
    if not images:
        raise UsageError("no service of this stack is built", "give one a `build:` in the compose file")
    return [image for name, image in images.items() if name in set(services) or not services]


def build(
    stack: Stack, images: list[Image], watch: Watch, *, cache: bool = True, cache_dir: Path | None = None
) -> BuildProgress:
    """Build the images; `watch` is called for every line read, with the step it ended. Raises StackError.

    `cache_dir` holds a layer cache beside the engine's own: it is read, and replaced after a successful build.
    """
    options = [] if cache else ["--no-cache"]
    with TemporaryDirectory() as folder:
        if cache_dir:
            stack = replace(stack, files=(*stack.files, _cache_overlay(Path(folder), images, cache_dir)))
        progress = _run(docker.compose_command(stack, "build", *options, *(i.service for i in images)), watch)
    if cache_dir:
        _swap(images, cache_dir)
    return progress


def recorded(settings: Settings, images: Iterable[Image], progress: BuildProgress, seconds: float) -> Build:
    """The finished build, compared with the previous one of the same images, which it replaces in the record."""
    record = Path(settings.state_dir) / "builds.json"
    before = _read(record)
    with Engine() as engine:
        measured = tuple(_measured(engine, image, before.get(image.name, {}).get("size")) for image in images)
    now = {image.name: {"size": image.size, "seconds": round(seconds, 3)} for image in measured}
    write_whole(record, json.dumps({**before, **now}))
    return Build(
        seconds=seconds,
        steps=len(progress.steps),
        cached=progress.count("CACHED"),
        images=measured,
        seconds_before=max((before[i.name]["seconds"] for i in measured if i.name in before), default=None),
    )


def exports_cache(engine: Engine) -> bool:
    """Whether the engine's own builder can write a layer cache to a folder: only with the containerd image store."""
    status = engine.get("/info").get("DriverStatus") or []
    return any("io.containerd" in str(value) for _, value in status)


def _run(command: list[str], watch: Watch) -> BuildProgress:
    progress = BuildProgress()
    with docker.attended(command) as child:
        for raw in child.stdout or ():
            watch(progress, progress.read(raw.decode("utf-8", "replace").rstrip()))
        if child.wait() != 0:
            raise progress.failure()
    return progress


def _folder(image: Image, cache_dir: Path) -> Path:
    return cache_dir.absolute() / re.sub(r"[^\w.-]", "_", image.name)


def _cache_overlay(folder: Path, images: list[Image], cache_dir: Path) -> Path:
    """A compose file with the caches: `docker compose build` has no option for them. JSON is YAML."""
    services = {}
    for image in images:
        old = _folder(image, cache_dir)
        known = [f"type=local,src={old}"] if os.path.isfile(old / "index.json") else []
        services[image.service] = {"build": {"cache_from": known, "cache_to": [f"type=local,dest={old}.new,mode=max"]}}
    overlay = folder / "cache.yaml"
    overlay.write_text(json.dumps({"services": services}), "utf-8")
    return overlay


def _swap(images: list[Image], cache_dir: Path) -> None:
    """Replace the cache folders: BuildKit never removes from one, so a fresh one holds only what the build used."""
    for image in images:
        old = _folder(image, cache_dir)
        shutil.rmtree(old, ignore_errors=True)
        Path(f"{old}.new").rename(old)


def _measured(engine: Engine, image: Image, size_before: float | None) -> Image:
    built = engine.get(f"/images/{image.name}/json")
    size = _size(engine, image.name)
    name = (built["Config"].get("Labels") or {}).get(BASE_LABEL, "")
    base = engine.get(f"/images/{name}/json") if name else None
    layers, base_layers = (image_["RootFS"]["Layers"] if image_ else [] for image_ in (built, base))
    added = size - _size(engine, name) if base_layers and layers[: len(base_layers)] == base_layers else None
    return replace(image, size=size, added=added, base=name, size_before=size_before)


def _size(engine: Engine, name: str) -> int:
    """The layers' unpacked bytes: the engine's own `Size` is packed or unpacked, depending on its image store."""
    return sum(layer["Size"] for layer in engine.get(f"/images/{name}/history"))


def _read(record: Path) -> dict[str, dict[str, float]]:
    """The last build of each image, `{NAME: {"size", "seconds"}}`; empty if the record is missing or broken."""
    try:
        builds = json.loads(record.read_bytes())
        return {name: {"size": last["size"], "seconds": float(last["seconds"])} for name, last in builds.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def image_of(service: str, config: Mapping[str, Any]) -> str:
    """The image of a service in Compose's JSON; for a built one without a name, the name that Compose gives it."""
    return config["services"][service].get("image") or f"{config['name']}-{service}"
