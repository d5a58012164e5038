"""Who can answer, and the words for a task, for what matters in it, and for how hard to think."""

from enum import StrEnum
from typing import Literal

Task = Literal["genre", "audio", "creative", "factual", "tools"]
Priority = Literal["speed", "quality", "cost"]
ProviderName = Literal["ollama", "gemini", "anthropic", "openai", "embedded"]

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Provider(StrEnum):
    """Who can answer, in the order in which they stand in for each other."""

    OLLAMA = "ollama"
    GEMINI = "gemini"
    CLAUDE = "anthropic"
    OPENAI = "openai"
    EMBEDDED = "embedded"
