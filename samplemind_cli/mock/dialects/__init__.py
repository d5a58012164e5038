"""The wire formats the mock speaks, and which of them a request is in."""

from types import ModuleType

from samplemind_cli.mock.dialects import anthropic, gemini, ollama, openai
from samplemind_cli.mock.http1 import Request

__all__ = ["dialect_of"]


def dialect_of(request: Request) -> ModuleType:
    """The module of the provider that this request is meant for.

    Each module has NAME, TROUBLES (kind of fault -> Trouble), MIDSTREAM (the trouble told inside a 200),
    `reply(request, models)` and `error(trouble)`. /v1/models exists three times; the headers tell whose it is.
    """
    if (
        request.path.startswith("/v1beta/")
        or "x-goog-api-key" in request.headers
        or gemini.MODEL_PATH.match(request.path)
    ):
        return gemini
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return anthropic
    return openai if request.path.startswith("/v1/") else ollama
