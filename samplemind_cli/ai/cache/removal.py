"""Which stored answers are to be removed."""

from dataclasses import dataclass

from samplemind_cli.ai.cache.entry import PREFIX, Entry
from samplemind_cli.errors import UsageError

TIERS = ("local", "redis")


@dataclass(frozen=True, slots=True)
class Removal:
    """Answers of a provider, of a model (also as PROVIDER/MODEL), stored `before` (unix seconds), under `keys`.

    What is not said chooses none; `tier`: in this one alone.
    """

    provider: str = ""
    model: str = ""
    tier: str = ""
    before: float | None = None
    keys: frozenset[str] | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for a tier that there is not."""
        if self.tier not in ("", *TIERS):
            raise UsageError(f"there is no tier {self.tier!r}", f"tiers: {', '.join(TIERS)}")

    @property
    def everything(self) -> bool:
        """Whether nothing is chosen but perhaps a tier."""
        return not (self.provider or self.reads)

    @property
    def reads(self) -> bool:
        """Whether an answer's file must be read to know that it is meant."""
        return bool(self.model) or self.before is not None or self.keys is not None

    def takes(self, entry: Entry) -> bool:
        """Whether this answer is meant."""
        provider = entry.key.removeprefix(PREFIX).rpartition(":")[0]
        named = entry.value.get("model") if isinstance(entry.value, dict) else None
        return (
            self.provider in ("", provider)
            and (not self.model or self.model in (named, f"{provider}/{named}"))
            and (self.before is None or entry.stored < self.before)
            and (self.keys is None or entry.key in self.keys)
        )


EVERYTHING = Removal()
