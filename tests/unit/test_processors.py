"""Processors counted on a made-up root."""

import os
import sys

import pytest

from samplemind_cli import processors

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own files")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A root of its own, on a machine of 16 processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    return tmp_path


def put(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_without_limits_the_affinity_counts(root):
    assert processors.usable(root) == 16


@pytest.mark.parametrize(("quota", "count"), [("max 100000", 16), ("400000 100000", 4), ("50000 100000", 1)])
def test_version_2_limits_count(root, quota, count):
    put(root, "proc/self/cgroup", "0::/a/b\n")
    put(root, "sys/fs/cgroup/a/b/cpu.max", quota)
    assert processors.usable(root) == count


def test_the_tightest_group_above_counts(root):
    put(root, "proc/self/cgroup", "0::/a/b\n")
    put(root, "sys/fs/cgroup/a/b/cpu.max", "max 100000")
    put(root, "sys/fs/cgroup/a/cpu.max", "300000 100000")
    assert processors.usable(root) == 3


@pytest.mark.parametrize("mount", ["cpu,cpuacct", "cpu"])
def test_version_1_limits_count(root, mount):
    put(root, "proc/self/cgroup", "8:pids:/x\n4:cpu,cpuacct:/docker/abc\n")
    # In a container the group's path is the host's, and the mount's root is the group itself.
    put(root, f"sys/fs/cgroup/{mount}/cpu.cfs_quota_us", "200000\n")
    put(root, f"sys/fs/cgroup/{mount}/cpu.cfs_period_us", "100000\n")
    assert processors.usable(root) == 2


def test_no_quota_in_version_1_is_minus_one(root):
    put(root, "proc/self/cgroup", "4:cpu:/\n")
    put(root, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    put(root, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert processors.usable(root) == 16
