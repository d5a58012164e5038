"""Estimates the tokens of a prompt or an answer that the provider has not counted."""

import re
from base64 import b64decode
from typing import Any

from samplemind_cli.formats.reading import dumps, mapping, mappings, text

_PER_TEXT, _PER_JSON = 4, 3  # characters of ASCII in a token
IMAGE = 1600  # docs/en/build-with-claude/vision: width x height / 750, scaled down to this
PAGE = 2000  # docs/en/build-with-claude/pdf-support: 1500 to 3000
_TURN = 4
_PAGE = re.compile(rb"/Type\s*/Page\b")
# Signatures and content that only their provider can read.
_SEALED = frozenset({"signature", "data", "encrypted_content", "encrypted_index", "encrypted_stdout", "cache_control"})


def of_prompt(body: dict[str, Any]) -> int:
    """The tokens of a request's system, messages and tools, whatever their shape; at least one."""
    turns = mappings(body.get("messages"))
    spoken = _content(body.get("system")) + sum(_TURN + _content(turn.get("content")) for turn in turns)
    tools = mappings(body.get("tools"))
    return max(1, spoken + sum(_TURN + _json(tool) for tool in tools) + _json(mapping(body.get("output_config"))))


def of_answer(words: str, arguments: str) -> int:
    """The tokens of an answer's text and of its calls' arguments."""
    return _of(words, _PER_TEXT) + _of(arguments, _PER_JSON)


def _of(words: str, characters: int) -> int:
    """Rounded up; a character beyond ASCII counts as a token."""
    plain = len(words) if words.isascii() else len(words.encode("ascii", "ignore"))
    return -(-plain // characters) + len(words) - plain


def _json(value: Any) -> int:
    return _of(dumps(_plain(value)), _PER_JSON) if value else 0


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items() if name not in _SEALED}
    return value


def _content(content: Any) -> int:
    if isinstance(content, str):
        return _of(content, _PER_TEXT)
    return sum(map(_block, mappings(content)))


def _block(block: dict[str, Any]) -> int:
    match block.get("type"):
        case "text":
            return _of(text(block.get("text")), _PER_TEXT)
        case "image":
            return IMAGE
        case "document":
            return _document(mapping(block.get("source"))) + _of(text(block.get("title")), _PER_TEXT)
        case "tool_result" | "search_result":
            return _TURN + _content(block.get("content"))
        case "thinking" | "redacted_thinking":  # of earlier turns: not part of the prompt
            return 0
    return _json(block)


def _document(source: dict[str, Any]) -> int:
    match source.get("type"):
        case "text":
            return _of(text(source.get("data")), _PER_TEXT)
        case "content":
            return _content(source.get("content"))
        case "base64":
            return PAGE * max(1, len(_PAGE.findall(_bytes(text(source.get("data"))))))
    return PAGE


def _bytes(data: str) -> bytes:
    try:
        return b64decode(data)
    except ValueError:
        return b""
