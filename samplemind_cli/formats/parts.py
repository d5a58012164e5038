"""The parts of a message, independent of formats."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]
# The formats, by the names of their rooms; a request of our own commands has none.
Format = Literal["", "openai_chat", "openai_responses", "anthropic_messages", "gemini", "ollama"]
MediaKind = Literal["image", "audio", "video", "file"]
MEDIA: tuple[MediaKind, ...] = ("image", "audio", "video")  # by which a media type may begin; all others are files


@dataclass(frozen=True, slots=True)
class Text:
    """Text. `hints`: further fields that only some providers know, such as `cache_control`."""

    text: str
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Media:
    """An image, a sound, a video or a file: its bytes, or where the provider finds it (`url`, or its own `file_id`).

    `media_type` is like "image/png"; `detail` is the resolution in which an image is read ("low", "high", "auto").
    """

    kind: MediaKind
    media_type: str = ""
    data: bytes = field(default=b"", repr=False)
    name: str = ""
    url: str = field(default="", repr=False)
    file_id: str = ""
    detail: str = ""
    hints: Mapping[str, Any] = field(default_factory=dict)


def attachment(media_type: str, data: bytes, name: str = "") -> Media:
    """An image, audio or file, by its media type."""
    return Media(kind_of(media_type), media_type, data, name)


def kind_of(media_type: str) -> MediaKind:
    """The kind of a media type."""
    family = media_type.partition("/")[0].lower()
    return next((kind for kind in MEDIA if kind == family), "file")


@dataclass(frozen=True, slots=True)
class Thinking:
    """A model's thinking. `signature` proves it to its `origin`; `redacted`: there is only the signature."""

    text: str = ""
    signature: str = field(default="", repr=False)
    origin: Format = ""
    redacted: bool = False
    id: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool call of the model; `arguments` is JSON text.

    In a stream, pieces of one call share an `index`, and their `arguments` are joined. A call without an index is
    complete, or continues the last one. `default`: its arguments if no piece has any. `signature`: Gemini's, of the
    thinking behind it.
    """

    name: str = ""
    arguments: str = ""
    id: str = ""
    index: int | None = None
    default: str = ""
    signature: str = field(default="", repr=False)
    hints: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ToolResult:
    """A tool's result for the nearest earlier call with this id; `failed`: it is an error."""

    call_id: str
    parts: "tuple[Text | Media | Opaque, ...]" = ()
    failed: bool = False
    hints: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def text(self) -> str:
        """The text, with parts joined by line breaks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(frozen=True, slots=True)
class Opaque:
    """A block that only one format (`origin`) has, such as a call of a server's own tool: kept unchanged."""

    origin: Format
    value: Mapping[str, Any]


Part = Text | Media | Thinking | ToolCall | ToolResult | Opaque


@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One turn: its parts in order. Made of a string, it holds that text."""

    role: Role
    parts: tuple[Part, ...]
    name: str
    hints: Mapping[str, Any]

    def __init__(
        self,
        role: Role,
        parts: str | Iterable[Part] = (),
        name: str = "",
        hints: Mapping[str, Any] | None = None,
    ) -> None:
        every = ((Text(parts),) if parts else ()) if isinstance(parts, str) else tuple(parts)
        for key, value in (("role", role), ("parts", every), ("name", name), ("hints", hints or {})):
            object.__setattr__(self, key, value)

    @property
    def text(self) -> str:
        """The text, with parts joined by line breaks."""
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def media(self) -> tuple[Media, ...]:
        """The images, audio, videos and files."""
        return tuple(part for part in self.parts if isinstance(part, Media))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """The tool calls."""
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        """The tool results."""
        return tuple(part for part in self.parts if isinstance(part, ToolResult))
