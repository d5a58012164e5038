"""A body that is told again with another id and another time, wherever its format says them."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

# What may follow an id, or begin a line, until the time is told. In a text the quotes would be escaped.
_AFTER_ID = re.compile(rb'("[^{}]{,40}?"created(?:_at)?":)\d+(?:(,[^{}]{,200}?"completed_at":)\d+)?')
_LINE = re.compile(rb'^(\{"model":"[^"\\]*","created_at":")\d{4}-\d\d-\d\dT[\d:.]+Z', re.MULTILINE)
_ID, _UNIX, _ISO = range(3)


@dataclass(frozen=True, slots=True)
class Stamped:
    """The pieces of a body, and what stands behind each but the last: an id, a time in unix seconds, or in words."""

    pieces: tuple[bytes, ...]
    gaps: tuple[int, ...]

    @classmethod
    def of(cls, body: bytes, number: bytes) -> Self:
        """A body whose id is made of `number`."""
        pieces: list[bytes] = []
        gaps: list[int] = []
        first, *rest = _ids(body, number)
        pieces.append(first)
        for piece in rest:
            gaps.append(_ID)
            found = _AFTER_ID.match(piece)
            told = [found[n] for n in (1, 2) if found[n]] if found else []
            pieces += [*told, piece[found.end() :] if found else piece]
            gaps += [_UNIX] * len(told)
        if not rest and (lines := list(_LINE.finditer(body))):
            ends = [0, *(line.end() for line in lines)]
            pieces = [body[end : line.end(1)] for end, line in zip(ends, lines, strict=False)] + [body[ends[-1] :]]
            gaps = [_ISO] * len(lines)
        return cls(tuple(pieces), tuple(gaps))

    def at(self, number: bytes, now: float) -> bytes:
        """The body with this number for its id, at this time (unix seconds)."""
        if not self.gaps:
            return self.pieces[0]
        iso = _iso(now) if self.gaps[0] == _ISO else b""
        stamps = (number, b"%d" % now, iso)
        told = [self.pieces[0]]
        for piece, gap in zip(self.pieces[1:], self.gaps, strict=True):
            told += (stamps[gap], piece)
        return b"".join(told)


def _ids(body: bytes, number: bytes) -> list[bytes]:
    """The body cut where an id is told, not where a text quotes one."""
    places = [(m.end(1), m.end()) for m in re.finditer(rb'("\w+":"[a-z]*[-_]?)%b' % re.escape(number), body)]
    ends = [0, *(end for _, end in places)]
    return [*(body[end:start] for end, (start, _) in zip(ends, places, strict=False)), body[ends[-1] :]]


def _iso(now: float) -> bytes:
    return datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z").encode()
