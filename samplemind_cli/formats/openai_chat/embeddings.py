"""Embeddings for OpenAI's clients."""

import base64
import sys
from array import array
from typing import Any

import orjson

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Embeddings, Inputs

MOST = 2048  # texts in one request; OpenAI's own limit
FORMATS = ("float", "base64")


def texts(fields: Fields) -> Inputs:
    """The texts of a request, or their tokens. Raises BadRequestError."""
    given = fields.raw.get("input")
    found = [given] if isinstance(given, str) or _is_tokens(given) else given
    if (
        isinstance(found, list)
        and 1 <= len(found) <= MOST
        and (all(map(_is_text, found)) or all(map(_is_tokens, found)))
    ):
        return found
    why = f"must be a non-empty string, a list of 1 to {MOST} of them, or a list of token id lists"
    raise fields.wrong("input", why)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _is_tokens(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(type(token) is int and 0 <= token < 2**31 for token in value)


def response(found: Embeddings, form: str) -> bytes:
    """A list of embeddings; in base64 they are little-endian 32-bit floats."""
    data = [
        {"object": "embedding", "index": n, "embedding": _packed(vector) if form == "base64" else vector}
        for n, vector in enumerate(found.vectors)
    ]
    usage = {"prompt_tokens": found.tokens or 0, "total_tokens": found.tokens or 0}
    body: dict[str, Any] = {"object": "list", "data": data, "model": f"{found.provider}/{found.model}", "usage": usage}
    return orjson.dumps(body)


def _packed(vector: tuple[float, ...]) -> str:
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return base64.b64encode(floats.tobytes()).decode()
