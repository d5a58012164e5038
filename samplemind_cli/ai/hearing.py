"""Who hears the chunks of a call, and what of them."""

from collections.abc import Callable
from dataclasses import replace

from samplemind_cli.ai import keys
from samplemind_cli.ai.types import Call, Chunk


def both(heard: Callable[[Chunk], None], counted: Callable[[Chunk], None] | None) -> Callable[[Chunk], None]:
    """What tells both of a chunk; `counted` is there where a budget is."""
    if counted is None:
        return heard

    def tell(chunk: Chunk) -> None:
        counted(chunk)
        heard(chunk)

    return tell


def without_keys(heard: Callable[[Chunk], None], call: Call, chunk: Chunk) -> None:
    """Tell a watch of a chunk, without the keys that a fault in it may quote."""
    if chunk.fault:
        chunk = replace(chunk, fault=keys.removed_from_fault(chunk.fault, call))
    heard(chunk)
