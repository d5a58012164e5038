"""Profiles a service in a container: the arguments for py-spy there, and a profile of its output."""

import struct
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

from samplemind_cli.child.python import Python
from samplemind_cli.errors import SamplemindError, UsageError
from samplemind_cli.profiling import stacks
from samplemind_cli.profiling.record import render
from samplemind_cli.profiling.runs import Profile, ProfileRequest

RATE = 100  # samples a second
# By the engine's name of a processor: its number in ELF, and its name in wheels.
PROCESSORS = {"amd64": (62, "x86_64"), "arm64": (183, "aarch64")}


def program(processor: str, data_dir: str) -> Path:
    """py-spy for Linux on this processor. Raises UsageError, with the command that installs it, if it is missing."""
    number, name = PROCESSORS.get(processor, (0, processor))
    own = Path(data_dir, f"py-spy-{name}")
    for file in (Path(sysconfig.get_path("scripts"), "py-spy"), own / "bin" / "py-spy"):
        if file.is_file() and _elf_machine(file) == number:
            return file
    fetch = f"{sys.executable} -m pip install --no-deps --only-binary=:all: --platform manylinux2014_{name}"
    raise UsageError(f"py-spy for Linux on {name} is not installed", f"{fetch} --target {own} py-spy")


def _elf_machine(file: Path) -> int:
    """The processor of a Linux program, as ELF-64 numbers it (e_machine, 2 bytes at 18); 0 for another file."""
    with file.open("rb") as opened:
        head = opened.read(20)
    return int(struct.unpack_from("<H", head, 18)[0]) if head.startswith(b"\x7fELF\x02\x01") else 0


def arguments(seconds: int) -> list[str]:
    """py-spy's arguments: sample the CPU time of process 1 and its children, and write the samples to stdout."""
    how = ["--duration", str(seconds), "--rate", str(RATE), "--function", "--full-filenames", "--format", "raw"]
    return ["record", "--pid", "1", "--subprocesses", *how, "--output", "/dev/stdout"]


def keep(request: ProfileRequest, samples: str, python: Python, state_dir: str, say: Callable[[str], None]) -> Profile:
    """The stored profile of py-spy's output. Raises SamplemindError if there is no sample."""
    records = [stacks.sample(line, RATE) for line in samples.splitlines() if stacks.FRAME.search(line)]
    if not records:
        raise SamplemindError(
            f"{request.words[0]} did nothing in {request.watch} s",
            "send it requests meanwhile, or sample longer: --seconds",
        )
    profile = Profile.new(state_dir, request)
    busy = sum(seconds for _, seconds in records)
    document = stacks.session(records, f"the running {request.words[0]}", request.watch, RATE)
    stacks.write(profile.folder / "cpu.1", document, {"wall": request.watch, "cpu": busy, "main_thread": busy})
    return profile.finished(0, {"cpu": render(profile, "cpu", python.path, say)})
