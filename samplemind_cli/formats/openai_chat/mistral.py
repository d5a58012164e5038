"""Mistral: OpenAI's chat completions without the fields that it refuses (docs.mistral.ai/api)."""

from dataclasses import replace

from samplemind_cli.formats.openai_chat import client
from samplemind_cli.formats.openai_chat.client import embed, fault, models, read_embeddings, read_models, reader
from samplemind_cli.formats.openai_chat.events import read, readable
from samplemind_cli.formats.types import PARAMETERS, Call, Endpoint, Request

__all__ = ["chat", "embed", "fault", "models", "read", "read_embeddings", "read_models", "readable", "reader", "takes"]

# It answers 422 to unknown fields; the last event has the usage without a request for it.
_TAKEN = client.TAKEN | {
    *PARAMETERS,
    "temperature",
    "tool_choice",
    "n",
}
_TAKEN |= {"prediction", "prompt_mode", "safe_prompt"}


def takes(name: str, request: Request, endpoint: Endpoint) -> bool:
    """Only the documented fields."""
    del request, endpoint
    return name in _TAKEN


def chat(request: Request, endpoint: Endpoint) -> Call:
    """OpenAI's call, with Mistral's names."""
    extra = {name: value for name, value in request.extra.items() if name in _TAKEN}
    tools = tuple(tool for tool in request.tools if "function" in tool)
    adapted = replace(
        request,
        tools=tools,
        extra=extra,
        unkeyed={},
        body=None,
        effort="",
        thinking_budget=None,
        max_tokens_field="max_tokens",
    )
    call = client.chat(adapted, endpoint)
    body = {("random_seed" if name == "seed" else name): value for name, value in call.json.items()}
    del body["stream_options"]
    if body.get("tool_choice") == "required":
        body["tool_choice"] = "any"
    return replace(call, json=body)
