"""The longest answers of hosted models, as published by their makers.

Taken on 2026-11-30 from the table in litellm 1.110.2, and checked against the makers' own pages, named below. A name
covers itself and its dated versions only: another model of the family may write more, as gpt-5-pro does. Nor does it
cover the same model at another host, which has its own limit. Claude needs no entry: each request to it sets a limit.
"""

import re

_VERSION = re.compile(r"-(\d{4}-\d{2}-\d{2}|\d{3})$")
_TUNED = re.compile(r"^ft:([^:]+):.*")  # ft:gpt-4o-mini-2024-07-18:my-org::id

# Tokens of one answer, thinking included, by provider.
_ANSWERS: dict[str, dict[int, tuple[str, ...]]] = {
    # https://developers.openai.com/api/docs/models/NAME: "max output tokens"
    "openai": {
        272_000: ("gpt-5-pro",),
        128_000: (
            *("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-codex", "gpt-5-search-api"),
            *("gpt-5.1", "gpt-5.1-codex", "gpt-5.1-codex-max", "gpt-5.1-codex-mini"),
            *("gpt-5.2", "gpt-5.2-codex", "gpt-5.2-pro", "gpt-5.3-codex"),
            *("gpt-5.4", "gpt-5.4-mini", "gpt-5.4-nano", "gpt-5.4-pro", "gpt-5.5", "gpt-5.5-pro"),
            *("gpt-5.6", "gpt-5.6-luna", "gpt-5.6-sol", "gpt-5.6-terra"),
            *("gpt-6-astra", "gpt-6-luna", "gpt-6-sol", "gpt-6.1-sol", "gpt-6.1-terra"),
        ),
        100_000: ("o1", "o1-pro", "o3", "o3-mini", "o3-pro", "o3-deep-research", "o4-mini", "o4-mini-deep-research"),
        32_768: ("gpt-4.1", "gpt-4.1-mini", "gpt-4.1-nano"),
        16_384: (
            *("gpt-5-chat-latest", "gpt-5.1-chat-latest", "gpt-5.2-chat-latest", "gpt-5.3-chat-latest"),
            *("gpt-4o", "gpt-4o-mini", "gpt-4o-search-preview", "gpt-4o-mini-search-preview", "gpt-audio"),
        ),
        4_096: ("gpt-4-turbo", "gpt-3.5-turbo"),
    },
    # https://ai.google.dev/gemini-api/docs/models: "output token limit"; gemini-4-argon shares its million with the
    # prompt (https://ai.google.dev/gemini-api/docs/generate-content/latest-model), and so has none of its own
    "gemini": {
        65_536: (
            *("gemini-flash-latest", "gemini-flash-lite-latest", "gemini-pro-latest"),
            *("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash-preview"),
            *("gemini-3.1-pro-preview", "gemini-3.1-pro-preview-customtools", "gemini-3.1-flash-lite"),
            *("gemini-3.5-flash", "gemini-3.5-flash-lite", "gemini-3.6-flash", "gemini-3.7-flash", "gemini-3.8-flash"),
        ),
        8_192: ("gemini-2.0-flash", "gemini-2.0-flash-lite"),
    },
}
# Contexts that are too small in the price list: DeepSeek's names point to its latest models, whose context is a million
# tokens (https://api-docs.deepseek.com/quick_start/pricing).
_CONTEXTS = {"deepseek": {"deepseek-chat": 1_000_000, "deepseek-reasoner": 1_000_000}}
_LONGEST = {
    provider: {name: tokens for tokens, names in answers.items() for name in names}
    for provider, answers in _ANSWERS.items()
}


def longest_answer(provider: str, model: str) -> int | None:
    """The most tokens of one answer; None if not published."""
    return _of(_LONGEST.get(provider, {}), model)


def context(provider: str, model: str) -> int | None:
    """The most tokens of a prompt and its answer, if the price list is wrong about it; else None."""
    return _of(_CONTEXTS.get(provider, {}), model)


def _of(limits: dict[str, int], model: str) -> int | None:
    name = _TUNED.sub(r"\1", model.removeprefix("models/"))
    return limits.get(name) or limits.get(_VERSION.sub("", name))
