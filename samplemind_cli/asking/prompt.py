"""Builds a `Request` from a prompt, piped input and files."""

import json
import mimetypes
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from samplemind_cli.ai.types import Media, Message, Part, Request, Text
from samplemind_cli.ai.types import attachment as media
from samplemind_cli.errors import UsageError
from samplemind_cli.formats import jsonschema
from samplemind_cli.hot import LARGEST

# Parameters that have a field in `Request`, with their types; and those with an option of their own.
PARAMETERS: Mapping[str, tuple[type, ...]] = {
    "top_p": (int, float),
    "stop": (str, list),
    "seed": (int,),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "thinking_budget": (int,),
}
OPTIONS = ("temperature", "max_tokens", "effort", "model", "provider", "schema", "tools", "system")
STDIN = "-"  # among the attachments
PDF = "application/pdf"
# Media types that are never text; for others the bytes decide.
BINARY = ("application/zip", "application/gzip", "application/x-tar", "application/octet-stream", "application/vnd.")
UNKNOWN = ("", "application/octet-stream", "binary/octet-stream")  # media types that say nothing
SIGNATURES = {
    b"\x89PNG": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"%PDF-": PDF,
    b"ID3": "audio/mpeg",
    b"\xff\xfb": "audio/mpeg",
}
_NAME = re.compile(r"[\w.-]{1,64}")
EXAMPLE = 'samplemind ask "What key is A C# E?"'


def request(  # noqa: PLR0913 - one parameter per option
    prompt: str | None,
    piped: bytes,
    *,
    system: str | None = None,
    attach: Sequence[Path | Media | Text] | None = None,
    fill: Callable[[str], str] | None = None,
    schema: Path | None = None,
    tools: Path | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    effort: str = "",
    params: Sequence[str] = (),
) -> Request:
    """A request of one turn. `fill`: a template, which turns prompt and piped input into the text.

    Raises UsageError for an empty prompt and for invalid files.
    """
    piped = _bounded(piped, "the piped input")
    attached = [
        attachment(source, piped if str(source) == STDIN else None) if isinstance(source, Path) else source
        for source in attach or []
    ]
    if Path(STDIN) in (attach or []):
        piped = b""
    text = "\n\n".join(part for part in (decoded(prompt or ""), piped.decode("utf-8", "replace").strip()) if part)
    text = fill(text) if fill else text
    if not text.strip():
        raise UsageError("there is nothing to ask: the prompt is empty", EXAMPLE)
    parts: list[Part] = [Text(text), *attached]
    return Request(
        messages=(*([Message("system", decoded(system))] if system else []), Message("user", parts)),
        temperature=temperature,
        max_tokens=max_tokens,
        schema=json_schema(schema) if schema else None,
        tools=tool_definitions(tools) if tools else (),
        effort=effort,
        **parameters(params),
    )


