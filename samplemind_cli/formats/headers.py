"""The HTTP headers with which a format's clients change what is answered; a provider of the format is sent them."""

from collections.abc import Mapping
from dataclasses import replace

from samplemind_cli.formats.types import Format, Request

# What is sent where a client says nothing: a later version (2026-10-21) answers 400 to parameters that this one takes,
# and the API has no default version.
ANTHROPIC_VERSION = "2023-06-01"
# With the value of each that says nothing.
HEADERS: dict[Format, dict[str, str]] = {
    "anthropic_messages": {"anthropic-beta": "", "anthropic-version": ANTHROPIC_VERSION},
    "openai_chat": {"openai-beta": ""},
    "openai_responses": {"openai-beta": "responses=experimental"},
}


def of_anthropics_client(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from a client of Anthropic's, where OpenAI's ask the same path."""
    return "anthropic-version" in headers


def headed(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with what the headers say; their names are in lower case."""
    known = HEADERS.get(request.source, {})
    said = {name: headers[name] for name, unsaid in known.items() if headers.get(name, unsaid) != unsaid}
    plain = {name: value for name, value in said.items() if value.isascii() and value.isprintable()}
    return replace(request, headers=plain) if plain else request
