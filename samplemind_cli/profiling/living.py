"""A process that lives on: py-spy looks at its stack from outside, and what it saw becomes a profile as any other."""

import json
import re
import struct
import sys
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

from samplemind_cli.child.python import Python
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.profiling.record import render
from samplemind_cli.profiling.runs import Asked, Profile

RATE = 100  # samples a second
# As the engine names a processor: how ELF numbers it, and how a wheel's name has it.
PROCESSORS = {"amd64": (62, "x86_64"), "arm64": (183, "aarch64")}
# `function (file:line);function (file:line) count`, outermost first. The processes stand before them.
FRAME = re.compile(r"([^;]+?) \(([^;]+):(\d+)\)(?=;| \d+$)")


def program(processor: str, data_dir: str) -> Path:
    """py-spy for Linux on this processor. Raises UsageError, with the command that fetches it, when it is not here."""
    number, name = PROCESSORS.get(processor, (0, processor))
    own = Path(data_dir, f"py-spy-{name}")
    for found in (Path(sysconfig.get_path("scripts"), "py-spy"), own / "bin" / "py-spy"):
        if found.is_file() and _elf_machine(found) == number:
            return found
    fetch = f"{sys.executable} -m pip install --no-deps --only-binary=:all: --platform manylinux2014_{name}"
    raise UsageError(f"py-spy for Linux on {name} is not installed", f"{fetch} --target {own} py-spy")


def _elf_machine(file: Path) -> int:
    """For what processor a Linux program is; 0: it is none. (ELF-64: e_machine, 2 bytes at 18)."""
    with file.open("rb") as opened:
        head = opened.read(20)
    return int(struct.unpack_from("<H", head, 18)[0]) if head.startswith(b"\x7fELF\x02\x01") else 0


def arguments(seconds: int) -> list[str]:
    """What to tell py-spy of process 1 and those below it: what runs on a processor, its samples on stdout."""
    how = ["--duration", str(seconds), "--rate", str(RATE), "--function", "--full-filenames", "--format", "raw"]
    return ["record", "--pid", "1", "--subprocesses", *how, "--output", "/dev/stdout"]


def keep(asked: Asked, samples: str, python: Python, state_dir: str, say: Callable[[str], None]) -> Profile:
    """The profile in what py-spy printed. Raises SamplemindError when the process did nothing meanwhile."""
    records = list(map(_record, filter(FRAME.search, samples.splitlines())))
    if not records:
        raise SamplemindError(
            f"{asked.words[0]} did nothing in {asked.watch} s",
            "send it requests meanwhile, or sample longer: --seconds",
        )
    profile = Profile.new(state_dir, asked)
    busy = sum(seconds for _, seconds in records)
    session = {
        "frame_records": records,
        "start_time": time.time() - asked.watch,
        "duration": asked.watch,
        "min_interval": 1 / RATE,
        "max_interval": 1 / RATE,
        "sample_count": round(busy * RATE),
        "start_call_stack": [records[0][0][0]],
        "target_description": f"the running {asked.words[0]}",
        "cpu_time": busy,
        "sys_path": [],
    }
    (profile.folder / "cpu.1.raw").write_text(json.dumps(session), "utf-8")  # as pyinstrument saves a session
    times = {"wall": asked.watch, "cpu": busy, "main_thread": busy}
    (profile.folder / "cpu.1.json").write_text(json.dumps(times), "utf-8")
    return profile.finished(0, {"cpu": render(profile, "cpu", python.path, say)})


def _record(line: str) -> tuple[list[str], float]:
    """A line as pyinstrument has it: the frames, outermost first, and their seconds."""
    frames = [f"{function}\x00{file}\x00{number}" for function, file, number in FRAME.findall(line)]
    return frames, int(line.rpartition(" ")[2]) / RATE
