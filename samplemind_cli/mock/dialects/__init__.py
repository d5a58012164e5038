"""The wire formats the mock speaks, and which of them a request is in."""

from samplemind_cli.mock.dialects import anthropic, gemini, ollama, openai
from samplemind_cli.mock.dialects.speech import Dialect
from samplemind_cli.mock.http1 import HttpRequest

__all__ = ["dialect_of"]


def dialect_of(request: HttpRequest) -> Dialect:
    """The module of the provider that a request is meant for; three have a /v1/models, headers tell whose it is."""
    if (
        request.path.startswith("/v1beta/")
        or "x-goog-api-key" in request.headers
        or gemini.MODEL_PATH.match(request.path)
    ):
        return gemini
    if request.path.startswith("/v1/messages") or "anthropic-version" in request.headers:
        return anthropic
    return openai if request.path.startswith("/v1/") else ollama
