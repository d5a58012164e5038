"""The models as Anthropic's clients list them, page by page."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import reading

UNKNOWN = "1970-01-01T00:00:00Z"  # the API's value for an unknown release date
MOST = 1000  # on a page; the API's own limit


def models(names: Sequence[str], limit: int = MOST, after: str = "", before: str = "") -> bytes:
    """A page of `limit` models after one of them, or right before one; after an unknown name, the first page."""
    rest = list(names)
    if before in rest:
        rest = rest[: rest.index(before)]
        page = rest[-limit:]
    else:
        rest = rest[rest.index(after) + 1 :] if after in rest else rest
        page = rest[:limit]
    ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
    return reading.packed({"data": [_model(name) for name in page], "has_more": len(page) < len(rest), **ends})


def model(name: str) -> bytes:
    """One model."""
    return reading.packed(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": UNKNOWN}
