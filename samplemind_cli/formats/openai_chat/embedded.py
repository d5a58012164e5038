"""The embedded model: llama.cpp's server has OpenAI's format, and a small model supports only text."""

import re
from dataclasses import replace
from typing import Any

from samplemind_cli.formats.openai_chat import client
from samplemind_cli.formats.openai_chat.client import embed, models, read_embeddings, read_models, reader
from samplemind_cli.formats.openai_chat.events import read, readable
from samplemind_cli.formats.types import Call, Endpoint, Fault, Request

__all__ = ["chat", "embed", "fault", "models", "read", "read_embeddings", "read_models", "readable", "reader", "takes"]

# A schema becomes a grammar, so even a small model follows it; SmolLM2's template has no tools.
_TAKEN = frozenset({"schema", "top_p", "stop", "seed", "presence_penalty", "frequency_penalty", "temperature"})
_TAKEN |= {"grammar", "top_k", "min_p", "typical_p", "repeat_penalty", "logit_bias"}
LONGEST = 1024  # tokens; without a limit, a small model repeats itself until its context is full
# Its authors' sampling (huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), and a penalty against repetition.
TEMPERATURE = 0.2
SAMPLING = {"top_p": 0.9, "repeat_penalty": 1.15, "repeat_last_n": 256}
# The engine's error for a text that is too long to embed, a 500 (llama.cpp's tools/server/server-context.cpp).
_TOO_LARGE = re.compile(r"input \((\d+) tokens\) is too large to process.*batch size: (\d+)")


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """It supports only text and sampling."""
    del request, endpoint
    return name in _TAKEN


def chat(request: Request, endpoint: Endpoint) -> Call:
    """OpenAI's call, with default limits and sampling for a small model."""
    temperature = TEMPERATURE if request.temperature is None else request.temperature
    extra = {name: value for name, value in request.extra.items() if name in _TAKEN}
    adapted = replace(
        request,
        tools=(),
        max_tokens=request.max_tokens or LONGEST,
        temperature=temperature,
        extra=extra,
        unkeyed={},
        body=None,
        effort="",
        thinking_budget=None,
    )
    call = client.chat(adapted, endpoint)
    return replace(call, json=SAMPLING | call.json)


def fault(status: int, body: Any) -> Fault:
    """OpenAI's shape; a text too long to embed is reported without the engine's internals."""
    fault = client.fault(status, body)
    if numbers := _TOO_LARGE.search(fault.message):
        return Fault(
            "too_long", f"a text of {numbers[1]} tokens is too long for this embedding model: at most {numbers[2]}"
        )
    return fault
