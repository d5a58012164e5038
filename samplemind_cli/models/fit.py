"""What fits this machine: its memory, GPU memory, and the free space on the daemon's disk."""

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

# Where a user's own daemon and Linux's service keep their models; and the folder of containers' volumes.
STORES = ("~/.ollama/models", "/usr/share/ollama/.ollama/models")
DOCKER = "/var/lib/docker"
_CGROUPS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_AMD = "card*/device/mem_info_vram_total"


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes of memory and GPU memory; `free` is the disk's beneath the daemon's models, None if it is out of sight."""

    memory: int
    vram: int
    free: int | None = None

    def holds(self, size: int) -> bool:
        """Whether a model of this size can be loaded on the GPU, the CPU, or both."""
        return wanted_memory(size) <= self.memory + self.vram

    def place(self, size: int) -> str:
        """Where a model of this size would run, as text."""
        if wanted_memory(size) <= self.vram:
            return "on the GPU"
        if not self.holds(size):
            return "more than available"
        return "on GPU and CPU" if self.vram else "on the CPU"


def wanted_memory(size: int) -> int:
    """What a model of `size` bytes takes once loaded, about: its weights, a context of 4096 tokens, the compute graph.

    An estimate: weights, context and buffers. `models --running` shows what a model really takes.
    """
    return size + size // 5 + 512 * 1024**2


def this_machine(store: Path | None = None) -> Machine:
    """What this machine has; `store` is the daemon's folder of models where it is known."""
    return Machine(_memory(), _vram(), free_disk(store))


def free_disk(store: Path | None) -> int | None:
    """Free bytes beneath the daemon's models, or beneath the folder that will hold them."""
    for folder in (store, *store.parents) if store else ():
        with suppress(OSError):
            return shutil.disk_usage(folder).free
    return None


def find_store(modelfile: str) -> Path | None:
    """The daemon's folder of models as this machine sees it, or one on the same disk; None when it is out of sight.

    `modelfile` is an installed model's: its FROM line names a blob by the path that the daemon uses. A path that is
    not here is a container's. Without one: OLLAMA_MODELS, else the usual places.
    """
    for line in modelfile.splitlines():
        blob = Path(line.removeprefix("FROM ").strip())
        if line.startswith("FROM ") and blob.parent.name == "blobs":
            return blob.parent.parent if _exists(blob) else _first(DOCKER)
    folder = environment().get("OLLAMA_MODELS")
    return Path(folder) if folder else _first(*STORES, DOCKER)


def partly(store: Path | None, digests: Iterable[str]) -> dict[str, int]:
    """Bytes of unfinished blobs, from the daemon's notes beside them (server/download.go)."""
    have: dict[str, int] = {}
    for digest in digests if store else ():
        for note in Path(store or "", "blobs").glob(f"{digest.replace(':', '-')}-partial-*"):
            with suppress(OSError, ValueError, KeyError, TypeError):
                have[digest] = have.get(digest, 0) + int(json.loads(note.read_bytes())["Completed"])
    return have


def advice(machine: Machine, sizes: Iterable[tuple[str, int]]) -> list[str]:
    """A sentence for each model that is too large to load here, with what to use instead."""
    said = []
    for name, size in sizes:
        if not machine.holds(size):
            instead = next((other for other, bytes_ in smaller(name).items() if machine.holds(bytes_)), None)
            use = f"use {instead}" if instead else "no smaller one fits: samplemind pull-models --embedded"
            wanted, has = gigabytes(wanted_memory(size)), machine_text(machine)
            said.append(f"{name} needs about {wanted} of memory, this machine has {has}; {use}")
    return said


def expected_size(name: str) -> int | None:
    """About how many bytes a model of the library has, if it is one that is known here."""
    return SIZES.get(name)


def machine_text(machine: Machine) -> str:
    """Its memory in words."""
    return gigabytes(machine.memory) + (f" and {gigabytes(machine.vram)} on the GPU" if machine.vram else "")


def gigabytes(size: float) -> str:
    """Bytes as people and the library's pages write them, in powers of ten."""
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
    """All GPUs' memory together; the daemon spreads a model over them. 0 without one (or on Apple's shared memory)."""
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
