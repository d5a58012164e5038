"""Embeddings as OpenAI's clients ask for them and read them."""

import base64
import sys
from array import array
from typing import Any

import orjson

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Embeddings

MOST = 2048  # texts in one request, as OpenAI has it
FORMATS = ("float", "base64")


def texts(fields: Fields) -> list[str]:
    """The texts of a request. Raises BadRequestError."""
    given = fields.raw.get("input")
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not 1 <= len(found) <= MOST or not all(isinstance(t, str) and t for t in found):
        raise fields.wrong("input", f"must be a text that is not empty, or a list of 1 to {MOST}; tokens are not taken")
    return found


def told(found: Embeddings, form: str) -> bytes:
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
