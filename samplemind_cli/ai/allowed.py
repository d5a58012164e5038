"""Which models a client may ask."""

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from samplemind_cli.ai.types import Route
from samplemind_cli.errors import ForbiddenError


def allows(patterns: Sequence[str], name: str) -> bool:
    """Whether a shell pattern matches `PROVIDER/MODEL`; without patterns, every model is allowed."""
    bare = name.removesuffix(":latest")
    return not patterns or any(fnmatchcase(known, pattern) for pattern in patterns for known in (name, bare))


def within(routes: Iterable[Route], patterns: Sequence[str]) -> list[Route]:
    """The routes to models that are allowed. Raises ForbiddenError where there is none."""
    found = list(routes)
    kept = [route for route in found if allows(patterns, route.name)]
    if found and not kept:
        names = ", ".join(route.name for route in found[:3])
        raise ForbiddenError(f"this key may not use {names}", f"it may use {', '.join(patterns)}")
    return kept
