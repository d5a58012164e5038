import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import listening as module
from samplemind_cli.stack import record
from samplemind_cli.stack.files import Stack
from samplemind_cli.stack.listening import kind_of, listening
from samplemind_cli.stack.origin import StackOrigin
from samplemind_cli.stack.services import Port, ServiceState
from samplemind_cli.stack.up_plan import UpPlan

SHOP = StackOrigin("/work/shop", carried=False)
OURS = StackOrigin("", carried=True)


def plan(**more):
    return UpPlan(**{"stack": Stack(files=()), "project": "shop", "services": (), "selected": {}, **more})


def running(name, *ports):
    return ServiceState(service=name, state="running", ports=tuple(ports))


def port(target, address="0.0.0.0", published=6380, protocol="tcp"):
    return Port(address=address, published=published, target=target, protocol=protocol)


def test_what_runs_and_what_is_adopted_is_recorded():
    services = [
        running("redis", port(6379)),
        ServiceState(service="crash", state="exited", exit_code=1, ports=(port(80),)),
        running("slow"),
    ]
    assert listening(plan(adopted={"ollama": "127.0.0.1:11434"}), SHOP, services) == {
        "redis": {"target": 6379, "host": "127.0.0.1:6380", "kind": "redis"},
        "ollama": {"target": 11434, "host": "127.0.0.1:11434", "adopted": True, "kind": "ollama"},
    }


def test_a_port_alone_makes_no_ollama():
    assert "kind" not in listening(plan(), SHOP, [running("web", port(11434))])["web"]
    assert "kind" not in listening(plan(), SHOP, [running("ollama", port(80))])["ollama"]
    assert "kind" not in listening(plan(), SHOP, [running("ollama", port(80), port(81))])["ollama"]


def test_a_service_with_several_ports_is_recorded_by_the_one_it_is_known_by():
    found = listening(plan(), SHOP, [running("ollama", port(80), port(11434, published=7))])["ollama"]
    assert found == {"target": 11434, "host": "127.0.0.1:7", "kind": "ollama", "also": ["127.0.0.1:6380"]}
    assert listening(plan(), SHOP, [running("redis", port(6379, protocol="udp"))]) == {}


@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("redis", "", "redis"),
        ("cache", "redis:8", "redis"),
        ("llm", "ollama/ollama:0.17.4", "ollama"),
        ("llm", "localhost:5000/x/ollama@sha256:abc", "ollama"),
        ("web", "someone/ollama-proxy", ""),
        ("redis-commander", "rediscommander/redis-commander", ""),
    ],
)
def test_a_service_is_known_by_its_name_or_its_images(name, image, kind):
    assert kind_of(name, image) == kind


def test_an_address_that_is_not_loopback_is_recorded_of_the_carried_stack_alone():
    services = [running("ollama", port(11434, "192.168.1.5"))]
    assert listening(plan(), SHOP, services) == {}
    assert listening(plan(), OURS, services)["ollama"]["host"] == "192.168.1.5:6380"


def test_nothing_is_recorded_of_an_engine_on_another_machine(monkeypatch, tmp_path):
    settings = Settings(state_dir=str(tmp_path))
    shop = plan(stack=Stack(files=(tmp_path / "compose.yaml",)))
    monkeypatch.setattr(module, "engine_elsewhere", lambda: "ssh://far")
    module.record(settings, shop, [running("ollama", port(11434))])
    assert record.load(settings, "shop")["services"] == {}
    monkeypatch.setattr(module, "engine_elsewhere", lambda: "")
    module.record(settings, shop, [running("ollama", port(11434))])
    assert record.load(settings, "shop")["folder"] == str(tmp_path)


def test_every_port_that_leads_to_a_projects_containers_is_recorded():
    ports = [port(80, "192.168.1.5"), port(81, published=81), port(9, published=11434), port(5, protocol="udp")]
    services = [running("web", *ports), ServiceState(service="web", number=2, state="running", ports=(port(80),))]
    found = {"target": 81, "host": "127.0.0.1:81", "also": ["127.0.0.1:11434", "127.0.0.1:6380"]}
    assert listening(plan(), SHOP, services) == {"web": found}


def test_what_a_clone_makes_of_files_above_it_is_recorded_of_the_clone(monkeypatch, tmp_path):
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setattr(module, "engine_elsewhere", lambda: "")
    both = Stack(files=(tmp_path / "compose.yaml", tmp_path / "clone" / "evil.yaml"))
    settings = Settings(state_dir=str(tmp_path / "state"))
    module.record(settings, plan(stack=both), [running("ollama", port(11434))])
    assert record.load(settings, "shop")["folder"] == str(tmp_path / "clone")