def parameters(assignments: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Request` that `NAME=JSON` sets; a value that is not JSON is text. Raises UsageError.

    Other names go to the provider unchanged, in `extra`.
    """
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for text in assignments:
        name, equals, raw = text.partition("=")
        if not (equals and name.isidentifier()):
            raise UsageError(f"--param {text!r} is not NAME=JSON", "samplemind ask --param top_k=40 PROMPT")
        kinds = PARAMETERS.get(name)
        value: Any = _json_or_text(raw)
        if name in OPTIONS:
            raise UsageError(f"--param {name} has an option of its own", f"--{name.replace('_', '-')}")
        if kinds is None:
            extra[name] = value
        elif not isinstance(value, kinds) or isinstance(value, bool):
            raise UsageError(f"--param {text} has the wrong type", "samplemind ask --param top_p=0.9 PROMPT")
        else:
            fields[name] = _texts(value) if name == "stop" else value
    return {**fields, "extra": extra}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _texts(value: Any) -> tuple[str, ...]:
    texts: list[Any] = [value] if isinstance(value, str) else value
    if not all(isinstance(text, str) and text for text in texts):
        raise UsageError("--param stop holds something that is not text", """samplemind ask --param 'stop=["END"]' …""")
    return tuple(texts)


def decoded(argument: str) -> str:
    """A command-line argument; bytes that are not UTF-8 become U+FFFD."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def prompt_and_name(prompt: str | None, value: str, piped: bytes) -> tuple[str | None, str]:
    """The prompt and the conversation's name. `value`, of -c, may be the prompt itself. Raises UsageError."""
    if prompt is None and value and (not piped.strip() or not _NAME.fullmatch(value)):
        return value, ""
    if value and not _NAME.fullmatch(value):
        raise UsageError(f"{value!r} is not a valid conversation name", "letters, digits, . _ and -, at most 64")
    return prompt, value


def attachment(path: Path, data: bytes | None = None) -> Media | Text:
    """An attached file: an image, a sound, a PDF, or text. `data`: its content if it is stdin. Raises UsageError.

    The type of a file is derived from its name, that of stdin from its first bytes.
    """
    kind = (mimetypes.guess_type(path.name)[0] or "") if data is None else _kind(data)
    return part(kind, _read(path) if data is None else data, path.name, str(path))


def part(kind: str, data: bytes, name: str, where: str) -> Media | Text:
    """An attachment of this media type; an unknown one is derived from the first bytes.

    Raises UsageError, which names `where` it came from.
    """
    kind = _kind(data) or kind if kind in UNKNOWN else kind
    if kind.startswith(("image/", "audio/")) or kind == PDF:
        kind = {"audio/x-wav": "audio/wav", "audio/mpeg": "audio/mpeg"}.get(kind, kind)
        return media(kind, data, name)
    text = "" if kind.startswith(BINARY) else _text(data)
    if data and not text:
        why = f"{where} is not an image, audio file, PDF or text (by its name: {kind or 'unknown'})"
        raise UsageError(why, f"make text of it: … {where} | samplemind ask …")
    return Text(text if name == STDIN else f"{name}:\n\n{text}")


def _text(data: bytes) -> str:
    """The bytes as text; "" if they are not text."""
    try:
        return "" if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeError:
        return ""


def _kind(data: bytes) -> str:
    """The media type that the first bytes show; "" if unknown."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12], "")
    return next((kind for start, kind in SIGNATURES.items() if data.startswith(start)), "")


def json_schema(path: Path) -> Mapping[str, Any]:
    """The JSON Schema in a file. Raises UsageError."""
    schema = _read_json(path)
    if not isinstance(schema, dict):
        raise UsageError(f"{path} is not a JSON Schema: it is not an object", '{"type": "object", "properties": …}')
    if why := jsonschema.flaw(schema):
        raise UsageError(f"{path} is not a JSON Schema: {why}", "https://json-schema.org")
    return schema


def tool_definitions(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Tool definitions in OpenAI's format: a list, or an object with a list under "tools". Raises UsageError."""
    tools = _read_json(path)
    tools = tools.get("tools") if isinstance(tools, dict) else tools
    if not isinstance(tools, list) or not tools or not all(map(_is_tool, tools)):
        example = '[{"type": "function", "function": {"name": "…", "parameters": {…}}}]'
        raise UsageError(f"{path} contains no tool definitions", f"they look like {example}")
    return tuple(tools)


def _is_tool(value: Any) -> bool:
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    return isinstance(function, dict) and isinstance(function.get("name"), str)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(_read(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}", f"python -m json.tool {path}") from error


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}", f"ls -l {path}") from error
    return _bounded(data, str(path))


def _bounded(data: bytes, what: str) -> bytes:
    if len(data) > LARGEST:
        why = f"{what} is larger than {LARGEST // 1_000_000} MB"
        raise UsageError(why, "no provider accepts that much: send a part of it")
    return data
