"""Whether a model fits this machine: its memory, GPU memory, and the free space on the daemon's disk."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.models.names import SIZES, smaller
from samplemind_cli.settings import environment

# The model folders of a user's own daemon and of Linux's service; and the folder of containers' volumes.
STORES = ("~/.ollama/models", "/usr/share/ollama/.ollama/models")
DOCKER = "/var/lib/docker"
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_AMD = "card*/device/mem_info_vram_total"


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes of memory and GPU memory, and free bytes on the disk of the daemon's models (None: unknown)."""

    memory: int
    vram: int
    free: int | None = None

    def holds(self, size: int) -> bool:
        """Whether a model of `size` bytes can be loaded on the GPU, the CPU, or both."""
        return needed_memory(size) <= self.memory + self.vram

    def place(self, size: int) -> str:
        """Where a model of `size` bytes would run, as text."""
        if needed_memory(size) <= self.vram:
            return "on the GPU"
        if not self.holds(size):
            return "more than available"
        return "on GPU and CPU" if self.vram else "on the CPU"


def needed_memory(size: int) -> int:
    """The bytes that a model of `size` bytes takes once loaded, estimated: weights, 4096 tokens of context, buffers.

    `models --running` shows what it really takes.
    """
    return size + size // 5 + 512 * 1024**2


def this_machine(store: Path | None = None) -> Machine:
    """The machine we run on; `store` is the daemon's folder of models, if it is known."""
    return Machine(_memory(), _vram(), free_disk(store))


def free_disk(store: Path | None) -> int | None:
    """Free bytes on the disk of the daemon's models; `store` need not exist yet. None: unknown."""
    for folder in (store, *store.parents) if store else ():
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def find_store(modelfile: str) -> Path | None:
    """The daemon's folder of models on this machine, or one on the same disk; None if it cannot be found.

    `modelfile` is an installed model's: its FROM line has the path of a blob. A path that does not exist here is a
    container's. Without one: OLLAMA_MODELS, else the usual folders.
    """
    for line in modelfile.splitlines():
        blob = Path(line.removeprefix("FROM ").strip())
        if line.startswith("FROM ") and blob.parent.name == "blobs":
            return blob.parent.parent if _exists(blob) else _first(DOCKER)
    folder = environment().get("OLLAMA_MODELS")
    return Path(folder) if folder else _first(*STORES, DOCKER)


def partly(store: Path | None, digests: Iterable[str]) -> dict[str, int]:
    """Downloaded bytes of incomplete blobs, from the daemon's files beside them (server/download.go)."""
    have: dict[str, int] = {}
    for digest in digests if store else ():
        for part in Path(store or "", "blobs").glob(f"{digest.replace(':', '-')}-partial-*"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                have[digest] = have.get(digest, 0) + int(json.loads(part.read_bytes())["Completed"])
    return have


def advice(machine: Machine, sizes: Iterable[tuple[str, int]]) -> list[str]:
    """A sentence for each model (name, bytes) that is too large to load here, with what to use instead."""
    sentences = []
    for name, size in sizes:
        if not machine.holds(size):
            instead = next((other for other, bytes_ in smaller(name).items() if machine.holds(bytes_)), None)
            use = f"use {instead}" if instead else "no smaller one fits: samplemind pull-models --embedded"
            needed, has = gigabytes(needed_memory(size)), machine_text(machine)
            sentences.append(f"{name} needs about {needed} of memory, this machine has {has}; {use}")
    return sentences


def expected_size(name: str) -> int | None:
    """The approximate bytes of a model of the library; None if it is not known here."""
    return SIZES.get(name)


def machine_text(machine: Machine) -> str:
    """The machine's memory as text."""
    return gigabytes(machine.memory) + (f" and {gigabytes(machine.vram)} on the GPU" if machine.vram else "")


def gigabytes(size: float) -> str:
    """Bytes as text, in powers of ten as on the library's pages."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.{1 if size < 100 * factor else 0}f} {unit}"
    return f"{size:.0f} B"


def _first(*folders: str) -> Path | None:
    return next((folder for folder in (files.named(name) for name in folders) if _exists(folder)), None)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # it is another user's
        return True


def _memory() -> int:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for file in _CGROUPS:
        try:
            total = min(total, int(Path(file).read_text("ascii")))
        except (OSError, ValueError):  # no such cgroup, or "max"
            continue
    return total


def _vram() -> int:
    """The memory of all GPUs, over which the daemon spreads a model; 0 without one, and for Apple's shared memory."""
    total = sum(_number(file) for file in Path("/sys/class/drm").glob(_AMD))
    try:
        printed = subprocess.run(
            ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"],  # noqa: S607 - wherever it is
            capture_output=True, text=True, timeout=5, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return total
    return total + sum(int(line) * 1024**2 for line in printed.split() if line.isdigit())


def _number(file: Path) -> int:
    try:
        return int(file.read_text("ascii"))
    except (OSError, ValueError):
        return 0
