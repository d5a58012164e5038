"""What an answer costs: the user's own prices, else those that `genai-prices` knows."""

import importlib.util
import time
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from samplemind_cli.errors import UsageError
from samplemind_cli.ledger import token_limits
from samplemind_cli.providers import ROWS, Row

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, PriceCalculation

INSTALL = "pip install 'samplemind-cli[prices]'"
FILE = "prices.toml"  # beside the user's config file: ["provider/model"] input = 1.0, output = 2.0, cached = 0.1
_PRICES = ("input", "output", "cached", "cache_write")
_LIMITS = ("context", "max_output")
LARGEST = 2_000_000  # tokens: the largest context of any model on the market
_FAR = 32_503_680_000.0  # the year 3000, as a clock may be wrong


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens of one or many calls. `input`: the whole prompt, of which all but `output` are parts.

    `cached`: read from the provider's cache; `written`: to it; `hour`: those of `written` kept for an hour.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    written: int = 0
    hour: int = 0
    audio: int = 0


class Prices:
    """Prices by model, in US dollars. Local models are free; None where a price is not known.

    Public prices are those of the time `at` (unix seconds), by default now; the user's own do not depend on time.
    """

    def __init__(self, config_dir: str, rows: Iterable[Row] = ROWS) -> None:
        self._own = _own(Path(config_dir, FILE)) if config_dir else {}
        self._rows = {row.name: row for row in rows}

    def dollars(self, provider: str, model: str, tokens: Tokens, at: float | None = None) -> float | None:
        """What these tokens cost."""
        if own := self._priced(provider, model):
            return _counted(own, tokens)
        row = self._rows.get(provider)
        if row and row.local:
            return 0.0
        return _public(self._public_name(provider), model, tokens, self.period(provider, model, at))

    def period(self, provider: str, model: str, at: float | None = None) -> datetime | None:
        """A time that stands for the whole period with the same price; None if the price has never changed."""
        history = None if self._is_fixed(provider, model) else _history(self._public_name(provider), model)
        return history.moment(time.time() if at is None else at) if history else None

    def _is_fixed(self, provider: str, model: str) -> bool:
        """Whether public prices do not apply."""
        row = self._rows.get(provider)
        return bool(self._priced(provider, model) or (row and row.local))

    def _priced(self, provider: str, model: str) -> Mapping[str, float]:
        """The user's own price."""
        return self._own.get(f"{provider}/{model}") or self._own.get(model) or {}

    def _public_name(self, provider: str) -> str:
        row = self._rows.get(provider)
        return row.price_list or provider if row else provider

    def most(self, provider: str, model: str, tokens: Tokens, at: float | None = None) -> float | None:
        """What these tokens cost at most, however many of them the provider writes to its cache."""
        plain = replace(tokens, written=0, hour=0)
        hours = (0, tokens.input) if tokens.hour else (0,)
        kinds = (plain, *(replace(plain, written=plain.input, hour=hour) for hour in hours))
        first, *others = (self.dollars(provider, model, kind, at) for kind in kinds)
        return None if first is None else max([first, *(dollars for dollars in others if dollars is not None)])

    def steps(self, provider: str, model: str, at: float | None = None) -> tuple[int, ...]:
        """The prompt lengths, in tokens, above which another price applies to all tokens of a call."""
        if self._is_fixed(provider, model):
            return ()
        return _steps(self._public_name(provider), model, self.period(provider, model, at))

    def context(self, provider: str, model: str) -> int:
        """The most tokens of a prompt and its answer together; `LARGEST` where that is not published."""
        own = self._priced(provider, model).get("context")
        public = _model(self._public_name(provider), model)
        published = token_limits.context(provider, model) or (public.context_window if public else None)
        return int(own or published or LARGEST)

    def longest_answer(self, provider: str, model: str) -> int:
        """The most tokens of an answer: from the user's file, as published, else the model's context."""
        own = self._priced(provider, model).get("max_output")
        return int(own or token_limits.longest_answer(provider, model) or self.context(provider, model))

    @property
    def known(self) -> bool:
        """Whether public prices can be looked up."""
        return importlib.util.find_spec("genai_prices") is not None


def _counted(price: Mapping[str, float], tokens: Tokens) -> float:
    """Dollars at the user's own prices, which are per million tokens."""
    plain, each = max(0, tokens.input - tokens.cached - tokens.written), price["input"]
    cost = plain * each + tokens.cached * price.get("cached", each) + tokens.written * price.get("cache_write", each)
    return (cost + tokens.output * price["output"]) / 1e6


@lru_cache(4096)
def _public(provider: str, model: str, tokens: Tokens, moment: datetime | None) -> float | None:
    counts = {
        "input_tokens": tokens.input,
        "output_tokens": tokens.output,
        "cache_read_tokens": tokens.cached,
        "cache_write_tokens": tokens.written,
    }
    parts = {"cache_write_1h_tokens": tokens.hour, "input_audio_tokens": tokens.audio}
    counts |= {name: count for name, count in parts.items() if count}
    calculation = _calculate(provider, model, moment, **counts)
    return float(calculation.total_price) if calculation else None


@lru_cache(1024)
def _model(provider: str, model: str) -> "ModelInfo | None":
    """A model in the public price list."""
    calculation = _calculate(provider, model)
    return calculation.model if calculation else None


def _calculate(provider: str, model: str, moment: datetime | None = None, **counts: int) -> "PriceCalculation | None":
    """What genai-prices says of a call; None for an unknown model, or where the package is not installed."""
    try:
        from genai_prices import Usage, calc_price
    except ImportError:
        return None
    usage, name = Usage(**counts), model.removeprefix("models/")
    try:
        return calc_price(usage, model_ref=name, provider_id=provider, genai_request_timestamp=moment)
    except (LookupError, ValueError):
        return None


@lru_cache(256)
def _steps(provider: str, model: str, moment: datetime | None) -> tuple[int, ...]:
    public = _model(provider, model)
    prices = vars(public.get_prices(moment or datetime.now(UTC))).values() if public else ()
    return tuple(sorted({tier.start for price in prices for tier in getattr(price, "tiers", ())}))


class _History:
    """The periods of a model's prices, each represented by the first time in it that was asked for."""

    def __init__(self, model: "ModelInfo") -> None:
        self._model = model
        self._moments: dict[int, datetime] = {}

    def moment(self, at: float) -> datetime:
        when = datetime.fromtimestamp(min(max(at, 0.0), _FAR), UTC)
        return self._moments.setdefault(id(self._model.get_prices(when)), when)


@lru_cache(1024)
def _history(provider: str, model: str) -> _History | None:
    """A model's price history; None if its price has never changed, or is unknown."""
    public = _model(provider, model)
    return _History(public) if public and isinstance(public.prices, list) else None


def _own(path: Path) -> dict[str, dict[str, float]]:
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read the prices in {path}: {error}", f"fix or move {path}") from error
    return {model: _price(path, model, table) for model, table in tables.items()}


def _price(path: Path, model: str, table: Any) -> dict[str, float]:
    example = '["openai/my-model"] input = 1.0, output = 2.0: dollars per million tokens'
    wrong = not isinstance(table, dict) or not {"input", "output"} <= set(table) <= {*_PRICES, *_LIMITS}
    if wrong or not all(isinstance(value, int | float) and value >= 0 for value in table.values()):
        raise UsageError(f"{path}: {model!r} has no price", example)
    return {name: float(value) for name, value in table.items()}
