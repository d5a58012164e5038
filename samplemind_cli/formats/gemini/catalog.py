"""Lists of models, and token counts of prompts, for Gemini's clients."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import reading
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import server
from samplemind_cli.formats.gemini.fields import COUNT, GENERATE, named
from samplemind_cli.formats.types import Request

METHODS = ("generateContent", "streamGenerateContent", "countTokens")
EMBEDDING = ("embedContent", "batchEmbedContents")


def models(names: Sequence[str], embedding: Sequence[str] = ()) -> bytes:
    """A ListModelsResponse with all models on one page."""
    return reading.packed(
        {"models": [_model(name) for name in names] + [_model(name, EMBEDDING) for name in embedding]}
    )


def model(name: str, *, embedding: bool = False) -> bytes:
    """A Model; the handler has checked that it exists."""
    return reading.packed(_model(name, EMBEDDING if embedding else METHODS))


def _model(name: str, methods: Sequence[str] = METHODS) -> dict[str, Any]:
    plain = name.removeprefix("models/")
    return {
        "name": f"models/{plain}",
        "baseModelId": plain,
        "version": "1",
        "displayName": plain,
        "supportedGenerationMethods": list(methods),
    }


def counting(fields: Fields) -> Request:
    """The request in a countTokens body. Raises BadRequestError."""
    inner = Fields(named(fields.raw, COUNT)).inner("generateContentRequest")
    return server.read(inner if inner.raw else Fields({**named(fields.raw, GENERATE)}))


def counted(tokens: int) -> bytes:
    """A CountTokensResponse."""
    return reading.packed({"totalTokens": tokens})
