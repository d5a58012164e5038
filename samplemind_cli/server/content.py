"""Prompt and answer text for `--log-content`."""

from collections.abc import Iterator
from typing import Any

import orjson

from samplemind_cli.ai.types import Answer

LONGEST = 4096  # characters of a prompt, and of an answer


def prompt_text(body: bytes) -> str:
    """The texts in a request's body of any format; empty if there are none."""
    try:
        value = orjson.loads(body)
    except ValueError:
        return ""
    return _cut("\n".join(_texts(value))) if isinstance(value, dict) else ""


def answer_text(answer: Answer) -> str:
    """An answer's text and tool calls."""
    return _cut("\n".join(filter(None, (answer.text, *(f"{c.name}({c.arguments})" for c in answer.tool_calls)))))


def _texts(body: dict[str, Any]) -> Iterator[str]:
    """The texts of a chat, a prompt or an embedding request; images are left out."""
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else []:
        if isinstance(message, dict):
            yield f"{message.get('role')}: {' '.join(_strings(message.get('content')))}"
    for name in ("system", "prompt", "input"):
        yield from _strings(body.get(name))


def _strings(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        text = item.get("text") if isinstance(item, dict) else item
        if isinstance(text, str):
            yield text


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
