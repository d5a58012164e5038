"""What the machine is, read from a made-up root."""

import os
import platform
import sys

import pytest

from samplemind_cli.stack import machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads Linux's own files")


def put(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


@pytest.mark.parametrize(
    ("kind", "flags", "missing"),
    [("x86_64", "fpu avx", ""), ("x86_64", "fpu sse", "avx"), ("aarch64", "fp asimd", "atomics"), ("riscv64", "x", "")],
)
def test_the_flag_that_mongodb_needs(tmp_path, monkeypatch, kind, flags, missing):
    monkeypatch.setattr(platform, "machine", lambda: kind)
    put(tmp_path, "proc/cpuinfo", f"flags : {flags}\n")
    assert machine.missing_cpu_flag(tmp_path) == missing


@pytest.fixture
def nvidia(tmp_path, monkeypatch):
    """A driver that answers."""
    script = tmp_path / "bin" / "nvidia-smi"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\necho Test GPU\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:{os.environ['PATH']}")
    return script


@pytest.mark.usefixtures("nvidia")
def test_a_driver_and_a_runtime_make_nvidia(tmp_path):
    assert machine.gpu({"Runtimes": {"runc": {}, "nvidia": {}}}, tmp_path)[0] == "nvidia"


@pytest.mark.usefixtures("nvidia")
def test_a_driver_and_a_specification_make_cdi(tmp_path):
    put(tmp_path, "etc/cdi/nvidia.yaml", "")
    assert machine.gpu({"Runtimes": {}, "CDISpecDirs": ["/etc/cdi"]}, tmp_path)[0] == "cdi"


@pytest.mark.usefixtures("nvidia")
def test_a_driver_alone_is_no_gpu_for_a_container(tmp_path):
    kind, reason = machine.gpu({"Runtimes": {"runc": {}}}, tmp_path)
    assert kind == "none"
    assert reason.startswith("Test GPU, but Docker has neither")


def test_a_driver_that_fails_is_none(tmp_path, nvidia):
    nvidia.write_text("#!/bin/sh\necho NVIDIA-SMI has failed; exit 9\n")
    assert machine.gpu({"Runtimes": {"nvidia": {}}}, tmp_path)[0] == "none"


def test_amds_devices_make_rocm(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    put(tmp_path, "dev/kfd", "")
    (tmp_path / "dev/dri").mkdir()
    assert machine.gpu({}, tmp_path)[0] == "rocm"


def test_no_gpu_is_said_with_a_reason(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    kind, reason = machine.gpu({}, tmp_path)
    assert kind == "none"
    assert "nvidia-smi" in reason
