"""Writes a conversation as the input of a response: each text, thinking, call and result is an item."""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from samplemind_cli.formats import custom_tools, reading
from samplemind_cli.formats.types import Media, Message, Opaque, Part, Text, Thinking, ToolCall, ToolResult

OWN = "openai_responses"


class InputItems:
    """Writes messages as items. `customs`: names of custom tools; `proves`: unsigned thinking is left out."""

    def __init__(self, customs: Collection[str], *, proves: bool) -> None:
        self._customs = customs
        self._proves = proves
        self._custom_calls: set[str] = set()

    def of(self, messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
        """The items of all messages, in their order."""
        writers: dict[str, Callable[[Message], Iterator[dict[str, Any]]]] = {
            "assistant": self._assistant,
            "tool": self._results,
        }
        for message in messages:
            yield from writers.get(message.role, self._prompt)(message)

    def _prompt(self, message: Message) -> Iterator[dict[str, Any]]:
        """A user's or system message; tool results in it come first."""
        yield from self._results(message)
        parts = [part for part in message.parts if isinstance(part, Text | Media)]
        if parts or not message.parts:
            yield reading.beside({"role": message.role, "content": content(parts)}, message.hints)

    def _results(self, message: Message) -> Iterator[dict[str, Any]]:
        for part in message.parts:
            if isinstance(part, ToolResult):
                kind = "custom_tool_call_output" if part.call_id in self._custom_calls else "function_call_output"
                inner = [each for each in part.parts if isinstance(each, Text | Media)]
                yield {"type": kind, "call_id": part.call_id, "output": content(inner, whole=part.text), **part.hints}

    def _assistant(self, message: Message) -> Iterator[dict[str, Any]]:
        """The model's turn. Each text is a message: a list of parts would need ids."""
        for part in message.parts:
            match part:
                case Text():
                    text: Any = [{"type": "output_text", "text": part.text, **part.hints}] if part.hints else part.text
                    yield {"role": "assistant", "content": text, **message.hints}
                case ToolCall():
                    yield self._call(part)
                case Thinking(origin="openai_responses"):
                    yield from self._thought(part)
                case Opaque(origin="openai_responses"):
                    yield dict(part.value)
                case _:
                    pass

    def _call(self, call: ToolCall) -> dict[str, Any]:
        head = {"call_id": call.id, "name": call.name}
        if call.name in self._customs:
            self._custom_calls.add(call.id)
            return {"type": "custom_tool_call", **head, "input": custom_tools.given_input(call), **call.hints}
        return {"type": "function_call", **head, "arguments": call.arguments or "{}", **call.hints}

    def _thought(self, thought: Thinking) -> Iterator[dict[str, Any]]:
        """Thinking with its signature, and the id that the signature covers, if any."""
        if thought.signature:
            summary = [{"type": "summary_text", "text": thought.text}] if thought.text else []
            known = {"id": thought.id} if thought.id else {}
            yield {"type": "reasoning", **known, "summary": summary, "encrypted_content": thought.signature}
        elif thought.text and not self._proves:
            yield {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": thought.text}]}


def content(parts: Sequence[Text | Media], whole: str | None = None) -> str | list[dict[str, Any]]:
    """Texts and attachments as the parts of an item; one text alone, or `whole` for several, is a string."""
    plain = all(isinstance(part, Text) and not part.hints for part in parts)
    if plain and (whole is not None or len(parts) <= 1):
        return "".join(_text(part) for part in parts) if whole is None else whole
    return [_part(part) for part in parts]


def _text(part: Part) -> str:
    return part.text if isinstance(part, Text) else ""


def _part(part: Text | Media) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text, **part.hints}
    if part.kind == "audio":
        form = part.media_type.removeprefix("audio/")
        audio: dict[str, Any] = {"data": reading.encoded(part), "format": SOUNDS.get(part.media_type, form)}
        return {"type": "input_audio", "input_audio": audio, **part.hints}
    detail = {"detail": part.detail} if part.detail else {}
    if part.kind == "image":
        where = {"file_id": part.file_id} if part.file_id else {"image_url": reading.data_url(part)}
        return {"type": "input_image", "detail": "auto", **where, **detail, **part.hints}
    if part.kind == "video":
        where = {"file_id": part.file_id} if part.file_id else {"video_url": reading.data_url(part)}
        return {"type": "input_video", **where, **detail, **part.hints}
    named = {"filename": part.name} if part.name and not part.url else {}
    where = {"file_id": part.file_id} if part.file_id else {"file_url": part.url} if part.url else {}
    return {"type": "input_file", **named, **(where or {"file_data": reading.data_url(part)}), **detail, **part.hints}


SOUNDS = {"audio/mpeg": "mp3", "audio/x-wav": "wav", "audio/wave": "wav", "audio/vnd.wave": "wav"}
