"""Compares two profiles function by function."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplemind_cli.errors import UsageError
from samplemind_cli.output import size
from samplemind_cli.profiling.runs import KINDS, Profile
from samplemind_cli.profiling.summary import seconds, short

SMALL = 0.01  # a change of less than this share of the whole is not shown
ROWS = 10
WHOLE = (None, None)  # instead of a function and its file
NUMBERS = {"cpu": ("own", "awaited"), "memory": ("peak", "held")}
INSTALLED = re.compile(r".*/(?:(?:site|dist)-packages|lib/python3\.\d+)/")
NAMELESS = re.compile(r"<\w+>$")  # <module>, <lambda>, <listcomp>: it cannot be recognized in another file
Place = tuple[Any, Any]  # function and file


@dataclass(frozen=True, slots=True)
class Table:
    """One number of a kind in both profiles, by function and file; `moved`: a function's old place, by its new one."""

    kind: str
    number: str
    old: defaultdict[Place, float]
    new: defaultdict[Place, float]
    moved: dict[Place, Place]

    @property
    def whole(self) -> float:
        """The larger total of the two."""
        return max(self.old[WHOLE], self.new[WHOLE])

    def rows(self) -> Iterator[dict[str, Any]]:
        """The differences: the whole first, then by size."""
        gone = set(self.moved.values())
        pairs = [(place, self.moved.get(place, place)) for place in (self.old.keys() | self.new.keys()) - gone]
        rows = [(place, was, self.old[was], self.new[place]) for place, was in pairs]
        rows.sort(key=lambda row: (row[0] != WHOLE, -abs(row[3] - row[2])))
        for (function, file), was, before, after in rows:
            if before != after:
                yield {
                    "kind": self.kind, "number": self.number, "function": function, "file": file,
                    "was": was[1] if was[1] != file else None, "before": before, "after": after,
                }  # fmt: skip

    def worth_a_line(self) -> list[dict[str, Any]]:
        """The largest ROWS rows, without small changes."""
        return [row for row in self.rows() if abs(row["after"] - row["before"]) >= SMALL * self.whole][:ROWS]


def difference(before: Profile, after: Profile) -> list[dict[str, Any]]:
    """Rows of {"kind", "number", "function", "file", "was", "before", "after"} where they differ, largest change first.

    A function of None is the whole program. `was`: the function's old file, if it moved. Seconds for cpu, bytes for
    memory. Raises UsageError if the two have no kind in common.
    """
    return [row for table in tables(before, after) for row in table.rows()]


def lines(before: Profile, after: Profile) -> Iterator[str]:
    """The largest changes as text, the whole first. Raises UsageError if the two have no kind in common."""
    yield f"{before.id} -> {after.id}"
    for table in tables(before, after):
        unit = size if table.kind == "memory" else seconds
        rows, name = table.worth_a_line(), f"{table.kind} {table.number:<7}"
        if table.whole and not rows:
            yield f"{name} {unit(table.whole)}, the same within {100 * SMALL:.0f} %"
        for row in rows:
            sign, change = ("+" if row["after"] > row["before"] else "-"), abs(row["after"] - row["before"])
            amounts = f"{sign}{unit(change):>9}  {unit(row['before']):>9} -> {unit(row['after']):>9}"
            yield f"{name} {amounts}  {where(row, before, after)}"
    if before.engine != after.engine:
        yield f"note: time was measured by different engines: {before.engine}, {after.engine}"


def where(row: dict[str, Any], before: Profile, after: Profile) -> str:
    """The function and its file, and its old file if it moved."""
    if not row["function"]:
        return "all"
    moved = f" (was in {short(row['was'], before.request.directory)})" if row["was"] else ""
    return f"{row['function']}  {short(row['file'], after.request.directory)}{moved}"


def tables(before: Profile, after: Profile) -> Iterator[Table]:
    """A table for each kind and number that both measured. Raises UsageError if there is none."""
    both = [(kind, old, new) for kind in KINDS if (old := before.frames(kind)) and (new := after.frames(kind))]
    if not both:
        raise UsageError(f"{before.id} and {after.id} measured different things", "samplemind profile list")
    for kind, old, new in both:
        for number in NUMBERS[kind]:
            first, second = _by_function(old, number), _by_function(new, number)
            yield Table(kind, number, first, second, _moved(first, second, before, after))


def _by_function(measured: dict[str, Any], number: str) -> defaultdict[Place, float]:
    """The sums by function and file, not by line, as lines move."""
    sums: defaultdict[Place, float] = defaultdict(float)
    for frame in measured["frames"]:
        sums[frame["function"], frame["file"]] += frame[number]
    whole = sum(sums.values())
    sums[WHOLE] = measured.get(number, whole)
    return sums


def _moved(
    old: defaultdict[Place, float], new: defaultdict[Place, float], before: Profile, after: Profile
) -> dict[Place, Place]:
    """The old place by the new one, for functions whose file moved.

    Matched by the same file in another checkout or environment, then by file name, then by function; never if several
    places match.
    """
    gone, added, pairs = set(old.keys() - new.keys()), set(new.keys() - old.keys()), {}
    inside, name, function = _path_inside, lambda file, _: Path(file).name, lambda _file, _directory: ""
    for key in (inside, name, function):
        candidates: defaultdict[Place, tuple[list[Place], list[Place]]] = defaultdict(lambda: ([], []))
        for side, (places, directory) in enumerate(
            ((gone, before.request.directory), (added, after.request.directory))
        ):
            for place in places:
                if key is not function or not NAMELESS.search(place[0]):
                    candidates[place[0], key(place[1], directory)][side].append(place)
        for was, now in candidates.values():
            if len(was) == len(now) == 1:
                pairs[now[0]] = was[0]
                gone.discard(was[0])
                added.discard(now[0])
    return pairs


def _path_inside(file: str, directory: str) -> str:
    """A path relative to the folder of the profiled program, or to the environment's packages."""
    path = Path(file)
    return str(path.relative_to(directory)) if path.is_relative_to(directory) else INSTALLED.sub("", file)
