"""The generationConfig of a request."""

import re
from typing import Any

from samplemind_cli.formats.openai_chat import forms
from samplemind_cli.formats.types import Request

# Its names for our fields.
CONFIG = {
    "temperature": "temperature",
    "max_tokens": "maxOutputTokens",
    "top_p": "topP",
    "stop": "stopSequences",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
EXTRA = {"top_k": "topK", "n": "candidateCount", "logprobs": "responseLogprobs", "top_logprobs": "logprobs"}
# Fields that no other format has.
CONFIG_ONLY = frozenset(
    {
        "candidateCount",
        "enableEnhancedCivicAnswers",
        "imageConfig",
        "mediaResolution",
        "responseLogprobs",
        "responseModalities",
        "speechConfig",
        "thinkingConfig",
    }
)
SCHEMA = "responseSchema"  # Gemini's own kind of schema
# Gemini 2.5 thinks within a budget of tokens, later models at a level (ai.google.dev/gemini-api/docs/thinking).
_BUDGETED = re.compile(r"gemini-(1|2)")
_BUDGETS = {"none": 0, "minimal": 512, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576, "max": 24_576}
_LEVELS = {"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM"}


def config(request: Request, model: str) -> dict[str, Any]:
    """The generationConfig for a request and a model."""
    config_fields: dict[str, Any] = {
        theirs: list(value) if name == "stop" else value
        for name, theirs in CONFIG.items()
        if (value := getattr(request, name)) not in (None, ())
    }
    if request.schema is not None:
        given = request.unkeyed.get(SCHEMA) if request.source == "gemini" else None
        schema = {"responseJsonSchema": dict(request.schema)} if given is None else {SCHEMA: given}
        config_fields |= {"responseMimeType": "application/json", **schema}
    elif request.json_mode:
        config_fields["responseMimeType"] = "application/json"
    elif found := forms.choices(request.extra):
        config_fields |= {"responseMimeType": "text/x.enum", SCHEMA: {"type": "STRING", "enum": found}}
    if request.effort or request.thinking_budget is not None:
        config_fields["thinkingConfig"] = _thinking(request, model)
    extra = request.extra
    config_fields |= {theirs: extra[ours] for ours, theirs in EXTRA.items() if ours in extra}
    own = request.source in ("gemini", "")
    return config_fields | ({name: extra[name] for name in CONFIG_ONLY if name in extra} if own else {})


def _thinking(request: Request, model: str) -> dict[str, Any]:
    if request.thinking_budget is not None:
        return {"thinkingBudget": request.thinking_budget, "includeThoughts": request.thinking_budget != 0}
    shown = {"includeThoughts": request.effort != "none"}
    if _BUDGETED.match(model):
        return {"thinkingBudget": _BUDGETS.get(request.effort, -1), **shown}
    return {"thinkingLevel": _LEVELS.get(request.effort, "HIGH"), **shown}
