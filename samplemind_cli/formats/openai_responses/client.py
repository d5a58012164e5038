"""Calls to OpenAI's Responses API, or a compatible server; it stores nothing between two requests."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from samplemind_cli.formats import conversation, custom_tools, faults, reading, schemas, tool_choice
from samplemind_cli.formats.openai_chat import client as chat_client
from samplemind_cli.formats.openai_chat.client import embed, is_openai, models, read_embeddings, read_models
from samplemind_cli.formats.openai_responses import fields, proofs
from samplemind_cli.formats.openai_responses.input_items import InputItems
from samplemind_cli.formats.openai_responses.reply import ResponseReader, read, readable
from samplemind_cli.formats.types import (
    ABILITIES,
    Call,
    Endpoint,
    Fault,
    Message,
    Opaque,
    Reader,
    Request,
    Text,
    Thinking,
)

__all__ = ["alone", "chat", "count", "embed", "fault", "models", "read", "read_count", "read_embeddings"]
__all__ += ["read_models", "readable", "reader", "takes"]

_VIDEO = {"video", "video_url"}
_TAKEN = ABILITIES - {"audio", "audio_url", "file_id", "image_id", *_VIDEO} | {
    "temperature",
    "top_p",
    "tool_choice",
    "effort",
    "detail",
    "verbosity",
}
_TAKEN |= {"logprobs", "top_logprobs", "service_tier", "moderation"}
# Models that OpenAI offers only here, by its own list and its naming scheme.
_ALONE = re.compile(
    r"(^|/)(codex-|computer-use-|gpt-daybreak-|(gpt-[\d.]+|o\d+)(-mini)?-(codex|pro|deep-research|cyber)(-|$))"
)
# Models that think: for others the API refuses to return encrypted thinking.
_THINKING = re.compile(r"(^|/)(o\d|gpt-(?!4|3)\d|codex|computer-use)(?!.*chat)")
# The fields that are counted.
_COUNTED = frozenset({"model", "input", "instructions", "personality", "tools", "tool_choice", "parallel_tool_calls"})
_COUNTED |= {"reasoning", "text", "truncation"}
# Fields with another name here.
_NAMES = {"verbosity": "text.verbosity"}
_IN_INCLUDE = ("logprobs", "include")


def alone(model: str) -> bool:
    """Whether a model is known to be available only in this format."""
    return bool(_ALONE.search(model))


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """It supports every field of its own format, and of others those that can be translated."""
    if name in _VIDEO and is_openai(endpoint.base_url):
        return False
    if name.startswith(f"{fields.OWN} "):  # an item or a tool of its own
        return True
    if request.source == fields.OWN or (not request.source and name in request.extra):
        return name != "audio_url"
    if name == "file_id":
        return request.source in ("openai_chat", "")  # whose clients name files that OpenAI keeps
    return name in _TAKEN or (name == "thinking_budget" and not request.effort)


def chat(request: Request, endpoint: Endpoint) -> Call:
    """A streamed response: the body of a client of this format unchanged, else a translated one."""
    official = is_openai(endpoint.base_url)
    unchanged = _unchanged_body(request)
    body = {**(_body(request, endpoint) if unchanged is None else unchanged), "model": endpoint.model, "stream": True}
    if body.get("store") is None:
        body["store"] = False
    if official:  # obfuscation pads every event with random characters
        body["stream_options"] = {"include_obfuscation": False, **reading.mapping(body.get("stream_options"))}
    if included := _included(body, request, endpoint):
        body["include"] = included
    sent = {**chat_client.headers(endpoint), **(request.headers if request.source == fields.OWN else {})}
    return Call(f"{endpoint.base_url}/responses", body, sent)


def count(request: Request, endpoint: Endpoint) -> Call:
    """`POST /responses/input_tokens`: only the fields of the prompt."""
    call = chat(request, endpoint)
    kept = {name: value for name, value in call.json.items() if name in _COUNTED}
    return replace(call, url=f"{call.url}/input_tokens", json=kept)


def read_count(body: Any) -> int | None:
    """`input_tokens`."""
    return reading.count(reading.mapping(body).get("input_tokens"))


def reader(request: Request) -> Reader:
    """A reader of one response, whose items come in pieces and whole."""
    del request
    return ResponseReader()


def fault(status: int, body: Any) -> Fault:
    """`{"error": {message, type, param, code}}`, as in chat completions."""
    return faults.fault(status, body)


def _unchanged_body(request: Request) -> Mapping[str, Any] | None:
    """The client's own body, unless it holds content that was sealed here."""
    unchanged = conversation.unchanged_body(request, "openai_responses")
    given = (unchanged or {}).get("input")
    sealed = (proofs.is_sealed(item.get("encrypted_content")) for item in reading.mappings(given))
    return None if any(sealed) else unchanged


