"""What an answer costs: the user's own prices, else those that `genai-prices` knows."""

import importlib.util
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.providers import ROWS, Row

INSTALL = "pip install 'samplemind-cli[prices]'"
FILE = "prices.toml"  # beside the user's config file: ["provider/model"] input = 1.0, output = 2.0, cached = 0.1
_FIELDS = ("input", "output", "cached", "cache_write")


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one or many answers. `input` is the whole prompt; `cached` and `written` are parts of it."""

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0


class Prices:
    """Prices by model, in US dollars. Local models are free; None where a price is not known."""

    def __init__(self, config_dir: str, rows: Iterable[Row] = ROWS) -> None:
        self._own = _own(Path(config_dir, FILE)) if config_dir else {}
        self._rows = {row.name: row for row in rows}

    def dollars(self, provider: str, model: str, tokens: Tokens) -> float | None:
        """What these tokens cost."""
        own = self._own.get(f"{provider}/{model}") or self._own.get(model)
        if own:
            return _counted(own, tokens)
        row = self._rows.get(provider)
        if row and row.local:
            return 0.0
        return _public(row.price_list or provider if row else provider, model, tokens)

    @property
    def known(self) -> bool:
        """Whether public prices can be looked up."""
        return importlib.util.find_spec("genai_prices") is not None


def _counted(price: Mapping[str, float], tokens: Tokens) -> float:
    """By the user's own price, per million tokens."""
    plain = max(0, tokens.input - tokens.cached - tokens.written)
    asked = price["input"]
    cost = plain * asked + tokens.cached * price.get("cached", asked) + tokens.written * price.get("cache_write", asked)
    return (cost + tokens.output * price["output"]) / 1e6


@lru_cache(4096)
def _public(provider: str, model: str, tokens: Tokens) -> float | None:
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    usage = Usage(
        input_tokens=tokens.input,
        output_tokens=tokens.output,
        cache_read_tokens=tokens.cached,
        cache_write_tokens=tokens.written,
    )
    try:
        found = calc_price(usage, model_ref=model.removeprefix("models/"), provider_id=provider)
    except (LookupError, ValueError):
        return None
    return float(found.total_price)


def _own(path: Path) -> dict[str, dict[str, float]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the prices in {path}: {error}", f"fix or move {path}") from error
    return {model: _price(path, model, table) for model, table in tables.items()}


def _price(path: Path, model: str, table: Any) -> dict[str, float]:
    example = '["openai/my-model"] input = 1.0, output = 2.0: dollars per million tokens'
    wrong = not isinstance(table, dict) or not {"input", "output"} <= set(table) <= set(_FIELDS)
    if wrong or not all(isinstance(value, int | float) and value >= 0 for value in table.values()):
        raise UsageError(f"{path}: {model!r} has no price", example)
    return {name: float(value) for name, value in table.items()}
