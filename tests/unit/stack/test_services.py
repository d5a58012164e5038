import time

import pytest

from samplemind_cli.stack.services import (
    Port,
    ServiceState,
    observe,
    ports_in_list,
    service_of,
    with_absent,
    without_containers,
)

NOW = time.time()


def container(**state):
    """As the engine's `/containers/ID/json` answers."""
    return {
        "Id": "abc",
        "Name": "/shop-web-1",
        "RestartCount": 2,
        "State": {"Status": "running", "StartedAt": "2026-11-22T20:38:08.191457262Z", "ExitCode": 0, **state},
        "Config": {"Labels": {"com.docker.compose.service": "web"}},
        "HostConfig": {"Memory": 1024},
        "NetworkSettings": {
            "Ports": {
                "8000/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8000"}, {"HostIp": "::", "HostPort": "8000"}],
                "6379/tcp": [{"HostIp": "::1", "HostPort": "6380"}],
                "9/udp": None,
            }
        },
    }


def test_reads_a_container_as_the_engine_tells_it():
    log = [{"Output": "first"}, {"Output": " 500\n"}]
    service = service_of(container(Health={"Status": "unhealthy", "Log": log}))
    assert (service.service, service.container, service.health, service.probe) == (
        "web",
        "shop-web-1",
        "unhealthy",
        "500",
    )
    assert (service.restarts, service.memory_limit, service.exit_code) == (2, 1024, 0)
    assert service.started == pytest.approx(1795379888.191457)
    assert [port.url for port in service.ports] == ["redis://[::1]:6380", "http://127.0.0.1:8000"]


def test_a_container_without_healthcheck_or_never_started_has_neither_health_nor_probe():
    assert service_of(container()).health == ""
    assert service_of(container(Health={"Status": "none", "Log": None})).health == ""
    assert service_of(container(StartedAt="0001-01-01T00:00:00Z", Status="created")).started < 0


@pytest.mark.parametrize(
    ("service", "verdict"),
    [
        ({"state": "running", "health": "healthy"}, "ready"),
        ({"state": "running", "health": "starting"}, "waiting"),
        ({"state": "running", "health": "unhealthy"}, "failed"),
        ({"state": "running", "started": NOW - 60}, "ready"),
        ({"state": "running", "started": NOW - 0.1}, "waiting"),
        ({"state": "exited", "exit_code": 0}, "ready"),
        ({"state": "exited", "exit_code": 1}, "failed"),
        ({"state": "restarting", "restarts": 1}, "waiting"),
        ({"state": "restarting", "restarts": 3}, "failed"),
        ({"state": "running", "health": "healthy", "restarts": 30}, "ready"),
        ({"state": "dead"}, "failed"),
        ({"state": "created"}, "waiting"),
        ({}, "waiting"),
    ],
)
def test_a_service_is_ready_waiting_or_failed(service, verdict):
    assert ServiceState(service="web", **service).verdict(NOW) == verdict


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ({}, "not created"),
        ({"state": "running"}, "running"),
        ({"state": "running", "health": "starting"}, "starting"),
        ({"state": "exited", "exit_code": 137, "health": "unhealthy"}, "exited (137)"),
        ({"state": "paused"}, "paused"),
    ],
)
def test_a_condition_is_a_word_or_two(service, words):
    assert ServiceState(service="web", **service).condition == words


def test_replicas_have_numbers_from_the_second_on():
    assert [ServiceState(service="web", number=number).name for number in (1, 2)] == ["web", "web-2"]


@pytest.mark.parametrize("name", ["/shop-web-13", "/shop_web_2", "/web-2", "/2"])
def test_labels_and_not_the_containers_name_say_which_service_and_which_replica_it_is(name):
    found = container()
    labels = {"com.docker.compose.service": "db-2", "com.docker.compose.container-number": "3"}
    told = service_of({**found, "Name": name, "Config": {"Labels": labels}})
    assert (told.service, told.number, told.name) == ("db-2", 3, "db-2-3")


