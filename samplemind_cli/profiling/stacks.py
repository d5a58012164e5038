"""Turns py-spy's output into pyinstrument sessions, by process and thread, so that one reader makes all pages."""

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
OURS = re.compile(r"/samplemind-profile-\w+/\w+\.py\x00")  # our file that waits for py-spy before the program begins
MAIN = "MainThread"
WAITING = 0.3  # the least share of py-spy's samples that is CPU time, on a busy machine
Sample = tuple[list[str], float]  # frames in pyinstrument's format, outermost first, and their seconds


@dataclass
class Process:
    """The samples of one process, by thread."""

    pid: int
    command: str
    threads: dict[str, list[Sample]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """The CPU seconds of all threads."""
        return sum(seconds for samples in self.threads.values() for _, seconds in samples)

    def scale(self, factor: float) -> None:
        """Multiply the seconds of all samples."""
        for thread, samples in self.threads.items():
            self.threads[thread] = [(frames, seconds * factor) for frames, seconds in samples]

    def correct(self, clocks: Mapping[str, float]) -> None:
        """Scale each thread's samples to the time on its clock; without a clock, as the others on average."""
        counted = {thread: sum(took for _, took in samples) for thread, samples in self.threads.items()}
        known = {thread: clocks[thread] for thread in counted.keys() & clocks.keys() if counted[thread]}
        if not known:
            return
        usual = sum(known.values()) / sum(counted[thread] for thread in known)
        for thread, samples in self.threads.items():
            factor = known[thread] / counted[thread] if thread in known else usual
            self.threads[thread] = [(frames, took * factor) for frames, took in samples]

    def samples(self) -> Iterator[Sample]:
        """All samples; with several threads, below a frame with the thread's name."""
        for thread, samples in self.threads.items():
            top = [f"{self.names[thread]}\x00<thread>\x00{int(thread, 0)}"] if len(self.threads) > 1 else []
            yield from (([*top, *frames], seconds) for frames, seconds in samples)


def read(printed: Iterable[tuple[str, float]]) -> dict[int, Process]:
    """The processes in py-spy's outputs (with --subprocesses and --threads) and their rates, by process id."""
    processes: dict[int, Process] = {}
    for text, rate in printed:
        for record in RECORD.split(text):
            threads = list(THREAD.finditer(record.rstrip("\n")))
            if not threads:
                continue
            *_, thread = threads
            *_, process = PROCESS.finditer(record, 0, thread.start())
            pid, command = int(process[1]), record[process.end() : thread.start()]
            _count(processes.setdefault(pid, Process(pid, command)), thread, record.rstrip("\n"), rate)
    return {pid: one for pid, one in processes.items() if one.threads}


def sample(record: str, rate: float, start: int = 0) -> Sample:
    """The sample in py-spy's line, from its character `start` on."""
    frames = [f"{function}\x00{file}\x00{line}" for function, file, line in FRAME.findall(record, start)]
    return frames, int(record.rpartition(" ")[2]) / rate


def _count(process: Process, thread: re.Match[str], record: str, rate: float) -> None:
    identity = thread[1]
    frames, seconds = sample(record, rate, thread.end())
    if not frames or any(map(OURS.search, frames)):  # Python is starting or ending
        return
    if thread[2] or identity not in process.names:  # py-spy does not always find the name
        process.names[identity] = thread[2] or (MAIN if int(identity, 0) == process.pid else f"thread {identity}")
    process.threads.setdefault(identity, []).append((frames, seconds))


def keep(
    profile: Profile, printed: list[tuple[str, float]], main: int, wall: float, clocks: Mapping[str, float]
) -> None:
    """Write a session and the times of each process, for the reader; nothing if there are none.

    The program's samples are scaled to its CPU time if that is known (`clocks`: by thread): py-spy may fall behind,
    and it also counts threads that wait for a processor.
    """
    processes = read(printed)
    file = profile.folder / f"cpu.{main}.json"
    if not (processes or file.exists()):
        return
    rate = printed[0][1] if printed else 1.0
    program = processes.setdefault(main, Process(main, " ".join(profile.request.words)))
    active = program.seconds
    program.correct(clocks)
    times = {"wall": wall, "cpu": program.seconds, "active": active}
    if file.exists():
        times |= json.loads(file.read_bytes())
        if program.seconds:
            program.scale(times["cpu"] / program.seconds)
    children = [process for pid, process in processes.items() if pid != main]
    seen = sum(process.seconds for process in children)
    used = times.setdefault("children", seen)
    if WAITING * seen < used < seen:  # if less, the program did not wait for all of them, so `used` is too small
        for child in children:
            child.scale(used / seen)
    for pid, process in processes.items():
        own = times | {"alone": not profile.request.children, "pid": pid}
        own = own if pid == main else {"wall": wall, "cpu": process.seconds}
        document = session(list(process.samples()), _described(process.command), wall, rate)
        write(profile.folder / f"cpu.{pid}", document, own | {"main_thread": own["cpu"]})


def session(samples: list[Sample], description: str, wall: float, rate: float) -> dict[str, Any]:
    """A session in pyinstrument's format, of a process that was sampled for `wall` seconds."""
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


def write(place: Path, document: dict[str, Any], times: dict[str, Any]) -> None:
    """Write a session and its times beside each other, for the reader."""
    place.with_name(f"{place.name}.raw").write_text(json.dumps(document), "utf-8")
    place.with_name(f"{place.name}.json").write_text(json.dumps(times), "utf-8")
