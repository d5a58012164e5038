"""The CPU's features, and the GPU that containers can use."""

import platform
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samplemind_cli import files
from samplemind_cli.stack.files import Gpu

ROOT = Path("/")
# MongoDB 5 and later run on nothing older: AVX on x86-64, ARMv8.2-A (which has the atomics) on ARM.
NEEDED_FLAGS = {"x86_64": "avx", "aarch64": "atomics"}
NVIDIA_TIMEOUT = 5.0  # seconds; a hung driver must not hang us


def missing_cpu_flag(root: Path = ROOT) -> str:
    """The CPU flag that MongoDB needs and this CPU lacks; empty if it has it, or if that cannot be read."""
    needed = NEEDED_FLAGS.get(platform.machine(), "")
    text = files.text(root / "proc/cpuinfo")
    return needed if text and needed not in text.split() else ""


def gpu(info: Mapping[str, Any], root: Path = ROOT) -> tuple[Gpu, str]:
    """The GPU a container can use, and why; `info` is the engine's `/info`.

    A working driver on the host is not enough: the engine must be able to pass the device to a container.
    """
    if platform.system() == "Darwin":
        return "none", "Docker on macOS gives containers no GPU; a native Ollama uses it"
    if name := _nvidia():
        if "nvidia" in (info.get("Runtimes") or {}):
            return "nvidia", f"{name}, and Docker has the nvidia runtime"
        if any(_cdi_specs(info, root)):
            return "cdi", f"{name}, and Docker knows it by a CDI specification"
        return "none", f"{name}, but Docker has neither the nvidia runtime nor a CDI specification"
    if (root / "dev/kfd").exists() and (root / "dev/dri").exists():
        return "rocm", "an AMD GPU: /dev/kfd and /dev/dri are there"
    return "none", "no GPU: nvidia-smi finds none, and there is no /dev/kfd"


def _nvidia() -> str:
    """The first GPU's name as nvidia-smi prints it; empty if there is no working driver."""
    if shutil.which("nvidia-smi") is None:
        return ""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=NVIDIA_TIMEOUT, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    return next(iter(done.stdout.splitlines()), "").strip()


def _cdi_specs(info: Mapping[str, Any], root: Path) -> Iterator[Path]:
    for folder in info.get("CDISpecDirs") or ():
        yield from (root / folder.lstrip("/")).glob("nvidia*")