def test_more_than_nine_replicas_come_in_the_order_of_their_numbers():
    found = with_absent([ServiceState(service="web", number=number) for number in (10, 2, 1)], [])
    assert [service.name for service in found] == ["web", "web-2", "web-10"]


@pytest.mark.parametrize(
    ("target", "protocol", "url"),
    [
        (53, "udp", "udp://127.0.0.1:9"),
        (6379, "udp", "udp://127.0.0.1:9"),
        (80, "sctp", "sctp://127.0.0.1:9"),
        (80, "tcp", "http://127.0.0.1:9"),
        (443, "tcp", "https://127.0.0.1:9"),
    ],
)
def test_a_port_that_is_not_tcp_has_its_protocols_name(target, protocol, url):
    assert Port(address="", published=9, target=target, protocol=protocol).url == url


def test_tcp_ports_come_first_and_twins_once_in_whichever_list_they_are_found():
    inspected = container()
    ports = {
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "38053"}],
        "8000/tcp": [{"HostIp": "::", "HostPort": "38000"}, {"HostIp": "0.0.0.0", "HostPort": "38000"}],
    }
    listed = [
        {"IP": "127.0.0.1", "PublicPort": 38053, "PrivatePort": 53, "Type": "udp"},
        {"IP": "::", "PublicPort": 38000, "PrivatePort": 8000, "Type": "tcp"},
        {"IP": "0.0.0.0", "PublicPort": 38000, "PrivatePort": 8000, "Type": "tcp"},
        {"PrivatePort": 9000, "Type": "tcp"},
    ]
    found = service_of({**inspected, "NetworkSettings": {"Ports": ports}})
    assert found.ports == ports_in_list({"Ports": listed})
    assert [port.url for port in found.ports] == ["http://127.0.0.1:38000", "udp://127.0.0.1:38053"]
    assert found.url == "http://127.0.0.1:38000"


def test_a_port_that_the_engine_chose_for_each_family_is_told_once_and_one_of_ipv6_alone_by_its_address():
    def urls(*published):
        listed = [{"IP": ip, "PublicPort": port, "PrivatePort": 80, "Type": "tcp"} for ip, port in published]
        return [port.url for port in ports_in_list({"Ports": listed})]

    assert urls(("::", 32770), ("0.0.0.0", 32769)) == ["http://127.0.0.1:32769"]
    assert urls(("0.0.0.0", 1), ("0.0.0.0", 2), ("::", 1), ("::", 2)) == ["http://127.0.0.1:1", "http://127.0.0.1:2"]
    assert urls(("127.0.0.1", 1), ("::", 2)) == ["http://127.0.0.1:1", "http://[::1]:2"]
    assert urls(("::", 1)) == ["http://[::1]:1"]


def test_a_declared_service_without_a_container_is_absent():
    found = with_absent([ServiceState(service="web", state="running")], ["redis", "web"])
    assert [(s.service, s.state) for s in found] == [("redis", "absent"), ("web", "running")]


def test_a_service_that_is_to_have_no_container_is_ready_without_one():
    services = {
        "none": {"scale": 0},
        "zero": {"deploy": {"replicas": 0}},
        "cloud": {"provider": {"type": "awesomecloud"}},
        "web": {"scale": 1},
    }
    found = with_absent([], services, without_containers(services))
    assert {s.service: (s.state, s.verdict(0)) for s in found} == {
        "none": ("scaled to 0", "ready"),
        "zero": ("scaled to 0", "ready"),
        "cloud": ("outside of Docker", "ready"),
        "web": ("absent", "waiting"),
    }


def test_a_container_that_goes_while_it_is_looked_at_is_left_out():
    class Engine:
        def get(self, path):
            return container() if path == "/containers/abc/json" else None

    assert [service.id for service in observe(Engine(), [{"Id": "abc"}, {"Id": "gone"}])] == ["abc"]


def test_a_port_on_all_addresses_is_reached_on_loopback():
    assert Port(address="", published=27018, target=27017).url == "mongodb://127.0.0.1:27018"
