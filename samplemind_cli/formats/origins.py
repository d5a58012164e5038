"""Each provider's format, and thinking signatures that survive a round trip through a client of another format."""

from typing import get_args

from samplemind_cli.formats.parts import Format, Thinking
from samplemind_cli.providers import TABLE

_MARK = "samplemind"


def of_route(route: str) -> Format:
    """The format of the provider in `provider/model`; the user's own providers are OpenAI-compatible."""
    name, slash, _ = route.partition("/")
    return (TABLE[name].format if name in TABLE else "openai_chat") if slash else ""


def sealed(thought: Thinking) -> str:
    """A signature that also holds its origin and id, for a client of another format, which returns it unchanged.

    A provider of the client's format would refuse a signature of another provider.
    """
    return f"{_MARK}:{thought.origin}:{thought.id}:{thought.signature}"


def unsealed(text: str, signature: str, own: Format, *, redacted: bool = False) -> Thinking:
    """The thinking that a client returns: with its own format's signature, or with a sealed one."""
    mark, *rest = signature.split(":", 3)
    if mark == _MARK and len(rest) == 3 and rest[0] in get_args(Format):  # noqa: PLR2004 - what `sealed` wrote
        origin = next(known for known in get_args(Format) if known == rest[0])
        return Thinking(text, rest[2], origin, redacted, rest[1])
    return Thinking(text, signature, own, redacted)
