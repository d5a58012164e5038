"""Who hears the chunks of a call, and what of them."""

from collections.abc import Callable
from dataclasses import replace

from samplemind_cli.ai import keys
from samplemind_cli.ai.types import Call, Chunk

Hear = Callable[[Chunk], None]


def observer(watch: Hear, counted: Hear | None, call: Call) -> Hear:
    """Tells a watch, and the budget if there is one, of each chunk, without the keys that a fault in it may quote."""

    def observe(chunk: Chunk) -> None:
        if chunk.fault:
            chunk = replace(chunk, fault=keys.removed_from_fault(chunk.fault, call))
        if counted:
            counted(chunk)
        watch(chunk)

    return observe
