import pytest

from samplemind_cli.stack.ps import Sample, Status, _status, sample_of
from samplemind_cli.stack.services import Port, ServiceState

STATS = {
    "read": "2026-11-22T20:38:39.360523684Z",
    "cpu_stats": {"cpu_usage": {"total_usage": 2_500_000_000}},
    "memory_stats": {"usage": 200, "limit": 1000, "stats": {"total_inactive_file": 50, "inactive_file": 40}},
}


def test_memory_is_without_the_cache_the_kernel_can_drop_in_both_versions_of_control_groups():
    assert sample_of(STATS) == Sample(cpu=2.5, memory=150, at=pytest.approx(1795379919.360523))
    assert sample_of({**STATS, "memory_stats": {"usage": 200, "stats": {"inactive_file": 40}}}).memory == 160


def test_a_container_that_has_gone_has_no_sample():
    assert sample_of(None) is None
    assert sample_of({**STATS, "memory_stats": {}}) is None


def test_cpu_is_of_one_core_and_between_two_looks():
    service = ServiceState(service="web", state="running", started=90.0)
    before, now = Sample(cpu=1.0, memory=1, at=100.0), Sample(cpu=1.5, memory=7, at=100.25)
    status = _status(service, before, now, {})
    assert (status.cpu, status.memory, status.uptime) == (200.0, 7, 10.25)
    assert _status(service, None, now, {}).cpu is None
    assert _status(service, before, None, {}).uptime is None


def test_the_json_has_every_field_of_the_schema_whatever_the_state():
    ports = (Port(address="127.0.0.1", published=6380, target=6379),)
    running = Status(
        service=ServiceState(service="redis", state="running", ports=ports), uptime=1.26, cpu=0.04, memory=5
    )
    absent = Status(service=ServiceState(service="redis"))
    assert list(running.as_json()) == list(absent.as_json())
    assert running.as_json()["url"] == "redis://127.0.0.1:6380"
    assert (running.as_json()["uptime_s"], running.as_json()["cpu_percent"]) == (1.3, 0.0)
    unknown = ("container", "health", "exit_code", "uptime_s", "cpu_percent", "memory_bytes", "url")
    assert {absent.as_json()[name] for name in unknown} == {None}
