"""What several dialects share: reading JSON of any shape without an exception, and naming faults."""

import json
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from samplemind_cli.ai.types import Attachment, Fault, FaultKind, Message, ToolCall, Usage

MESSAGE_LIMIT = 500
_READ = 4000  # characters of a message that are looked at: a provider may quote a whole prompt back

_STATUS: dict[int, FaultKind] = {
    401: "auth",
    402: "credit",
    403: "auth",
    404: "not_found",
    408: "server",
    409: "server",
    413: "too_long",
    429: "rate",
    503: "overloaded",
    529: "overloaded",  # Anthropic's own
}

# How they say it: Ollama "the input length exceeds the context length", llama.cpp "exceeds the available context size",
# OpenAI "maximum context length is" and "exceeds the context window", Anthropic "prompt is too long" and "exceed
# context limit", Gemini "input token count (…) exceeds the maximum".
_TOO_LONG = re.compile(
    r"context (length|size|window|limit)|prompt is too long|input token count .*exceeds", re.IGNORECASE
)

# Keys as providers echo them: whole, masked with asterisks, after "API key…:" or "Bearer", or in a query.
_KEY = re.compile(
    r"\b(?:sk|rk|pk|gsk|xai|hf)[-_][\w*.-]+|\bAIza[\w*-]+|\bAQ\.[\w*.-]+|[^\s\"'/]*\*{3,}[^\s\"']*"
    r"|(?<=bearer )\S+|(?<=[?&]key=)[^\s&\"']+|(?:(?<=api key: )|(?<=api key provided: ))\S+",
    re.IGNORECASE,
)


def mapping(value: Any) -> dict[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: Any) -> list[dict[str, Any]]:
    """The JSON objects in the value if it is an array, else none."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """The value if it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def count(value: Any) -> int | None:
    """The value if it can be a number of tokens: a whole one, of a size that every reader of JSON can hold."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def vector(value: Any) -> list[float]:
    """The value if it is an array of numbers, else an empty one."""
    numbers = value if isinstance(value, list) else []
    return numbers if all(type(number) in (float, int) for number in numbers) else []


def total(*counts: int | None) -> int | None:
    """The sum of what is known, None where nothing is."""
    known = [number for number in counts if number is not None]
    return sum(known) if known else None


def counted(usage: Usage) -> Usage | None:
    """The usage, or None where it says nothing."""
    return None if usage == Usage() else usage


def dumps(value: Any) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def arguments(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as an object; what is no object counts as none."""
    try:
        return mapping(json.loads(call.arguments))
    except ValueError:
        return {}


def encoded(attachment: Attachment) -> str:
    """The attachment's bytes in base64."""
    return b64encode(attachment.data).decode()


def system(messages: Sequence[Message]) -> str:
    """The system messages as one text, for dialects that keep it beside the conversation."""
    return "\n\n".join(message.text for message in messages if message.role == "system" and message.text)


def tool_names(messages: Sequence[Message]) -> dict[str, str]:
    """Which tool each call id stands for, for dialects whose results name the tool."""
    return {call.id: call.name for message in messages for call in message.tool_calls}


def error(body: Any) -> dict[str, Any]:
    """The error object in a body: under "error", in a one-element array, the body itself, or text; never a web page."""
    if isinstance(body, list):
        body = body[0] if body else None
    found = mapping(body).get("error", body)
    if isinstance(found, str) and not found.lstrip().startswith("<"):
        return {"message": found}
    return mapping(found)


def fault(status: int, message: str, kind: FaultKind | None = None) -> Fault:
    """A fault by what the provider's own code says (`kind`), else by its words, else by the status.

    A status below 400 is an error that came inside an answer.
    """
    if kind is None or kind == "request":
        kind = "too_long" if _TOO_LONG.search(message[:_READ]) else kind or _by_status(status)
    return Fault(kind, clean(message) or f"an error without a message (HTTP {status})")


def http_status(code: Any, status: int) -> int:
    """The status a body carries itself, which is the only one when the error comes inside an answer, else `status`."""
    number = count(code)
    return number if number is not None and 400 <= number < 600 else status  # noqa: PLR2004 - HTTP's own classes


def unfinished(reason: str, detail: str = "") -> Fault:
    """The fault of an answer that ended for a reason no adapter calls an end."""
    return Fault("server", clean(f"the answer ended with {reason}" + (f": {detail}" if detail else "")))


def clean(message: str) -> str:
    """A provider's message on one line, of sane length, without anything that looks like a key."""
    line = " ".join(_KEY.sub("[key]", message[:_READ]).split())
    return line if len(line) <= MESSAGE_LIMIT else line[: MESSAGE_LIMIT - 1] + "…"


def _by_status(status: int) -> FaultKind:
    return _STATUS.get(status) or ("request" if 400 <= status < 500 else "server")  # noqa: PLR2004 - HTTP's own classes
