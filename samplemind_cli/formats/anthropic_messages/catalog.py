"""The models as Anthropic's clients list them, page by page."""

from collections.abc import Sequence
from typing import Any

from samplemind_cli.formats import reading

UNKNOWN = "1970-01-01T00:00:00Z"  # what the API says of a model whose release date is unknown
MOST = 1000  # on a page, as the API has it


def models(names: Sequence[str], limit: int = MOST, after: str = "", before: str = "") -> bytes:
    """A page of `limit` models after one of them, or right before one; a name that is none begins at the start."""
    found = list(names)
    if before in found:
        found = found[: found.index(before)]
        page = found[-limit:]
    else:
        found = found[found.index(after) + 1 :] if after in found else found
        page = found[:limit]
    ends = {"first_id": page[0] if page else None, "last_id": page[-1] if page else None}
    return reading.packed({"data": [_model(name) for name in page], "has_more": len(page) < len(found), **ends})


def model(name: str) -> bytes:
    """One of them."""
    return reading.packed(_model(name))


def _model(name: str) -> dict[str, Any]:
    return {"type": "model", "id": name, "display_name": name, "created_at": UNKNOWN}
