"""The mock's settings, which may change while it serves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.faults import Fault


@dataclass(frozen=True)
class Behaviour:
    """Milliseconds until the first byte; tokens per second, 0: all at once; `reply`, None: an echo of the prompt.

    `models`: the names that are accepted; if empty, any name is. The first of `faults` that matches a request applies.
    """

    latency_ms: float = 0.0
    tokens_per_second: float = 0.0
    reply: str | None = None
    models: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = field(default=())

    def changed(self, values: Mapping[str, Any]) -> Self:
        """A copy with other values; a fault may be written as text. Raises UsageError."""
        merged = {**vars(self), **values}
        if unknown := set(values) - set(vars(self)):
            raise UsageError(f"unknown setting: {', '.join(sorted(unknown))}", f"known: {', '.join(vars(self))}")
        try:
            return type(self)(
                _non_negative(merged["latency_ms"]),
                _non_negative(merged["tokens_per_second"]),
                None if merged["reply"] is None else str(merged["reply"]),
                tuple(map(str, _as_list(merged["models"]))),
                tuple(f if isinstance(f, Fault) else Fault.parse(str(f)) for f in _as_list(merged["faults"])),
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"wrong setting: {error}", "numbers are at least 0, models and faults are lists") from None

    def fault_for(self, provider: str) -> Fault | None:
        """The fault that takes this request, if any."""
        return next((fault for fault in self.faults if fault.takes(provider)), None)


def _non_negative(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value} is not a number from 0 up")
    return number


def _as_list(values: Any) -> Iterable[Any]:
    return (values,) if isinstance(values, str | Fault) else values
