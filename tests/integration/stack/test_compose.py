"""Our compose files as Compose reads them; no engine is needed."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from parts import docker_engine

FOLDER = Path(__file__).parents[3] / "compose"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", autouse=True)
def _compose():
    if why := docker_engine.compose_absence():
        pytest.skip(why)


def read(*overlays, **variables):
    files = [word for name in ("compose.yaml", *overlays) for word in ("--file", str(FOLDER / name))]
    command = ["docker", "compose", *files, "config", "--format", "json"]
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **variables}
    return json.loads(subprocess.run(command, env=environment, capture_output=True, check=True).stdout)["services"]


@pytest.fixture(scope="module")
def services():
    return read()


def test_the_stack_is_the_four_and_their_images_are_the_usual_ones(services):
    assert {name: service["image"] for name, service in services.items()} == {
        "redis": "redis:8",
        "ollama": "ollama/ollama:0.17.4",
        "mongodb": "mongo:8",
        "api": "samplemind-api:latest",
    }


def test_everything_listens_on_loopback_until_told_otherwise(services):
    assert {port["host_ip"] for service in services.values() for port in service["ports"]} == {"127.0.0.1"}
    told = read(BIND_ADDR="192.0.2.1").values()
    assert {port["host_ip"] for service in told for port in service["ports"]} == {"192.0.2.1"}


def test_every_service_has_a_probe_limits_rotated_logs_and_comes_back(services):
    for name, service in services.items():
        assert service["healthcheck"]["test"], name
        assert int(service["mem_limit"]) > 0, name
        assert {"cpus", "cpu_shares"} & service.keys(), name  # Ollama may use every core, but yields
        assert service["logging"]["options"].keys() == {"max-size", "max-file"}, name
        assert service["restart"] == "unless-stopped", name


def test_redis_forgets_the_least_used_and_never_refuses_writes(services):
    command = " ".join(services["redis"]["command"])
    assert "--maxmemory 512mb --maxmemory-policy allkeys-lfu" in command
    assert "--stop-writes-on-bgsave-error no" in command


def test_the_api_is_locked_in(services):
    api = services["api"]
    assert api["read_only"]
    assert api["cap_drop"] == ["ALL"]
    assert api["security_opt"] == ["no-new-privileges:true"]
    assert not api["user"].startswith("0")
    assert api["depends_on"] == {"redis": {"condition": "service_healthy", "required": True}}


def test_the_known_token_is_for_loopback_alone():
    assert read()["api"]["environment"]["SAMPLEMIND_API_TOKEN"] == "local"
    opened = read(BIND_ADDR="0.0.0.0")["api"]["environment"]
    assert opened.get("SAMPLEMIND_API_TOKEN") is None
    mine = read(BIND_ADDR="0.0.0.0", SAMPLEMIND_API_TOKEN="mine")["api"]["environment"]
    assert mine["SAMPLEMIND_API_TOKEN"] == "mine"


def test_keys_are_passed_on_only_when_there_are_some():
    assert read()["api"]["environment"].get("OPENAI_API_KEY") is None
    assert read(OPENAI_API_KEY="k")["api"]["environment"]["OPENAI_API_KEY"] == "k"


@pytest.mark.parametrize(
    ("overlay", "device"), [("nvidia", {"driver": "nvidia", "count": -1}), ("cdi", {"driver": "cdi"})]
)
def test_nvidia_is_reserved_for_ollama(overlay, device):
    reserved = read(f"compose.gpu.{overlay}.yaml")["ollama"]["deploy"]["resources"]["reservations"]["devices"][0]
    assert device.items() <= reserved.items()


def test_amds_devices_are_handed_to_ollama():
    ollama = read("compose.gpu.rocm.yaml")["ollama"]
    assert "rocm" in ollama["image"]
    assert [device.split(":")[0] if isinstance(device, str) else device["source"] for device in ollama["devices"]] == [
        "/dev/kfd",
        "/dev/dri",
    ]


def test_an_old_engine_is_asked_for_no_start_interval():
    for name, service in read("compose.engine24.yaml").items():
        assert "start_interval" not in service["healthcheck"], name
        assert service["healthcheck"]["test"], name
