"""The HTTP headers by which clients of a format may change the answer; providers of the format get them, too."""

from collections.abc import Mapping
from dataclasses import replace

from samplemind_cli.formats.types import Format, Request

# Sent if the client has none, as the API has no default: a later version (2026-10-21) answers 400 to parameters that
# this one accepts.
ANTHROPIC_VERSION = "2023-06-01"
# With the default of each.
HEADERS: dict[Format, dict[str, str]] = {
    "anthropic_messages": {"anthropic-beta": "", "anthropic-version": ANTHROPIC_VERSION},
    "openai_chat": {"openai-beta": ""},
    "openai_responses": {"openai-beta": "responses=experimental"},
}


def of_anthropics_client(headers: Mapping[str, str]) -> bool:
    """Whether a request comes from one of Anthropic's clients, on a path that OpenAI's clients use, too."""
    return "anthropic-version" in headers


def headed(request: Request, headers: Mapping[str, str]) -> Request:
    """The request with those of its HTTP headers that matter; their names are in lower case."""
    known = HEADERS.get(request.source, {})
    given = {name: headers[name] for name, default in known.items() if headers.get(name, default) != default}
    plain = {name: value for name, value in given.items() if value.isascii() and value.isprintable()}
    return replace(request, headers=plain) if plain else request
