"""Who can answer, and the words by which a task and what matters in it are told."""

from enum import StrEnum
from typing import Literal

Task = Literal["genre", "audio", "creative", "factual", "tools"]
Priority = Literal["speed", "quality", "cost"]
ProviderName = Literal["ollama", "gemini", "anthropic", "openai", "embedded"]


class Provider(StrEnum):
    """Who can answer, in the order in which they stand in for each other."""

    OLLAMA = "ollama"
    GEMINI = "gemini"
    CLAUDE = "anthropic"
    OPENAI = "openai"
    EMBEDDED = "embedded"
