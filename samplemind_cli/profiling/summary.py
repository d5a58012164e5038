"""The summary of a profile: where time and memory went, in a few lines."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from samplemind_cli.output import size
from samplemind_cli.profiling.runs import Profile

FRAMES = 5
FEWER = 3
MOST = 8  # threads
COMMAND = 60  # characters of a process's command line
SMALL = 0.01  # a share that is not shown
Frame = dict[str, Any]


def lines(profile: Profile) -> Iterator[str]:
    """The summary: per kind its totals and its largest frames, then the overhead and the files."""
    here = profile.request.directory
    for kind, described in (("cpu", _cpu), ("memory", _memory)):
        measured = profile.frames(kind) if kind in profile.request.kinds else None
        if measured is not None:
            yield from described(profile, measured, here)
    if profile.seconds:
        yield _overhead(profile)
    pages = sorted(path.name for path in profile.folder.glob("*.html")) + sorted(
        path.name for path in profile.folder.glob("*.speedscope.json")
    )
    yield f"profile {profile.id}: {profile.folder}"
    if pages:
        yield f"  {', '.join(pages)}"


def _cpu(profile: Profile, measured: Frame, here: str) -> Iterator[str]:
    times = _times(profile, "cpu")
    wall, work = f"{times['wall']:.2f} s", f"{times['cpu']:.2f} s"  # work of several processes may exceed the wall time
    alone = times.get("alone", False)
    if times["processes"] > 1 and not alone:
        yield f"cpu: {work} of work in {wall}, of {times['processes']} processes"
    else:
        yield f"cpu: {work} of work in {wall}" if profile.request.watch else f"cpu: {wall}, {work} of it on the CPU"
    total = sum(frame["own"] + frame["awaited"] for frame in measured["frames"])
    yield from _top(_shares(measured["frames"], "own", total), seconds, here)
    awaited = _shares(measured["frames"], "awaited", total)
    if awaited:
        yield "  awaited:"
        yield from _top(awaited[:FEWER], seconds, here)
    yield from _threads(measured.get("threads", []), here, alone=alone)
    yield from _unseen(times, measured, profile)


def _threads(threads: list[Frame], here: str, *, alone: bool) -> Iterator[str]:
    """A line for each thread and process with some of the work, if there are several."""
    whole = sum(thread["seconds"] for thread in threads)
    worth = [thread for thread in threads if thread["seconds"] > SMALL * whole]
    if len(worth) < 2:  # noqa: PLR2004 - one did all of it
        return
    processes = {thread["pid"] for thread in worth}
    added = "its child processes' work is not in the lines above; --children adds it" if alone else "added up above"
    yield f"  by thread{f' and process ({added})' if len(processes) > 1 else ''}:"
    for thread in worth[:MOST]:
        process = f", process {thread['pid']} {_shortened(thread['command'])}" if len(processes) > 1 else ""
        yield f"  {seconds(thread['seconds']):>9}  {thread['thread']}{process}: {place(thread | {'caller': ''}, here)}"
    if len(worth) > MOST:
        yield f"  {seconds(sum(t['seconds'] for t in worth[MOST:])):>9}  in {len(worth) - MOST} more"


def _unseen(times: Frame, measured: Frame, profile: Profile) -> Iterator[str]:
    """Notes on what this profile misses, and how to measure it."""
    enough = max(
        10 * SMALL * (times["cpu"] + times.get("children", 0)), SMALL
    )  # of the work: other load adds wall time
    if (elsewhere := times["cpu"] - times["main_thread"]) > enough:
        yield f"  note: {elsewhere:.2f} s of CPU time in other threads are not in this profile (--engine py-spy)"
    if "alone" not in times:
        if not profile.request.children and times.get("children", 0) > enough:
            yield f"  note: {times['children']:.2f} s of CPU time in child processes are not in this profile"
        if profile.request.engine == "pyinstrument":
            yield "  note: pyinstrument slows each call: code with many calls looks slower than it is (--engine py-spy)"
        return
    enough = max(enough, 10 * SMALL)
    children = [thread for thread in measured["threads"] if thread["pid"] != times["pid"]]
    hidden = times["children"] - sum(thread["seconds"] for thread in children)
    if hidden > enough:
        yield f"  note: {hidden:.2f} s of child processes are missing: they run no Python, or run for less than 0.1 s"
    waiting = times["wall"] - times["active"] - (times["children"] if times["alone"] else 0)
    if waiting > max(10 * SMALL * times["wall"], 10 * SMALL):
        yield f"  note: for {waiting:.2f} s it waited: --engine pyinstrument shows where, also in coroutines"


def _shortened(command: str) -> str:
    """A command line without its Python's folder, and not too long."""
    program, space, rest = command.partition(" ")
    command = f"{Path(program).name}{space}{rest}"
    return command if len(command) <= COMMAND else f"{command[:COMMAND]}…"


def _memory(profile: Profile, measured: Frame, here: str) -> Iterator[str]:
    processes = _times(profile, "memory")["processes"]
    where = "peak" if processes == 1 else f"peaks of {processes} processes"
    yield f"memory: {size(measured['peak'])} at the {where}"
    yield from _top(_shares(measured["frames"], "peak", measured["peak"]), size, here)
    yield f"  never freed: {size(measured['held'])}"
    yield from _top(_shares(measured["frames"], "held", measured["held"])[:FEWER], size, here)


def _times(profile: Profile, kind: str) -> dict[str, Any]:
    times: dict[str, Any] = json.loads((profile.folder / f"{kind}.times.json").read_bytes())
    return times


def _shares(frames: list[Frame], number: str, total: float) -> list[tuple[float, float, Frame]]:
    """Amount, percent and frame of the largest frames."""
    worth = [(frame[number], 100 * frame[number] / total, frame) for frame in frames if frame[number] > SMALL * total]
    return sorted(worth, key=lambda share: -share[0])[:FRAMES]


def _top(shares: list[tuple[float, float, Frame]], unit: Callable[[float], str], here: str) -> Iterator[str]:
    for amount, percent, frame in shares:
        yield f"  {unit(amount):>9} {percent:3.0f} %  {place(frame, here)}"


def place(frame: Frame, here: str) -> str:
    """Function and line; for a library's function, also where the user's code called it."""
    text = (
        frame["function"] if not frame["file"] else f"{frame['function']}  {short(frame['file'], here)}:{frame['line']}"
    )
    if not frame["caller"]:
        return text
    function, _, where = frame["caller"].partition(" ")
    return f"{text}, from {function}  {short(where, here)}"


def short(file: str, here: str) -> str:
    """A path relative to `here`; outside of it, its last three parts."""
    path = Path(file)
    return str(path.relative_to(here)) if path.is_relative_to(here) else "/".join(path.parts[-3:])


def _overhead(profile: Profile) -> str:
    if profile.request.watch:
        slowed = (
            "each allocation was counted" if "memory" in profile.request.kinds else "each sample pauses the program"
        )
        return f"overhead: not measured; {slowed}"
    bare = profile.seconds.get("bare", [])
    if not bare:
        return "overhead: not measured; --overhead runs the program without a profiler as well, before and after"
    mean = sum(bare) / len(bare)
    apart = 100 * (max(bare) - min(bare)) / mean
    slower = ", ".join(
        f"{kind} x{took[0] / mean:.2f}" for kind, took in profile.seconds.items() if kind != "bare" and took
    )
    return f"overhead: {slower} of {mean:.2f} s without a profiler ({len(bare)} runs, {apart:.0f} % apart)"


def seconds(took: float) -> str:
    """Seconds as text, to the millisecond."""
    return f"{took:.3f} s"
