"""What is asked: an argument, a pipe and files made into a `Request`."""

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

# Parameters with a field of their own, and what they are; and those with an option of their own.
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
# Of what a name may say, what is surely no text; other bytes tell it themselves.
BINARY = ("application/zip", "application/gzip", "application/x-tar", "application/octet-stream", "application/vnd.")
UNTOLD = ("", "application/octet-stream", "binary/octet-stream")  # media types that say nothing
BEGINNINGS = {
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
    """A request of one turn; `fill` makes the text of it out of the prompt and the pipe.

    Raises UsageError for an empty prompt and for files that do not hold what they should.
    """
    piped = _bounded(piped, "the piped input")
    attached = [
        attachment(one, piped if str(one) == STDIN else None) if isinstance(one, Path) else one for one in attach or []
    ]
    if Path(STDIN) in (attach or []):
        piped = b""
    text = "\n\n".join(part for part in (decoded(prompt or ""), piped.decode("utf-8", "replace").strip()) if part)
    text = fill(text) if fill else text
    if not text.strip():
        raise UsageError("there is nothing to ask: the prompt is empty", EXAMPLE)
    messages = [Message("system", decoded(system))] if system else []
    parts: list[Part] = [Text(text), *attached]
    messages.append(Message("user", parts))
    return Request(
        messages=tuple(messages),
        temperature=temperature,
        max_tokens=max_tokens,
        schema=json_schema(schema) if schema else None,
        tools=tool_definitions(tools) if tools else (),
        effort=effort,
        **parameters(params),
    )


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """The fields of a `Request` that `NAME=JSON` sets; what is not JSON is text. Raises UsageError.

    A name that no field has goes to the provider as it is (`extra`).
    """
    fields: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()):
            raise UsageError(f"--param {text!r} is not NAME=JSON", "samplemind ask --param top_k=40 PROMPT")
        kinds = PARAMETERS.get(name)
        read: Any = _json_or_text(value)
        if name in OPTIONS:
            raise UsageError(f"--param {name} has an option of its own", f"--{name.replace('_', '-')}")
        if kinds is None:
            extra[name] = read
        elif not isinstance(read, kinds) or isinstance(read, bool):
            raise UsageError(f"--param {name}={value} has the wrong type", "samplemind ask --param top_p=0.9 PROMPT")
        else:
            fields[name] = _texts(read) if name == "stop" else read
    return {**fields, "extra": extra}


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _texts(value: Any) -> tuple[str, ...]:
    found: list[Any] = [value] if isinstance(value, str) else value
    if not all(isinstance(text, str) and text for text in found):
        raise UsageError("--param stop holds something that is not text", """samplemind ask --param 'stop=["END"]' …""")
    return tuple(found)


def decoded(argument: str) -> str:
    """A command-line argument whose bytes may not be UTF-8; such bytes become U+FFFD."""
    return argument.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def named(prompt: str | None, value: str, piped: bytes) -> tuple[str | None, str]:
    """The prompt and the conversation's name, of what was given to -c: it may have been the prompt itself."""
    if prompt is None and value and (not piped.strip() or not _NAME.fullmatch(value)):
        return value, ""
    if value and not _NAME.fullmatch(value):
        raise UsageError(f"{value!r} is not a valid conversation name", "letters, digits, . _ and -, at most 64")
    return prompt, value


def attachment(path: Path, data: bytes | None = None) -> Media | Text:
    """A file that goes with a prompt: an image, a sound, a PDF, or text; `data` is stdin's, if that is the file.

    What it is, a file's name says, and stdin's first bytes.
    """
    kind = (mimetypes.guess_type(path.name)[0] or "") if data is None else _kind(data)
    return part(kind, _read(path) if data is None else data, path.name, str(path))


def part(kind: str, data: bytes, name: str, where: str) -> Media | Text:
    """An attachment of this media type, or of what its first bytes say where that says nothing.

    `where` it came from is told in an error. Raises UsageError.
    """
    kind = _kind(data) or kind if kind in UNTOLD else kind
    if kind.startswith(("image/", "audio/")) or kind == PDF:
        kind = {"audio/x-wav": "audio/wav", "audio/mpeg": "audio/mpeg"}.get(kind, kind)
        return media(kind, data, name)
    text = "" if kind.startswith(BINARY) else _text(data)
    if data and not text:
        why = f"{where} is not an image, audio file, PDF or text (by its name: {kind or 'unknown'})"
        raise UsageError(why, f"make text of it: … {where} | samplemind ask …")
    return Text(text if name == STDIN else f"{name}:\n\n{text}")


def _text(data: bytes) -> str:
    """The bytes as text; nothing where they are none."""
    try:
        return "" if b"\0" in data else data.decode("utf-8-sig")
    except UnicodeError:
        return ""


def _kind(data: bytes) -> str:
    """What stdin holds, as far as its first bytes say it."""
    if data[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(data[8:12], "")
    return next((kind for start, kind in BEGINNINGS.items() if data.startswith(start)), "")


def json_schema(path: Path) -> Mapping[str, Any]:
    """A JSON Schema out of a file."""
    schema = _read_json(path)
    if not isinstance(schema, dict):
        raise UsageError(f"{path} is not a JSON Schema: it is not an object", '{"type": "object", "properties": …}')
    if why := jsonschema.flaw(schema):
        raise UsageError(f"{path} is not a JSON Schema: {why}", "https://json-schema.org")
    return schema


def tool_definitions(path: Path) -> tuple[Mapping[str, Any], ...]:
    """Tool definitions in OpenAI's format: a list, or an object with a list under "tools"."""
    found = _read_json(path)
    found = found.get("tools") if isinstance(found, dict) else found
    if not isinstance(found, list) or not found or not all(map(_is_tool, found)):
        example = '[{"type": "function", "function": {"name": "…", "parameters": {…}}}]'
        raise UsageError(f"{path} contains no tool definitions", f"they look like {example}")
    return tuple(found)


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
        raise UsageError(
            f"{what} is larger than {LARGEST // 1_000_000} MB", "no provider accepts that much: send a part of it"
        )
    return data
