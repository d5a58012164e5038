"""Which format each provider speaks, and proofs of thinking that find their way back through a client's own format."""

from typing import get_args

from samplemind_cli.formats.parts import Format, Thinking
from samplemind_cli.providers import TABLE

_MARK = "samplemind"


def of_route(route: str) -> Format:
    """The format of the provider in `provider/model`; a name of the user's own is an OpenAI-compatible host."""
    name, slash, _ = route.partition("/")
    return (TABLE[name].format if name in TABLE else "openai_chat") if slash else ""


def sealed(thought: Thinking) -> str:
    """The signature of another format's thinking with its origin and id in it, for a client that returns it as it is.

    A provider of the client's format would refuse a signature that another one wrote.
    """
    return f"{_MARK}:{thought.origin}:{thought.id}:{thought.signature}"


def unsealed(text: str, signature: str, own: Format, *, redacted: bool = False) -> Thinking:
    """The thinking that a client returns: its own format's, or the one that was sealed."""
    mark, *rest = signature.split(":", 3)
    if mark == _MARK and len(rest) == 3 and rest[0] in get_args(Format):  # noqa: PLR2004 - what `sealed` wrote
        origin = next(known for known in get_args(Format) if known == rest[0])
        return Thinking(text, rest[2], origin, redacted, rest[1])
    return Thinking(text, signature, own, redacted)
