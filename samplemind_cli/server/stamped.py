"""A response body that is sent again with a new id and time, wherever its format has them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

# What may stand between an id, or a line's beginning, and the time. Inside a text the quotes would be escaped.
_AFTER_ID = re.compile(rb'("[^{}]{,40}?"created(?:_at)?":)\d+(?:(,[^{}]{,200}?"completed_at":)\d+)?')
_LINE = re.compile(rb'^(\{"model":"[^"\\]*","created_at":")\d{4}-\d\d-\d\dT[\d:.]+Z', re.MULTILINE)
_BEFORE_ID = re.compile(rb'"\w{1,40}":"[a-z]{0,40}[-_]?\Z')
_ID, _UNIX, _ISO = range(3)


@dataclass(frozen=True, slots=True)
class Stamped:
    """The pieces of a body, and what is inserted between them: an id, or a time as unix time or in ISO format."""

    pieces: tuple[bytes, ...]
    gaps: tuple[int, ...]

    @classmethod
    def of(cls, body: bytes, number: bytes) -> Self:
        """The pieces of a body whose id contains `number`."""
        pieces: list[bytes] = []
        gaps: list[int] = []
        first, *rest = _ids(body, number)
        pieces.append(first)
        for piece in rest:
            gaps.append(_ID)
            match = _AFTER_ID.match(piece)
            kept = [match[n] for n in (1, 2) if match[n]] if match else []
            pieces += [*kept, piece[match.end() :] if match else piece]
            gaps += [_UNIX] * len(kept)
        if not rest and (lines := list(_LINE.finditer(body))):
            ends = [0, *(line.end() for line in lines)]
            pieces = [body[end : line.end(1)] for end, line in zip(ends, lines, strict=False)] + [body[ends[-1] :]]
            gaps = [_ISO] * len(lines)
        return cls(tuple(pieces), tuple(gaps))

    def at(self, number: bytes, now: float) -> bytes:
        """The body with this number in its id, and this time (unix time)."""
        if not self.gaps:
            return self.pieces[0]
        iso = _iso(now) if self.gaps[0] == _ISO else b""
        stamps = (number, b"%d" % now, iso)
        body = [self.pieces[0]]
        for piece, gap in zip(self.pieces[1:], self.gaps, strict=True):
            body += (stamps[gap], piece)
        return b"".join(body)


def _ids(body: bytes, number: bytes) -> list[bytes]:
    """The body split at its ids, but not where a text quotes one."""
    first, *rest = body.split(number)
    pieces = [first]
    for piece in rest:
        if _BEFORE_ID.search(pieces[-1], max(0, len(pieces[-1]) - 90)):
            pieces.append(piece)
        else:
            pieces[-1] += number + piece
    return pieces


def _iso(now: float) -> bytes:
    return datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z").encode()
