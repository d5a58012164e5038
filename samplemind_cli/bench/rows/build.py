"""The stack's image: built without cache, built again, and its size."""

import time
from collections.abc import Iterator

from samplemind_cli.bench.board import BoardRun, Score, score, skipped
from samplemind_cli.stack import build, docker, files

MEGABYTE = 1e6


def measure(run: BoardRun) -> Iterator[Score]:
    """One build without the cache, then one with it; the images keep their names."""
    if run.quick:
        for key in ("build.seconds", "build.cached", "build.image", "build.added"):
            yield skipped(key, "a build takes minutes: leave out --quick")
        return
    stack = files.located(run.settings)
    images = build.buildable(docker.config(stack), [])
    run.say("  without a cache")
    cold = _build(run, stack, images, cache=False)
    names = ", ".join(image.name for image in cold.images)
    yield score("build.seconds", [cold.seconds], note=names)
    run.say("  again")
    warm = _build(run, stack, images, cache=True)
    yield score("build.cached", [100 * warm.cached / warm.steps], note=f"{warm.cached} of {warm.steps}")
    yield score("build.image", [sum(image.size for image in warm.images) / MEGABYTE], note=f"{names}, unpacked")
    added = [image.added for image in warm.images if image.added is not None]
    if len(added) == len(warm.images):
        yield score("build.added", [sum(added) / MEGABYTE], note=", ".join(image.base for image in warm.images))
    else:
        yield skipped("build.added", "the image does not record its base")


def _build(run: BoardRun, stack: files.Stack, images: list[build.Image], *, cache: bool) -> build.Build:
    started = time.monotonic()
    progress = build.build(stack, images, lambda _progress, _step: None, cache=cache)
    return build.recorded(run.settings, images, progress, time.monotonic() - started)
