"""The doctor's checks, each from facts that are made up."""

import os
import shutil
import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import checks, docker, machine
from samplemind_cli.stack.facts import Facts

CONFIG = {
    "name": "shop",
    "services": {"redis": {"ports": [{"target": 6379, "published": "1", "host_ip": "127.0.0.1"}]}},
}
GONE = StackError("the Docker daemon does not answer", "start it")
DENIED = StackError(docker.DENIED, "usermod")
ABSENT = StackError(docker.ABSENT, "install it")


@pytest.fixture
def facts(tmp_path):
    """Facts of a machine on which all is well."""
    return Facts(
        settings=Settings(**{name: str(tmp_path / name) for name in ("cache_dir", "data_dir", "state_dir")}),
        settings_error=None,
        client="Docker version 28.2.2",
        info={"ServerVersion": "26.1.5+dfsg1", "MemTotal": 16e9, "DockerRootDir": str(tmp_path)},
        containers=[],
        compose="2.26.1-4",
        buildx="github.com/docker/buildx 0.13.1+ds1",
        config={"name": "shop", "services": {}},
    )


def test_a_broken_setting_fails_with_its_own_hint(facts):
    found = checks.settings(replace(facts, settings_error=UsageError("broken", "mend it")))
    assert (found.verdict, found.reason, found.fix) == ("fail", "broken", "mend it")


@pytest.mark.parametrize(
    ("error", "daemon", "permission"),
    [(None, "ok", "ok"), (GONE, "fail", "skip"), (DENIED, "skip", "fail"), (ABSENT, "skip", "skip")],
)
def test_no_daemon_and_no_permission_are_told_apart(facts, error, daemon, permission):
    facts = replace(facts, info=error or facts.info)
    assert checks.docker_daemon(facts).verdict == daemon
    assert checks.docker_permission(facts).verdict == permission


@pytest.mark.parametrize(
    ("version", "verdict"), [("23.0.6", "fail"), ("24.0.0", "ok"), ("29.0.0-rc1", "ok"), ("dev", "ok")]
)
def test_an_engine_older_than_24_fails(facts, version, verdict):
    assert checks.docker_daemon(replace(facts, info={"ServerVersion": version})).verdict == verdict


@pytest.mark.parametrize(("version", "verdict"), [("2.25.9", "fail"), ("2.26.0", "ok"), ("v5.0.1", "ok")])
def test_a_compose_older_than_2_26_fails(facts, version, verdict):
    assert checks.compose_version(replace(facts, compose=version)).verdict == verdict


def test_doctor_sends_nobody_to_doctor(facts):
    error = StackError("something nobody foresaw", docker.DOCTOR)
    assert checks.docker_daemon(replace(facts, info=error)) == checks.Finding("fail", "something nobody foresaw")


def test_a_missing_client_is_one_failure_and_not_five(facts):
    facts = replace(facts, client=ABSENT, info=ABSENT, compose=ABSENT, buildx=ABSENT, config=ABSENT, containers=ABSENT)
    asked = (checks.docker_client, checks.docker_daemon, checks.docker_permission, checks.compose_version)
    verdicts = [check(facts).verdict for check in (*asked, checks.buildx_version, checks.compose_file, checks.ports)]
    assert verdicts == ["fail", *["skip"] * 6]


@pytest.mark.parametrize(("free", "verdict"), [(1e9, "fail"), (5e9, "warn"), (50e9, "ok")])
def test_a_full_disk_is_seen_before_it_is_full(facts, monkeypatch, free, verdict):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert checks.disk(facts).verdict == verdict


def test_without_docker_s_folder_and_without_a_home_the_disk_is_judged_all_the_same(facts, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "no" / "home"))
    for info in (GONE, {"DockerRootDir": "/of/another/machine"}):
        assert checks.disk(replace(facts, info=info)).reason.endswith(f" GB free at {tmp_path}")


@pytest.mark.parametrize(("total", "verdict"), [(4e9, "warn"), (16e9, "ok")])
def test_little_memory_is_a_warning(facts, total, verdict):
    assert checks.memory(replace(facts, info={"MemTotal": total})).verdict == verdict


def test_a_cpu_that_mongodb_does_not_run_on_fails(facts, monkeypatch):
    monkeypatch.setattr(machine, "missing_cpu_flag", lambda: "avx")
    assert checks.cpu_flags(facts).verdict == "fail"


def test_a_gpu_that_docker_cannot_use_is_a_warning_with_the_command(facts, monkeypatch):
    monkeypatch.setattr(machine, "gpu", lambda _: ("none", "RTX, but Docker has neither the nvidia runtime nor …"))
    found = checks.gpu(facts)
    assert found.verdict == "warn"
    assert "nvidia-ctk" in found.fix


def test_keys_are_present_or_not_and_never_shown(facts):
    found = checks.keys(replace(facts, settings=replace(facts.settings, openai_api_key="sk-secret")))
    assert found.verdict == "ok"
    assert "OPENAI_API_KEY: yes" in found.reason
    assert "secret" not in str(found)


