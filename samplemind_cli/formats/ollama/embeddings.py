"""Embeddings for Ollama's clients: `/api/embed`, and the older `/api/embeddings`."""

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import Embeddings


def texts(fields: Fields) -> list[str]:
    """The texts of an embed's body (`input`), or of an embeddings' (`prompt`). Raises BadRequestError."""
    name = "prompt" if "input" not in fields.raw and "prompt" in fields.raw else "input"
    given = fields.raw.get(name)
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not found or not all(isinstance(text, str) and text for text in found):
        raise fields.wrong(name, "must be a non-empty string or a list of non-empty strings")
    return found


def dimensions(fields: Fields) -> int | None:
    """How long a vector is to be; None: as the model has it."""
    return fields.whole("dimensions", 0) or None


def response(found: Embeddings, fields: Fields, took: int) -> bytes:
    """The vectors of `/api/embed`; `took` is in nanoseconds. The AI SDK wants the count, also where none is known."""
    model = fields.get("model", str) or f"{found.provider}/{found.model}"
    timed = {"total_duration": took, "load_duration": 0, "prompt_eval_count": found.tokens or 0}
    return reading.packed({"model": model, "embeddings": found.vectors, **timed})


def single_response(found: Embeddings) -> bytes:
    """The vector of `/api/embeddings`."""
    return reading.packed({"embedding": found.vectors[0]})
