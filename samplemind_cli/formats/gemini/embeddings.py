"""Embeddings for Gemini's clients: `:embedContent` and `:batchEmbedContents`."""

from dataclasses import dataclass

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini.fields import EMBED, EMBED_ALL, named
from samplemind_cli.formats.types import Embeddings

MOST = 100  # texts in one request; Gemini's own limit
_KNOWN = frozenset({"content", "model", "outputDimensionality"})


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """The texts, the length of a vector (None: the model's default), and the fields that are left out."""

    texts: tuple[str, ...]
    dimensions: int | None
    dropped: tuple[str, ...]


def one(fields: Fields) -> EmbedRequest:
    """The text of an embedContent body. Raises BadRequestError."""
    return _request([Fields(named(fields.raw, EMBED))])


def several(fields: Fields) -> EmbedRequest:
    """The texts of a batchEmbedContents body. Raises BadRequestError."""
    body = Fields(named(fields.raw, EMBED_ALL))
    requests = body.items("requests")
    if not 1 <= len(requests) <= MOST:
        raise body.wrong("requests", f"must contain 1 to {MOST} requests")
    return _request(requests)


def _request(requests: list[Fields]) -> EmbedRequest:
    sizes = {request.whole("outputDimensionality") for request in requests}
    if len(sizes) > 1:
        raise requests[0].wrong("outputDimensionality", "must be the same in every request")
    unread = {name for request in requests for name in request.raw if name not in _KNOWN and request.raw[name]}
    return EmbedRequest(tuple(map(_text, requests)), sizes.pop(), tuple(sorted(unread)))


def _text(request: Fields) -> str:
    content = request.inner("content")
    parts = content.items("parts")
    if any("text" not in part.raw for part in parts):
        raise content.wrong("parts", "must be texts: nothing else can be embedded")
    words = "\n".join(part.need("text", str) for part in parts)
    if not words:
        raise content.wrong("parts", "must contain a non-empty text")
    return words


def response(found: Embeddings, *, batch: bool) -> bytes:
    """An EmbedContentResponse, or that of a batch."""
    vectors = [{"values": vector} for vector in found.vectors]
    counted = {} if found.tokens is None else {"usageMetadata": {"promptTokenCount": found.tokens}}
    return reading.packed({"embeddings": vectors, **counted} if batch else {"embedding": vectors[0], **counted})
