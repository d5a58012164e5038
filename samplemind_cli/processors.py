"""How many processors this process may use."""

import os
from collections.abc import Iterator
from pathlib import Path

from samplemind_cli import files

ROOT = Path("/")


def usable(root: Path = ROOT) -> int:
    """Its CPU affinity, limited by the CPU quotas of its control groups (v1 and v2), rounded; at least 1."""
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *map(round, _quotas(root))]))


def _quotas(root: Path) -> Iterator[float]:
    """Every CPU quota, in CPUs, that the process's control groups and the groups above them set."""
    for line in files.text(root / "proc/self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            mounts, read = ["sys/fs/cgroup"], _quota_v2
        elif "cpu" in controllers.split(","):
            mounts, read = [f"sys/fs/cgroup/{controllers}", "sys/fs/cgroup/cpu"], _quota_v1
        else:
            continue
        group = Path(path.lstrip("/"))
        for mount in mounts:  # in a container the path may be the host's; then the mount's root is our group
            yield from (quota for part in (group, *group.parents) if (quota := read(root / mount / part)))


def _quota_v2(group: Path) -> float:
    """From cgroup v2's `cpu.max`: "max 100000" or "150000 100000"; 0 without a limit."""
    quota, _, period = files.text(group / "cpu.max").partition(" ")
    return int(quota) / int(period) if quota.isdigit() else 0.0


def _quota_v1(group: Path) -> float:
    """From cgroup v1's `cpu.cfs_quota_us` (-1: no limit) and `cpu.cfs_period_us`; 0 without a limit."""
    quota, period = (files.text(group / f"cpu.cfs_{name}_us").strip() for name in ("quota", "period"))
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else 0.0
