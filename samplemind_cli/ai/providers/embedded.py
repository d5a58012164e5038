"""The model in this process: llama.cpp's server speaks OpenAI's format, and a small model takes text alone."""

from samplemind_cli.ai.providers.openai import chat, fault, read
from samplemind_cli.ai.types import Ability

__all__ = ["TAKES", "chat", "fault", "read"]

# A schema becomes a grammar, so even a small model keeps to it; SmolLM2's template knows no tools.
TAKES: frozenset[Ability] = frozenset({"schema"})
