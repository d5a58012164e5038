"""What hosted models cost: the one table, with its date and source."""

from samplemind_cli.ai.types import Usage

# US dollars per million tokens, input and output: the providers' own pricing pages for standard, uncached requests, as
# they stood on this day. A name that moves from model to model (gemini-flash-latest) has no price of its own.
AS_OF = "2026-06"
PER_MILLION = {
    "claude-sonnet-5-5": (3.00, 15.00),  # Anthropic's "Pricing"
    "gpt-6-luna": (0.10, 0.50),  # OpenAI's "API pricing"
}


def dollars(model: str, usage: Usage) -> float | None:
    """What an answer of `model` costs; None when its price or its tokens are not known."""
    price = PER_MILLION.get(model)
    if price is None or usage.input_tokens is None or usage.output_tokens is None:
        return None
    return (usage.input_tokens * price[0] + usage.output_tokens * price[1]) / 1e6
