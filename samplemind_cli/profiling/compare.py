"""What changed between two profiles, function by function."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.output import size
from samplemind_cli.profiling.runs import KINDS, Profile
from samplemind_cli.profiling.summary import seconds, short

SMALL = 0.01  # a change of less than this share of the whole is noise to a reader
ROWS = 10
WHOLE = (None, None)  # in the place of a function and its file
Sums = defaultdict[Any, float]  # by function and file
NUMBERS = {"cpu": ("own", "awaited"), "memory": ("peak", "held")}


def difference(before: Profile, after: Profile) -> list[dict[str, Any]]:
    """Rows of {"kind", "number", "function", "file", "before", "after"} where they differ, the largest change first.

    A function of None is the whole program. Seconds for cpu, bytes for memory. Raises UsageError when the two have no
    kind in common.
    """
    return [row for kind, number, old, new in _sums(before, after) for row in _rows(kind, number, old, new)]


def lines(before: Profile, after: Profile) -> Iterator[str]:
    """The largest changes as people read them, the whole first."""
    yield f"{before.id} -> {after.id}"
    for kind, number, old, new in _sums(before, after):
        unit = size if kind == "memory" else seconds
        whole = max(old[WHOLE], new[WHOLE])
        rows = [r for r in _rows(kind, number, old, new) if abs(r["after"] - r["before"]) >= SMALL * whole]
        if whole and not rows:
            yield f"{kind} {number:<7} {unit(whole)}, the same within {100 * SMALL:.0f} %"
        for row in rows[:ROWS]:
            sign, change = ("+" if row["after"] > row["before"] else "-"), abs(row["after"] - row["before"])
            amounts = f"{sign}{unit(change):>9}  {unit(row['before']):>9} -> {unit(row['after']):>9}"
            where = f"{row['function']}  {short(row['file'], after.asked.directory)}" if row["function"] else "all"
            yield f"{kind} {number:<7} {amounts}  {where}"


def _sums(before: Profile, after: Profile) -> Iterator[tuple[str, str, Sums, Sums]]:
    """Each kind and number that both have measured, with the sums of both."""
    both = [(kind, old, new) for kind in KINDS if (old := before.frames(kind)) and (new := after.frames(kind))]
    if not both:
        raise UsageError(f"{before.id} and {after.id} measured different things", "samplemind profile list")
    for kind, old, new in both:
        for number in NUMBERS[kind]:
            yield kind, number, _by_function(old, number), _by_function(new, number)


def _rows(kind: str, number: str, old: Sums, new: Sums) -> Iterator[dict[str, Any]]:
    places = sorted(old.keys() | new.keys(), key=lambda place: (place[0] is not None, -abs(new[place] - old[place])))
    for function, file in places:
        before, after = old[function, file], new[function, file]
        if before != after:
            yield {
                "kind": kind, "number": number, "function": function, "file": file, "before": before, "after": after,
            }  # fmt: skip


def _by_function(found: dict[str, Any], number: str) -> Sums:
    """Since lines move; lambdas and modules by file."""
    sums: Sums = defaultdict(float)
    for frame in found["frames"]:
        sums[frame["function"], frame["file"]] += frame[number]
    whole = sum(sums.values())
    sums[WHOLE] = found.get(number, whole)
    return sums
