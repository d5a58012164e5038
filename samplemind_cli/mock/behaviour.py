"""The mock's settings, which may change while it serves."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.faults import Fault


@dataclass(frozen=True)
class Behaviour:
    """Milliseconds until the first byte; tokens per second, 0: all at once; `reply`, None: an echo of the prompt.

    `models` are those it knows, none: it knows every name. The first of `faults` that matches a request applies.
    """

    latency_ms: float = 0.0
    tokens_per_second: float = 0.0
    reply: str | None = None
    models: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = field(default=())

    def changed(self, values: Mapping[str, Any]) -> Self:
        """A copy with other values; a fault may be written as text. Raises UsageError."""
        known = {**vars(self), **values}
        if unknown := set(values) - set(vars(self)):
            raise UsageError(f"unknown setting: {', '.join(sorted(unknown))}", f"known: {', '.join(vars(self))}")
        try:
            return type(self)(
                _positive(known["latency_ms"]),
                _positive(known["tokens_per_second"]),
                None if known["reply"] is None else str(known["reply"]),
                tuple(map(str, _listed(known["models"]))),
                tuple(f if isinstance(f, Fault) else Fault.parse(str(f)) for f in _listed(known["faults"])),
            )
        except (TypeError, ValueError) as error:
            raise UsageError(f"wrong setting: {error}", "numbers are at least 0, models and faults are lists") from None

    def fault_for(self, provider: str) -> Fault | None:
        """The fault that takes this request, if any."""
        return next((fault for fault in self.faults if fault.takes(provider)), None)


def _positive(value: Any) -> float:
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"{value} is not a number from 0 up")
    return number


def _listed(values: Any) -> Iterable[Any]:
    return (values,) if isinstance(values, str | Fault) else values
