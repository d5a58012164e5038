# ruff: noqa: INP001 - run by path with the profiled program's Python
"""Turn the profilers' files into pages, speedscope files and `<kind>.frames.json`: `render.py FOLDER KIND PID`.

PID is the program; with "alone" in `cpu.times.json` the frames leave out the time of other processes.

Needs only the profiler of that kind. Frames, largest first:
cpu:     {"function", "file", "line", "own", "total", "awaited"} in seconds
memory:  {"function", "file", "line", "peak", "held"} in bytes; `held` is what was not freed when the program ended.
         The peaks of several processes are added up.
"threads", by process and thread, largest first: {"pid", "command", "thread", "seconds", and its largest frame}.
Each frame has "caller", the nearest frame outside of the standard library and installed packages ("" if it is that
frame itself).
"""

from __future__ import annotations

import gc
import json
import re
import sys
import sysconfig
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

LIBRARY = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
# Packages of another Python, as in a container or in a child's environment.
INSTALLED = re.compile(r"(.*?/(?:(?:site|dist)-packages|lib/python3\.\d+))/")
NOWHERE = ("", "<thread>", "<left out>", "<built-in>")  # a C function's time belongs to its caller
INJECTED = "sitecustomize.py"
THREAD, LEFT_OUT = "<thread>", "<left out>"
LARGE = 500_000  # frames in all samples; a page with more would take minutes
OUTER, INNER = 100, 300  # frames of a deep stack that are drawn
THIN = 0.0005  # a share that is narrower than a pixel
DEEPEST = 2000  # pyinstrument recurses as deep as the program did
Key = tuple[str, str, int]


def is_own(file: str) -> bool:
    """Whether this is the user's code."""
    return not file.startswith(("<", *LIBRARY)) and not INSTALLED.match(file)


def caller(stack: list[Key]) -> str:
    """Where the user's code called into a library, innermost first."""
    if not stack or is_own(stack[0][1]):
        return ""
    return next((f"{function} {file}:{line}" for function, file, line in stack if is_own(file)), "")


class Frames:
    """Sums by frame, with the most frequent caller."""

    def __init__(self, *numbers: str) -> None:
        self.sums: defaultdict[Key, dict[str, float]] = defaultdict(lambda: dict.fromkeys(numbers, 0))
        self.callers: defaultdict[Key, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))

    def add(self, stack: list[Key], number: str, amount: float) -> None:
        """Add an amount to the innermost frame."""
        frame = stack[0] if stack else ("(no Python frame)", "", 0)
        self.sums[frame][number] += amount
        self.callers[frame][caller(stack)] += amount

    def sorted(self, number: str) -> list[dict[str, Any]]:
        """All frames, the largest `number` first."""
        rows = []
        for (function, file, line), sums in sorted(self.sums.items(), key=lambda item: -item[1][number]):
            by = self.callers[function, file, line]
            rows.append(
                {
                    "function": function,
                    "file": file,
                    "line": line,
                    **sums,
                    "caller": max(by, key=lambda c: by[c], default=""),
                }
            )
        return rows


def cpu(raws: list[Path], folder: Path) -> dict[str, Any]:
    """The frames and threads of pyinstrument's sessions; writes a page for each."""
    frames, threads = Frames("own", "total", "awaited"), []
    times = json.loads((folder / "cpu.times.json").read_bytes())
    for raw in raws:
        document = json.loads(raw.read_bytes())
        threads += [
            {"pid": int(number(raw)), "command": document["target_description"], **one} for one in split(document)
        ]
        if number(raw) == MAIN or not times.get("alone"):
            for records, seconds in document["frame_records"]:
                add_sample(frames, records, seconds)
        if document["frame_records"]:
            draw(document, raw, folder)
    return {"frames": frames.sorted("own"), "threads": sorted(threads, key=lambda one: -one["seconds"])}


def draw(document: dict[str, Any], raw: Path, folder: Path) -> None:
    """The page and the speedscope file of one process."""
    from pyinstrument.renderers import HTMLRenderer, SpeedscopeRenderer
    from pyinstrument.session import Session

    document["frame_records"] = bounded(document["frame_records"])
    session: Any = Session.from_json(document)
    session.sys_prefixes = libraries(session.frame_records)
    session.root_frame = cache(session.root_frame)  # both renderers call it, and the first does not change it
    page = HTMLRenderer().render(session)
    # The page asks Google for a font; without it the browser's own is used, and no network.
    page = re.sub(r"https://fonts\.(googleapis|gstatic)\.com[^\"'\s)]*", "data:text/css,", page)
    (folder / name(raw, "cpu", "html")).write_text(page, "utf-8", "replace")
    (folder / name(raw, "cpu", "speedscope.json")).write_text(SpeedscopeRenderer().render(session), "utf-8", "replace")


