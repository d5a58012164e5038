"""Estimates a request's tokens if no provider counts them; Anthropic's format has an estimate of its own."""

from samplemind_cli.formats.reading import dumps
from samplemind_cli.formats.types import Media, Opaque, Part, Request, Text, Thinking, ToolCall, ToolResult

_LETTERS = 4  # ASCII characters in a token (ai.google.dev/gemini-api/docs/tokens)
_IMAGE = 258  # the same document: an image of up to 384 pixels, or one tile of a larger one; a page of a PDF
_SECOND = 32  # and of sound
_BYTES_PER_SECOND = 16_000  # at 128 kbit/s


def estimate(request: Request) -> int:
    """The tokens of messages, tools and schema; at least one."""
    spoken = sum(_part(part) for message in request.messages for part in message.parts)
    extras = [dict(tool) for tool in request.tools] + ([dict(request.schema)] if request.schema else [])
    return max(1, spoken + sum(_words(dumps(extra)) for extra in extras))


def _words(text: str) -> int:
    """Rounded up; a character beyond ASCII counts as a token."""
    plain = len(text) if text.isascii() else sum(letter.isascii() for letter in text)
    return -(-plain // _LETTERS) + len(text) - plain


def _part(part: Part) -> int:
    match part:
        case Text() | Thinking():
            return _words(part.text)
        case ToolCall():
            return _words(part.name) + _words(part.arguments)
        case ToolResult():
            return _words(part.name) + sum(map(_part, part.parts))
        case Media():
            return -(-len(part.data) // _BYTES_PER_SECOND) * _SECOND if part.kind == "audio" else _IMAGE
        case Opaque():
            return _words(dumps(dict(part.value)))
