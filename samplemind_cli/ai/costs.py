"""What an answer cost."""

from functools import lru_cache
from typing import TYPE_CHECKING

from samplemind_cli.ai.types import Answer, Usage
from samplemind_cli.settings import Settings

if TYPE_CHECKING:
    from samplemind_cli.ledger.prices import Prices, Tokens


def dollars(settings: Settings, answer: Answer) -> float | None:
    """In US dollars; 0 for a cached answer or a local model, None where the price is unknown.

    The first price of a hosted model takes a moment: the price list is loaded.
    """
    if answer.cached:
        return 0.0
    return _prices(settings).dollars(answer.provider, answer.model, tokens(answer.usage))


def tokens(usage: Usage) -> "Tokens":
    """The counted tokens by price category; uncounted ones are 0."""
    from samplemind_cli.ledger.prices import Tokens

    counts = (usage.input_tokens, usage.output_tokens, usage.cached_tokens, usage.cache_write_tokens)
    return Tokens(*(count or 0 for count in counts))


@lru_cache(4)
def _prices(settings: Settings) -> "Prices":
    from samplemind_cli.ledger.prices import Prices

    return Prices(settings.config_dir, settings.rows)
