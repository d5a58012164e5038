"""Reads how much a model may think, from the fields of OpenAI and of compatible hosts."""

from collections.abc import Iterator

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import EFFORTS

# Whether a model thinks at all: fields of DeepSeek, GLM, Kimi and Qwen, or of vLLM's chat templates.
_SWITCHES = ("enable_thinking", "thinking", "think")
_LEFT = ("auto", "default")  # efforts that leave it to the model


def effort_and_budget(fields: Fields) -> tuple[str, int | None]:
    """The effort and the budget of tokens; ("", None) if nothing is given that can be translated for every provider.

    OpenAI's `reasoning_effort`; OpenRouter's `reasoning`; `thinking`, `thinking_budget`, `enable_thinking` and
    `chat_template_kwargs` of compatible hosts. Raises BadRequestError.
    """
    reasoning = fields.inner("reasoning")
    effort = fields.get("reasoning_effort", str) or reasoning.get("effort", str) or ""
    if effort not in ("", *EFFORTS, *_LEFT):
        raise fields.wrong("reasoning_effort", f"must be one of {', '.join(EFFORTS)}")
    budget = next(_budgets(fields, reasoning), None)
    if effort or budget is not None:
        return (effort, None) if effort in EFFORTS else ("", budget)
    return next(_switched(fields, reasoning), ""), None


def says_more(fields: Fields, name: str) -> bool:
    """Whether one of OpenAI's and OpenRouter's fields has more than an effort."""
    if name == "reasoning_effort":
        return fields.raw[name] in _LEFT
    known = {"effort": EFFORTS, "enabled": (False,)}
    given = {key: value for key, value in fields.inner(name).raw.items() if value is not None}
    return any(value not in known.get(key, ()) for key, value in given.items())


def _budgets(fields: Fields, reasoning: Fields) -> Iterator[int]:
    given = fields.raw.get("thinking")
    thinking = Fields(given if isinstance(given, dict) else {}, "thinking")
    for holder, name in ((reasoning, "max_tokens"), (thinking, "budget_tokens"), (fields, "thinking_budget")):
        budget = holder.whole(name, -1)
        if budget is not None and budget >= 0:
            yield budget


def _switched(fields: Fields, reasoning: Fields) -> Iterator[str]:
    """The effort that a switch means: "none" if it is off; if it is on, the effort stays open."""
    given = [reasoning.raw.get("enabled"), *(fields.raw.get(name) for name in _SWITCHES)]
    template = fields.raw.get("chat_template_kwargs")
    given += [template.get(name) for name in _SWITCHES] if isinstance(template, dict) else []
    for value in given:
        if value is False or (isinstance(value, dict) and value.get("type") == "disabled"):
            yield "none"
        elif isinstance(value, str) and value in EFFORTS:  # Ollama's `think`
            yield value
