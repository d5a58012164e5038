"""The embedded model: llama.cpp's server speaks OpenAI's format, and a small model takes text alone."""

from dataclasses import replace

from samplemind_cli.ai.providers import openai
from samplemind_cli.ai.providers.openai import fault, read
from samplemind_cli.ai.types import Ability, Call, Endpoint, Request

__all__ = ["TAKES", "chat", "fault", "read"]

# A schema becomes a grammar, so even a small model keeps to it; SmolLM2's template knows no tools.
TAKES: frozenset[Ability] = frozenset({"schema"})
LONGEST = 1024  # tokens; left alone, a small model repeats itself until its context is full
# What its makers used (huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct), and the cure for repetition.
TEMPERATURE = 0.2
SAMPLING = {"top_p": 0.9, "repeat_penalty": 1.15, "repeat_last_n": 256}


def chat(request: Request, endpoint: Endpoint) -> Call:
    """OpenAI's call, with the limits and the sampling that a small model needs where the request says nothing."""
    temperature = TEMPERATURE if request.temperature is None else request.temperature
    call = openai.chat(replace(request, max_tokens=request.max_tokens or LONGEST, temperature=temperature), endpoint)
    return replace(call, json=call.json | SAMPLING)
