"""Prompts and answers as JSON of the GenAI conventions (docs/gen-ai/gen-ai-input-messages.json and the like)."""

from typing import Any

import orjson

from samplemind_cli.ai.types import Answer, Message, Request, ToolCall
from samplemind_cli.formats.openai_chat.answers import ENDS

LONGEST = 16 * 1024  # characters of one part; spans wait in memory until they are sent
_ENDS = {**ENDS, "tool_calls": "tool_call"}


def prompt_json(request: Request) -> str:
    """The conversation as JSON; images and audio only with their type and size."""
    return orjson.dumps([{"role": m.role, "parts": _parts(m)} for m in request.messages]).decode()


def answer_json(answer: Answer) -> str:
    """The answer as JSON."""
    parts = [_text("reasoning", answer.thinking), _text("text", answer.text), *map(_call, answer.tool_calls)]
    spoken = [part for part in parts if part.get("content") != ""]
    end = _ENDS.get(answer.finish_reason, answer.finish_reason)
    return orjson.dumps([{"role": "assistant", "parts": spoken, "finish_reason": end}]).decode()


def _parts(message: Message) -> list[dict[str, Any]]:
    results = [
        {"type": "tool_call_response", "id": result.call_id, "response": result.text[:LONGEST]}
        for result in message.tool_results
    ]
    files = [{"type": "file", "mime_type": media.media_type, "bytes": len(media.data)} for media in message.media]
    words = [_text("text", message.text)] if message.text else []
    return [*results, *files, *words, *map(_call, message.tool_calls)]


def _text(kind: str, text: str) -> dict[str, Any]:
    return {"type": kind, "content": text[:LONGEST]}


def _call(call: ToolCall) -> dict[str, Any]:
    return {"type": "tool_call", "id": call.id, "name": call.name, "arguments": call.arguments[:LONGEST]}
