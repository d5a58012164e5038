"""The wire formats of the mock; finds the one of a request."""

from samplemind_cli.mock.dialects import anthropic, gemini, ollama, openai
from samplemind_cli.mock.dialects.dialect import Dialect
from samplemind_cli.mock.http1 import HttpRequest

__all__ = ["dialect_of"]


def dialect_of(request: HttpRequest) -> Dialect:
    """The module of a request's provider; three have a /v1/models, so headers decide too."""
    path, headers = request.path, request.headers
    if path.startswith("/v1beta/") or "x-goog-api-key" in headers or gemini.MODEL_PATH.match(path):
        return gemini
    if path.startswith("/v1/messages") or "anthropic-version" in headers:
        return anthropic
    return openai if path.startswith("/v1/") else ollama
