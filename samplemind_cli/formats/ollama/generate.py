"""Reads the prompts of Ollama's clients (`/api/generate`), and writes the answers; a server like server.py."""

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.ollama import server
from samplemind_cli.formats.ollama.answers import Events, error, whole_message
from samplemind_cli.formats.ollama.server import loads, streams
from samplemind_cli.formats.types import Answer, Message, Request, Text


def read(fields: Fields) -> Request:
    """The request in a body. Raises BadRequestError."""
    prompt, system = fields.get("prompt", str) or "", fields.get("system", str)
    raw = fields.get("raw", bool)
    pictures = server.images(fields)
    if not prompt and not pictures:
        raise fields.wrong("prompt", "must not be empty")
    if raw and system:
        raise fields.wrong("system", "is not allowed in a raw prompt")
    prompt_message = Message("user", [*([Text(prompt)] if prompt else []), *pictures])
    fields.get("suffix", str)
    return server.request(fields, (*([Message("system", system)] if system else []), prompt_message))


def whole(answer: Answer, number: str, fields: Fields) -> bytes:
    """A whole answer; the format has no ids."""
    del number
    return whole_message(answer, fields.get("model", str) or f"{answer.provider}/{answer.model}", generate=True)


def events(number: str, model: str, fields: Fields) -> Events:
    """The writer of a streamed answer, with the client's name for the model."""
    del number
    return Events(fields.get("model", str) or model, generate=True)


__all__ = ["error", "events", "loads", "read", "streams", "whole"]
