"""Faults: their kinds, their notation, and which requests they apply to."""

import re
import time
from dataclasses import dataclass, field
from email.utils import formatdate

from samplemind_cli.errors import UsageError

PROVIDERS = ("ollama", "openai", "anthropic", "gemini")
# Beside these, any status from 400 to 599 is a kind.
KINDS = (
    "auth",  # the key is refused
    "credit",  # no credit left
    "too-long",  # the prompt does not fit the model's context
    "drop",  # the connection closes before the first byte
    "stall",  # no answer is ever sent
    "cut",  # the connection closes in the middle
    "freeze",  # the answer stops in the middle and the connection stays open
    "short",  # the answer ends in the middle as if it were complete
    "garbage",  # bytes in the middle that are not JSON
    "error",  # an error inside a 200
    "length",  # the answer is cut off by the token limit
    "refusal",  # the model refuses; in Ollama's format, which has no refusals, the answer is empty
    "filter",  # a safety filter stops the answer; in Ollama's format, which has none, it stops early
    "thinking",  # the model thinks and answers nothing
)
MIDWAY = frozenset({"cut", "freeze", "short", "garbage", "error"})
FORM = re.compile(r"(?:(?P<provider>\w+)/)?(?P<kind>[\w-]+)(?::(?P<amount>[\d.]+%?))?(?:@(?P<retry>[\w.+]+))?")
HINT = "write [PROVIDER/]KIND[:COUNT|:SHARE%][@RETRY_AFTER], for example 429:2@1 or openai/cut:10%; kinds: a status, "


@dataclass
class Fault:
    """One fault, and the requests it applies to: the first `count` (None: all), or a `share` of them, spread evenly;
    of one `provider`, or any.

    `retry_after` is "2" (seconds), "250ms" (the header `retry-after-ms`) or "date+2" (an HTTP date, in two seconds).
    """

    kind: str
    count: int | None = None
    share: float = 1.0
    provider: str = ""
    retry_after: str = ""
    _seen: int = field(default=0, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Fault":
        """The fault written as `[PROVIDER/]KIND[:COUNT|:SHARE%][@RETRY_AFTER]`. Raises UsageError."""
        match = FORM.fullmatch(text.strip())
        kind = match["kind"] if match else ""
        if not match or not (kind in KINDS or re.fullmatch(r"[45]\d\d", kind)):
            raise UsageError(f"{text!r} is not a fault", HINT + ", ".join(KINDS))
        if match["provider"] and match["provider"] not in PROVIDERS:
            raise UsageError(f"{text!r}: no such provider", f"one of {', '.join(PROVIDERS)}")
        amount, retry_after = match["amount"] or "", match["retry"] or ""
        if not re.fullmatch(r"\d*|[\d.]+ms|date\+\d+", retry_after):
            raise UsageError(f"{text!r}: no such Retry-After", "write 2 (seconds), 250ms, or date+2")
        try:
            share = float(amount[:-1]) / 100 if amount.endswith("%") else 1.0
            count = None if not amount or amount.endswith("%") else int(amount)
        except ValueError:
            raise UsageError(f"{text!r}: {amount} is not an amount", "write 2 or 10%") from None
        return cls(kind, count, share, match["provider"] or "", retry_after)

    def takes(self, provider: str) -> bool:
        """Whether it applies to this request; each call counts as one request."""
        if self.provider not in ("", provider) or self.count == 0:
            return False
        if self.count is not None:
            self.count -= 1
            return True
        self._seen += 1
        return int(self._seen * self.share) > int((self._seen - 1) * self.share)

    @property
    def status(self) -> int:
        """The HTTP status it names, or 0."""
        return int(self.kind) if self.kind.isdecimal() else 0

    def headers(self) -> dict[str, str]:
        """Its Retry-After as a response header."""
        value = self.retry_after
        if value.endswith("ms"):
            return {"retry-after-ms": value[:-2]}
        if value.startswith("date+"):
            return {"Retry-After": formatdate(time.time() + int(value[5:]), usegmt=True)}
        return {"Retry-After": value} if value else {}