def _included(body: Mapping[str, Any], request: Request, endpoint: Endpoint) -> list[Any]:
    """`include`, with encrypted thinking added: it must come with the answer, as nothing is stored."""
    given = body.get("include")
    included = list(given) if isinstance(given, list) else []
    thinks = _thinks(request, endpoint.model) and fields.SEALED not in included
    return [*included, fields.SEALED] if thinks else included


def _thinks(request: Request, model: str) -> bool:
    proved = (_is_thought(part) for message in request.messages for part in message.parts)
    return bool(_THINKING.search(model)) or request.effort not in ("", "none") or any(proved)


def _is_thought(part: object) -> bool:
    if isinstance(part, Opaque):
        return part.origin == fields.OWN and part.value.get("type") == "reasoning"
    return isinstance(part, Thinking) and part.origin == fields.OWN and bool(part.signature)


def _body(request: Request, endpoint: Endpoint) -> dict[str, Any]:
    if not (is_openai(endpoint.base_url) or request.source == fields.OWN):
        request = request.narrowed()
    known = partial(takes, request=request, endpoint=endpoint)
    messages = conversation.known(conversation.linked(request.messages), known)
    first = _instructions(messages)
    definitions = [_tool(tool, request, endpoint) for tool in conversation.tools(request, known)]
    customs = {str(tool["name"]) for tool in definitions if tool.get("type") == "custom"}
    items = InputItems(customs, proves=is_openai(endpoint.base_url))
    body: dict[str, Any] = {"input": list(items.of(messages[1:] if first else messages))}
    if first:
        body["instructions"] = first
    numbers = {"temperature": request.temperature, "top_p": request.top_p, "max_output_tokens": request.max_tokens}
    body |= {name: value for name, value in numbers.items() if value is not None}
    if form := _format(request):
        body["text"] = {"format": form}
    if effort := chat_client.effort(request):
        body["reasoning"] = {"effort": effort}
    if definitions:
        body["tools"] = definitions
        if request.parallel_tool_calls is False:
            body["parallel_tool_calls"] = False
        if request.tool_choice is not None:
            body["tool_choice"] = _choice(request.tool_choice, customs)
    return _completed(body, request, known)


def _completed(body: dict[str, Any], request: Request, known: partial[bool]) -> dict[str, Any]:
    """The body with the fields that only some formats have, and with those that change no answer."""
    extra = {_NAMES.get(n, n): v for n, v in request.further(known).items() if n not in _IN_INCLUDE}
    included = request.extra.get("include", [])
    if request.extra.get("logprobs") and known("logprobs"):
        included = [*included, fields.LOGPROBS]
    if included and known("include" if request.source == fields.OWN else "logprobs"):
        body["include"] = included
    own = request.source == fields.OWN
    unkeyed = {
        n: v for n, v in request.unkeyed.items() if own or (n in fields.IGNORED and n not in ("store", "metadata"))
    }
    return reading.beside(body, extra | (unkeyed if own or request.source == "openai_chat" else {}))


def _instructions(messages: list[Message]) -> str:
    """The text of the first message, if it is a system message with only one text; else empty."""
    match messages[:1]:
        case [Message(role="system", parts=(Text(text, hints),), hints=more)] if not (hints or more):
            return text
    return ""


def _tool(tool: Mapping[str, Any], request: Request, endpoint: Endpoint) -> dict[str, Any]:
    """A function, the client's custom tool, or one of the format's own, unchanged."""
    if "function" not in tool:
        return dict(tool)
    own = request.source == fields.OWN
    function, more = reading.mapping(tool["function"]), dict(_beside(tool))
    if (own or is_openai(endpoint.base_url)) and (custom := custom_tools.described(function)):
        said, grammar = custom
        return {"type": "custom", **said, **({"format": {"type": "grammar", **grammar}} if grammar else {}), **more}
    # The API's default is strict, which few schemas support.
    defaults = {} if own else {"parameters": {"type": "object", "properties": {}}, "strict": False}
    given = {name: value for name, value in function.items() if value is not None}
    return {"type": "function", **defaults, **given, **more}


def _beside(tool: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in tool.items() if name not in ("type", "function"))


def _choice(choice: str | Mapping[str, Any], customs: set[str]) -> str | dict[str, Any]:
    if some := tool_choice.several(choice):
        return {"type": "allowed_tools", "mode": some[0], "tools": [_choice(tool, customs) for tool in some[1]]}
    if isinstance(choice, str) or "function" not in choice:
        return choice if isinstance(choice, str) else dict(choice)
    name = reading.mapping(choice["function"]).get("name")
    return {"type": "custom" if name in customs else "function", "name": name}


def _format(request: Request) -> dict[str, Any] | None:
    if request.schema is None:
        return {"type": "json_object"} if request.json_mode else None
    schema = dict(request.schema)
    guaranteed = request.strict is not False and schemas.strict(schema)
    return {"type": "json_schema", "name": request.schema_name or "answer", "schema": schema, "strict": guaranteed}