def test_a_taken_port_names_its_owner(facts):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = {"target": 6379, "published": str(taken.getsockname()[1]), "host_ip": "127.0.0.1"}
        found = checks.ports(replace(facts, config={"name": "shop", "services": {"redis": {"ports": [port]}}}))
    assert found.verdict == "warn"
    assert f"{port['published']} (redis) is taken by" in found.reason
    assert found.fix == "samplemind up --auto-ports"


def test_services_that_do_not_answer_are_warnings(facts):
    with socket.socket() as unused:  # bound and not listening: nobody else gets the port
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        here = replace(facts.settings, redis_url=f"redis://:secret@127.0.0.1:{port}/0", ollama_host=f"127.0.0.1:{port}")
        redis, ollama = (check(replace(facts, settings=here)) for check in (checks.redis, checks.ollama))
    assert (redis.verdict, ollama.verdict) == ("warn", "warn")
    assert "secret" not in str(redis)


@pytest.mark.parametrize("place", ["redis+sentinel://:s3cret@127.0.0.1:1/mine", "redis+cluster://:s3cret@127.0.0.1:1"])
def test_a_redis_of_several_that_does_not_answer_is_a_warning_without_its_password(facts, place):
    found = checks.redis(replace(facts, settings=replace(facts.settings, redis_url=place)))

    assert found.verdict == "warn"
    assert "127.0.0.1:1" in found.reason
    assert "s3cret" not in str(found)


def test_an_address_of_several_that_is_wrong_fails(facts):
    found = checks.redis(replace(facts, settings=replace(facts.settings, redis_url="redis+sentinel://h")))

    assert (found.verdict, found.fix) == ("fail", "correct SAMPLEMIND_REDIS_URL")


@pytest.mark.parametrize("url", ["redis://127.0.0.1:x", "redis://[::1", "h:99999"])
def test_an_address_that_is_none_fails(facts, url):
    facts = replace(facts, settings=replace(facts.settings, redis_url=url, ollama_host=url))
    assert {checks.redis(facts).verdict, checks.ollama(facts).verdict} == {"fail"}


def test_a_folder_that_cannot_be_written_to_fails_with_its_name(facts, monkeypatch, tmp_path):
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, how: access(place, how) and (how == os.F_OK or place != tmp_path))
    found = checks.folders(facts)
    assert found.verdict == "fail"
    assert str(tmp_path) in found.reason


def test_a_folder_below_the_home_is_to_be_ones_own_and_one_above_it_is_left_to_its_owner(facts, monkeypatch, tmp_path):
    access = os.access
    monkeypatch.setattr(os, "access", lambda place, how: access(place, how) and (how == os.F_OK or place != tmp_path))

    monkeypatch.setenv("HOME", str(tmp_path.parent))
    assert checks.folders(facts).fix == f"sudo chown -R $USER {tmp_path}"

    for home in (tmp_path, tmp_path / "nobody"):
        monkeypatch.setenv("HOME", str(home))
        assert checks.folders(facts).fix == "export XDG_CACHE_HOME=FOLDER, one that you can write to"


def test_where_no_folder_can_be_nothing_is_recorded(facts, tmp_path):
    (tmp_path / "file").touch()
    settings = replace(facts.settings, state_dir=str(tmp_path / "file" / "samplemind"))

    assert checks.record(replace(facts, settings=settings)).verdict == "ok"


@pytest.mark.parametrize(("text", "verdict"), [(None, "ok"), ("{}", "ok"), ("{", "warn"), ("[]", "warn")])
def test_a_broken_record_is_a_warning(facts, text, verdict):
    from pathlib import Path

    if text is not None:
        Path(facts.settings.state_dir).mkdir()
        Path(facts.settings.state_dir, "stack.json").write_text(text)
    assert checks.record(facts).verdict == verdict


def test_a_record_that_may_not_be_read_is_not_called_broken(facts, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(checks.Path, "read_bytes", refused)
    found = checks.record(facts)

    assert found.reason.endswith("stack.json cannot be read")
    assert found.fix == "export XDG_STATE_HOME=FOLDER, one that you can write to"


def test_all_is_well_on_a_machine_where_all_is_well(facts):
    judged = {
        check.__name__: check(facts).verdict for check in checks.CHECKS if check not in (checks.redis, checks.ollama)
    }
    assert set(judged.values()) <= {"ok", "skip"}, judged


@pytest.mark.parametrize(
    "address", ["10.1.2.3", "169.254.169.254", "2001:db8::1", "evil.example", "127.0.0.1.evil.example"]
)
def test_no_files_of_a_project_send_the_doctor_to_another_machine(facts, monkeypatch, address):
    asked = []
    monkeypatch.setattr(checks, "insight", lambda port: asked.append(port.host) or {})
    port = {"target": 6379, "published": "443", "host_ip": address}
    checks.redis(replace(facts, config={"name": "shop", "services": {"redis": {"ports": [port]}}}))
    assert asked == ["127.0.0.1:6379"]
