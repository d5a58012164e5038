"""Parses points in time: today, week, 3h, 2026-11-30."""

import re
import time
from datetime import datetime, timedelta

from samplemind_cli.errors import UsageError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def moment(text: str) -> float:
    """Unix seconds. Raises UsageError. A day begins at local midnight, by the time zone's offset of that day."""
    midnight = datetime.now().replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: DTZ005 - each day has its own offset
    named = {
        "all": None,
        "today": midnight,
        "yesterday": midnight - timedelta(days=1),
        "week": midnight - timedelta(days=midnight.weekday()),
        "month": midnight.replace(day=1),
    }
    if text in named:
        start = named[text]
        return start.timestamp() if start else 0.0
    if ago := re.fullmatch(r"(\d{1,6}) ?([smhdw])", text):
        return time.time() - int(ago[1]) * _UNITS[ago[2]]
    try:
        return datetime.fromisoformat(text).astimezone().timestamp()
    except (ValueError, OverflowError, OSError):
        known = "today, yesterday, week, month, all, 3h, 7d or 2026-11-30"
        raise UsageError(f"{text!r} is not a point in time", f"known: {known}") from None
