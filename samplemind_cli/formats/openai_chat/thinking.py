"""How much a model may think, in the words of OpenAI and of those who speak its format."""

from collections.abc import Iterator

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.types import EFFORTS

# Whether a model thinks at all, as DeepSeek, GLM, Kimi and Qwen have it, or the chat templates of vLLM.
_SWITCHES = ("enable_thinking", "thinking", "think")
_LEFT = ("auto", "default")  # words of hosts that leave it to the model


def asked(fields: Fields) -> tuple[str, int | None]:
    """The effort and the budget of tokens; ("", None) where nothing is said that every provider could be told.

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
    """Whether one of OpenAI's and OpenRouter's fields says what an effort does not."""
    if name == "reasoning_effort":
        return fields.raw[name] in _LEFT
    known = {"effort": EFFORTS, "enabled": (False,)}
    said = {key: value for key, value in fields.inner(name).raw.items() if value is not None}
    return any(value not in known.get(key, ()) for key, value in said.items())


def _budgets(fields: Fields, reasoning: Fields) -> Iterator[int]:
    given = fields.raw.get("thinking")
    thinking = Fields(given if isinstance(given, dict) else {}, "thinking")
    for holder, name in ((reasoning, "max_tokens"), (thinking, "budget_tokens"), (fields, "thinking_budget")):
        budget = holder.whole(name, -1)
        if budget is not None and budget >= 0:
            yield budget


def _switched(fields: Fields, reasoning: Fields) -> Iterator[str]:
    """The effort that a switch means: none where it is off; that a model may think says not how much."""
    given = [reasoning.raw.get("enabled"), *(fields.raw.get(name) for name in _SWITCHES)]
    template = fields.raw.get("chat_template_kwargs")
    given += [template.get(name) for name in _SWITCHES] if isinstance(template, dict) else []
    for value in given:
        if value is False or (isinstance(value, dict) and value.get("type") == "disabled"):
            yield "none"
        elif isinstance(value, str) and value in EFFORTS:  # Ollama's `think`
            yield value
