import socket
from pathlib import Path

import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.settings import Settings
from samplemind_cli.stack import up_plan as plans
from samplemind_cli.stack.ports import overlaid
from samplemind_cli.stack.up_plan import UpOptions, planned


class Engine:
    """An engine without containers, of the present."""

    def get(self, path, **_):
        return {"/info": {"ServerVersion": "26.1.5"}, "/containers/json": []}[path]


@pytest.fixture
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def make(tmp_path, monkeypatch):
    """Plan for services as Compose's JSON has them; `make.settings` are the settings used."""
    file = tmp_path / "compose.yaml"
    file.touch()
    settings = Settings(compose_file=str(file), state_dir=str(tmp_path), cache_dir=str(tmp_path))

    def make(declared, **options):
        monkeypatch.setattr(plans, "merged", lambda *_: {"name": "shop", "services": declared})
        make.told = []
        return planned(settings, Engine(), UpOptions(**options), make.told.append)

    make.folder = tmp_path
    return make


def listening(port, target=6379, **more):
    ports = [{"target": target, "published": str(port), "host_ip": "127.0.0.1", "protocol": "tcp"}]
    return {"ports": ports, **more}


def test_a_service_brings_what_it_depends_on(make):
    services = {"api": {"depends_on": {"redis": {}}}, "redis": {"depends_on": {"disk": {}}}, "disk": {}, "other": {}}
    assert set(make(services, services=("api",)).selected) == {"api", "redis", "disk"}
    assert set(make(services).selected) == set(services)
    assert make(services, services=("unknown",)).selected == {}


def test_dependencies_in_a_circle_end(make):
    services = {"a": {"depends_on": {"b": {}}}, "b": {"depends_on": {"a": {}}}}
    assert set(make(services, services=("a",)).selected) == {"a", "b"}


def test_a_taken_port_stops_it_with_a_hint_and_only_where_it_is_wanted(make, taken):
    services = {"redis": listening(taken), "other": {}}
    with pytest.raises(StackError, match=f"redis needs port {taken}") as caught:
        make(services)
    assert "--auto-ports" in caught.value.hint
    assert make(services, services=("other",)).notes == ()


def test_a_free_port_is_planned_with_said_and_remembered_beside_earlier_ones(make, taken):
    plan = make({"redis": listening(taken), "other": {}}, auto_ports=True)
    (note,) = plan.notes
    assert f"port {taken} is taken by " in note
    remembered = overlaid(plan.stack.files[-1])
    assert plan.selected["redis"]["ports"] == remembered["redis"]
    assert remembered["redis"][0]["published"] != str(taken)
    again = make({"web": listening(taken)}, auto_ports=True)
    assert set(overlaid(again.stack.files[-1])) == {"redis", "web"}


def test_a_native_ollama_is_adopted_and_any_other_program_is_not(make, taken, monkeypatch):
    services = {"llm": listening(taken, 11434), "api": {"depends_on": {"llm": {}}}}
    monkeypatch.setattr(plans, "ollama_version", lambda _: "0.17.4")
    plan = make(services)
    assert plan.adopted == {"llm": f"127.0.0.1:{taken}"}
    assert set(plan.selected) == {"api"}
    assert "Ollama 0.17.4 already runs on" in "".join(plan.notes)
    with pytest.raises(StackError, match="llm needs port"):
        make(services, adopt=False)
    monkeypatch.setattr(plans, "ollama_version", lambda _: "")
    with pytest.raises(StackError, match="llm needs port"):
        make(services)
    monkeypatch.undo()


def test_an_adopted_ollama_that_containers_may_not_reach_is_told_of(make, taken, monkeypatch):
    monkeypatch.setattr(plans, "ollama_version", lambda _: "0.17.4")
    monkeypatch.setattr(plans.ports, "only_on_loopback", lambda _: True)
    api = {"depends_on": {"llm": {}}, "environment": {"OLLAMA_HOST": "http://llm:11434"}}
    notes = make({"llm": listening(taken, 11434), "api": api}).notes
    assert "only on loopback" in notes[-1]
    assert "--no-adopt" in notes[-1]
    assert not any("loopback" in note for note in make({"llm": listening(taken, 11434), "redis": {}}).notes)


def test_a_stack_without_gpu_overlays_is_told_nothing_of_gpus(make):
    plan = make({"redis": {}})
    assert (plan.gpu, plan.notes) == ("none", ())


def test_auto_takes_the_machine_s_gpu_and_says_why(make, monkeypatch):
    (make.folder / "compose.gpu.cdi.yaml").touch()
    monkeypatch.setattr(plans, "gpu_of_machine", lambda _: ("cdi", "a card, and a CDI specification"))
    plan = make({"ollama": {}})
    assert plan.notes == ("GPU: cdi (a card, and a CDI specification)",)
    assert [Path(file).name for file in plan.stack.files] == ["compose.yaml", "compose.gpu.cdi.yaml"]
    assert make({"ollama": {}}, gpu="none").notes == ()


def test_only_ollama_s_own_port_is_asked_whether_an_ollama_is_there(make, taken, monkeypatch):
    probed = []
    monkeypatch.setattr(plans, "ollama_version", lambda port: probed.append(port.target) or "")
    for target in (6379, 11434):
        with pytest.raises(StackError, match="svc needs port"):
            make({"svc": listening(taken, target)})
    assert probed == [11434]


def test_a_container_s_port_is_never_taken_for_a_native_ollama(make, taken, monkeypatch):
    monkeypatch.setattr(plans, "ollama_version", lambda _: "0.17.4")
    container = {"Names": ["/x"], "Ports": [{"IP": "127.0.0.1", "PublicPort": taken, "Type": "tcp"}]}
    monkeypatch.setattr(plans, "containers", lambda _: [container])
    with pytest.raises(StackError, match="container x uses"):
        make({"llm": listening(taken, 11434)})


def test_what_is_declared_is_remembered_where_all_of_it_was_asked_for(make):
    remembered = make.folder / "compose.json"
    make({"redis": {}}, services=("redis",))
    assert not remembered.exists()
    make({"redis": {}})
    assert remembered.exists()


def test_a_port_that_another_container_publishes_is_not_chosen(make, taken, monkeypatch):
    other = {"Names": ["/x"], "Ports": [{"PrivatePort": 80}, {"PublicPort": taken + 1, "Type": "udp"}]}
    monkeypatch.setattr(plans, "containers", lambda _: [other])
    plan = make({"redis": listening(taken)}, auto_ports=True)
    assert int(plan.selected["redis"]["ports"][0]["published"]) > taken + 1
