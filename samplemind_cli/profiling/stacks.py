"""What py-spy counted, by process and thread, kept as pyinstrument keeps a session: one reader makes all pages."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from samplemind_cli.child.withheld import without_secrets
from samplemind_cli.profiling.runs import Profile

# `process PID:"command";process PID:"command";thread (ID): name;function (file:line);… count`, outermost first.
RECORD = re.compile(r'^(?=process \d+:")', re.MULTILINE)
PROCESS = re.compile(r'(?:^|";)process (\d+):"')
THREAD = re.compile(r'";thread \((\w+)\)(?:: ([^;]*?))?(?=;| \d+$)')
FRAME = re.compile(r"([^;]+?) \(([^;]+):(\d+)\)(?=;| \d+$)")
OURS = re.compile(r"/samplemind-profile-\w+/\w+\.py\x00")  # what waits for py-spy before the program begins
MAIN = "MainThread"
WAITING = 0.3  # the least share of what py-spy counted that is work, on a machine that has others to do
Sample = tuple[list[str], float]  # frames as pyinstrument has them, outermost first, and their seconds


@dataclass
class Process:
    """The samples of one process, by thread."""

    pid: int
    command: str
    threads: dict[str, list[Sample]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """On a processor, in all threads."""
        return sum(seconds for samples in self.threads.values() for _, seconds in samples)

    def scale(self, factor: float) -> None:
        """Make all samples longer or shorter."""
        for thread, samples in self.threads.items():
            self.threads[thread] = [(frames, seconds * factor) for frames, seconds in samples]

    def correct(self, clocks: Mapping[str, float]) -> None:
        """Make a thread's samples as long as its clock says, and those of one without a clock as the others say."""
        counted = {thread: sum(took for _, took in samples) for thread, samples in self.threads.items()}
        known = {thread: clocks[thread] for thread in counted.keys() & clocks.keys() if counted[thread]}
        if not known:
            return
        usual = sum(known.values()) / sum(counted[thread] for thread in known)
        for thread, samples in self.threads.items():
            factor = known[thread] / counted[thread] if thread in known else usual
            self.threads[thread] = [(frames, took * factor) for frames, took in samples]

    def samples(self) -> Iterator[Sample]:
        """All of them; below their thread's name when there are several threads."""
        for thread, samples in self.threads.items():
            top = [f"{self.names[thread]}\x00<thread>\x00{int(thread, 0)}"] if len(self.threads) > 1 else []
            yield from (([*top, *frames], seconds) for frames, seconds in samples)


def read(printed: Iterable[tuple[str, float]]) -> dict[int, Process]:
    """By process id, out of what py-spy wrote with --subprocesses and --threads, each with the rate it was told."""
    found: dict[int, Process] = {}
    for text, rate in printed:
        for record in RECORD.split(text):
            threads = list(THREAD.finditer(record.rstrip("\n")))
            if not threads:
                continue
            *_, thread = threads
            *_, process = PROCESS.finditer(record, 0, thread.start())
            one = found.setdefault(int(process[1]), Process(int(process[1]), record[process.end() : thread.start()]))
            _count(one, thread, record.rstrip("\n"), rate)
    return {pid: one for pid, one in found.items() if one.threads}


def _count(process: Process, thread: re.Match[str], record: str, rate: float) -> None:
    identity = thread[1]
    frames = [f"{function}\x00{file}\x00{line}" for function, file, line in FRAME.findall(record, thread.end())]
    if not frames or any(map(OURS.search, frames)):  # Python is starting or ending
        return
    if thread[2] or identity not in process.names:  # py-spy does not always find the name
        process.names[identity] = thread[2] or (MAIN if int(identity, 0) == process.pid else f"thread {identity}")
    process.threads.setdefault(identity, []).append((frames, int(record.rpartition(" ")[2]) / rate))


def keep(
    profile: Profile, printed: list[tuple[str, float]], main: int, wall: float, clocks: Mapping[str, float]
) -> None:
    """Write a session and the times of each process, for the reader; nothing when py-spy saw no process.

    A sample of the program is as long as its processor time says, where that is known (`clocks`: by thread): py-spy may
    fall behind, and it counts what waits for a processor as well.
    """
    found = read(printed)
    file = profile.folder / f"cpu.{main}.json"
    if not (found or file.exists()):
        return
    rate = printed[0][1] if printed else 1.0
    program = found.setdefault(main, Process(main, " ".join(profile.asked.words)))
    active = program.seconds
    program.correct(clocks)
    times = {"wall": wall, "cpu": program.seconds, "active": active}
    if file.exists():
        times |= json.loads(file.read_bytes())
        if program.seconds:
            program.scale(times["cpu"] / program.seconds)
    children = [process for pid, process in found.items() if pid != main]
    seen = sum(process.seconds for process in children)
    used = times.setdefault("children", seen)
    if WAITING * seen < used < seen:  # less: the program did not wait for all of them, and so knows nothing of them
        for child in children:
            child.scale(used / seen)
    for pid, process in found.items():
        own = times | {"alone": not profile.asked.children, "pid": pid}
        own = own if pid == main else {"wall": wall, "cpu": process.seconds}
        document = session(list(process.samples()), _described(process.command), wall, rate)
        _write(profile.folder / f"cpu.{pid}", document, own | {"main_thread": own["cpu"]})


def session(samples: list[Sample], description: str, wall: float, rate: float) -> dict[str, Any]:
    """As pyinstrument saves one, for a process that was looked at for `wall` seconds."""
    busy = sum(seconds for _, seconds in samples)
    return {
        "frame_records": samples,
        "start_time": time.time() - wall,
        "duration": wall,
        "min_interval": 1 / rate,
        "max_interval": 1 / rate,
        "sample_count": round(busy * rate),
        "start_call_stack": samples[0][0][:1] if samples else [],
        "target_description": description,
        "cpu_time": busy,
        "sys_path": [],
    }


def _described(command: str) -> str:
    return " ".join(without_secrets(command.split()))


def _write(place: Path, document: dict[str, Any], times: dict[str, Any]) -> None:
    place.with_name(f"{place.name}.raw").write_text(json.dumps(document), "utf-8")
    place.with_name(f"{place.name}.json").write_text(json.dumps(times), "utf-8")