def split(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The seconds of each thread of a process, and its largest frame."""
    own: defaultdict[str, Frames] = defaultdict(lambda: Frames("own", "total", "awaited"))
    for records, seconds in document["frame_records"]:
        top = read(records[0]) if records else ("", "", 0)
        add_sample(own[top[0] if top[1] == THREAD else "MainThread"], records, seconds)
    for thread, frames in own.items():
        rows = frames.sorted("own")
        yield {**rows[0], "thread": thread, "seconds": sum(row["own"] + row["awaited"] for row in rows)}


def bounded(samples: list[Any]) -> list[Any]:
    """The samples, small enough for a page: deep stacks without their middle, and without invisibly thin branches."""
    middle = [f"(frames left out)\x00{LEFT_OUT}\x000"]
    shorter = [
        ([*records[:OUTER], *middle, *records[-INNER:]] if len(records) > OUTER + INNER else records, seconds)
        for records, seconds in samples
    ]
    if sum(len(records) for records, _ in shorter) <= LARGE:
        return shorter
    root: list[Any] = [0.0, {}]
    merged: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for records, seconds in shorter:
        merged[tuple(records)] += seconds
    for path, seconds in merged.items():
        node = root
        for record in path:
            node = node[1].setdefault(record, [0.0, {}])
            node[0] += seconds
    least = THIN * sum(merged.values())
    return [(list(cut(path, root, least)), seconds) for path, seconds in merged.items()]


def cut(path: tuple[str, ...], node: list[Any], least: float) -> Iterator[str]:
    """The path as far as its branch has at least so many seconds; its thread in any case."""
    for depth, record in enumerate(path):
        node = node[1][record]
        if depth and node[0] < least:
            return
        yield record


def libraries(frame_records: list[Any]) -> list[str]:
    """Folders of installed code: by default pyinstrument counts all of /usr, and so all programs in it."""
    files = {read(record)[1] for record in set().union(*(records for records, _ in frame_records))}
    return [*LIBRARY, *{match[1] for file in files if (match := INSTALLED.match(file))}]


def add_sample(frames: Frames, records: list[str], seconds: float) -> None:
    """Add one sample; its frames are outermost first."""
    every = [read(record) for record in reversed(records)]
    stack = [frame for frame in every if frame[1] not in NOWHERE and not frame[1].endswith(INJECTED)]
    frames.add(stack, "awaited" if any(frame[0] == "[await]" for frame in every) else "own", seconds)
    for frame in set(stack):
        frames.sums[frame]["total"] += seconds


@cache
def read(record: str) -> Key:
    """A frame in pyinstrument's format: `function NUL file NUL line SOH attributes`."""
    function, _, place = record.partition("\x01")[0].partition("\x00")
    file, _, line = place.partition("\x00")
    return function, file, int(line or 0)


def memory(raws: list[Path], folder: Path) -> dict[str, Any]:
    """The frames of memray's files; writes reports for each."""
    from memray import FileReader

    frames, peak, allocations = Frames("peak", "held"), 0, 0
    for raw in raws:
        with FileReader(raw) as reader:
            about = reader.metadata
            peak, allocations = peak + about.peak_memory, allocations + about.total_allocations
            for ending, report in reports(reader, frames):
                how = {"show_memory_leaks": ending == "leaks.html", "merge_threads": True, "inverted": False}
                with (folder / name(raw, "memory", ending)).open("w", encoding="utf-8", errors="replace") as file:
                    report.render(file, about, **how, no_web=True)
    held = sum(sums["held"] for sums in frames.sums.values())
    return {"peak": peak, "held": held, "allocations": allocations, "frames": frames.sorted("peak")}


def reports(reader: Any, frames: Frames) -> Iterator[tuple[str, Any]]:
    """The reports of memray's commands `flamegraph` and `transform`, with their file endings; counts their records.

    The commands themselves would import all of memray's terminal UI, and read the file for each report.
    """
    from memray.reporters.flamegraph import FlameGraphReporter
    from memray.reporters.transform import TransformReporter

    highest, leaked = reader.get_high_watermark_allocation_records, reader.get_leaked_allocation_records
    more = {"memory_records": tuple(reader.get_memory_snapshots()), "native_traces": reader.metadata.has_native_traces}
    yield "html", FlameGraphReporter.from_snapshot(counted(highest(merge_threads=True), frames, "peak"), **more)
    yield "leaks.html", FlameGraphReporter.from_snapshot(counted(leaked(merge_threads=True), frames, "held"), **more)
    if "speedscope" in TransformReporter.SUFFIX_MAP:  # from memray 1.20 on
        yield "speedscope.json", TransformReporter(highest(merge_threads=True), format="speedscope", **more)


def counted(records: Iterable[Any], frames: Frames, number: str) -> Iterator[Any]:
    """Count the records while they are iterated: all of them with their stacks may not fit into memory."""
    for record in records:
        frames.add(without_us(record.stack_trace()), number, record.size)
        yield record


def without_us(stack: list[Key]) -> list[Key]:
    """The stack without our own frames."""
    return [frame for frame in stack if not frame[1].endswith(INJECTED)]


def name(raw: Path, kind: str, ending: str) -> str:
    """`cpu.html` for the program, `cpu.<pid>.html` for its children."""
    pid = number(raw)
    return f"{kind}.{ending}" if pid == MAIN else f"{kind}.{pid}.{ending}"


def number(raw: Path) -> str:
    """The process id in a file's name; memray puts a forked child's last."""
    return raw.name.split(".", 1)[1].removesuffix(".raw").replace(".raw", "")


def whole(raw: Path) -> bool:
    """Whether the process finished its files, of which the times are the last."""
    pid = raw.name.removesuffix(".raw").rpartition(".")[2]
    return (FOLDER / f"{KIND}.{pid}.json").exists()


sys.setrecursionlimit(DEEPEST)
FOLDER, KIND, MAIN = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
RESULT = (cpu if KIND == "cpu" else memory)(sorted(filter(whole, FOLDER.glob(f"{KIND}.*.raw*"))), FOLDER)
(FOLDER / f"{KIND}.frames.json").write_text(json.dumps(RESULT), "utf-8")
gc.freeze()  # skip the search for cycles at interpreter shutdown: a tenth of the whole time
