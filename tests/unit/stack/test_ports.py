import os
import socket

import pytest

from samplemind_cli.errors import StackError, UsageError
from samplemind_cli.stack import ports
from samplemind_cli.stack.ports import (
    Conflict,
    fixed_ports,
    is_free,
    moved,
    overlaid,
    overlay,
    program_on,
)
from samplemind_cli.stack.services import Port


def conflicts(services, project, containers):
    return list(ports.conflicts(services, project, containers))


@pytest.fixture
def taken():
    """A port of this machine on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def definition(*published, target=6379):
    """A service as Compose's JSON has it."""
    ports = [{"target": target, "published": str(p), "host_ip": "127.0.0.1", "protocol": "tcp"} for p in published]
    return {"ports": ports}


def published(port, project="", service="", name="box", address="127.0.0.1"):
    """A container as the engine's list has it."""
    labels = {"com.docker.compose.project": project, "com.docker.compose.service": service} if project else {}
    public = [{"IP": address, "PublicPort": port, "PrivatePort": 1, "Type": "tcp"}, {"PrivatePort": 2, "Type": "tcp"}]
    return {"Names": [f"/{name}"], "Labels": labels, "Ports": public}


def test_ports_that_leave_a_choice_cannot_clash():
    assert fixed_ports(definition("8000-8010", "0", "")) == []
    assert fixed_ports({"ports": [{"target": 80}]}) == fixed_ports({}) == fixed_ports({"ports": None}) == []
    assert [port.published for port in fixed_ports(definition(6379))] == [6379]


def test_a_program_is_named_with_its_process(taken):
    (clash,) = conflicts({"redis": definition(taken)}, "shop", [])
    assert clash.program
    assert clash.owner.endswith(f"(process {os.getpid()})")


def test_a_container_is_named_with_its_project(taken):
    (clash,) = conflicts({"redis": definition(taken)}, "shop", [published(taken, "other", "cache", "other-cache-1")])
    assert clash == Conflict(
        "redis",
        Port(address="127.0.0.1", published=taken, target=6379),
        "service cache of project other (container other-cache-1)",
        program=False,
    )
    (clash,) = conflicts({"redis": definition(taken)}, "shop", [published(taken)])
    assert clash.owner == "container box"


def test_what_a_service_holds_itself_is_its_own(taken):
    assert conflicts({"redis": definition(taken)}, "shop", [published(taken, "shop", "redis")]) == []


@pytest.mark.parametrize(("address", "clashes"), [("0.0.0.0", 1), ("::", 1), ("", 1), ("127.0.0.9", 0)])
def test_an_address_clashes_with_itself_and_with_all_addresses(address, clashes):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    found = conflicts({"redis": definition(port)}, "shop", [published(port, address=address)])
    assert len(found) == clashes


def test_udp_and_tcp_are_apart(taken):
    assert is_free(Port(address="127.0.0.1", published=taken, target=1, protocol="udp"))
    assert not is_free(Port(address="", published=taken, target=1))


def test_a_port_that_only_root_may_have_is_left_to_docker(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)
    assert is_free(Port(address="", published=80, target=80))


def test_a_program_that_cannot_be_seen_has_no_name(tmp_path, taken):
    port = Port(address="127.0.0.1", published=taken, target=1)
    assert program_on(port, tmp_path) == ""
    net = tmp_path / "net"
    net.mkdir()
    (net / "tcp").write_text(f"head\n0: 0100007F:{taken:04X} 0:0 0A 0:0 0:0 0 0 0 4711 1\n")
    assert program_on(port, tmp_path) == ""
    descriptor = tmp_path / "12" / "fd"
    descriptor.mkdir(parents=True)
    (descriptor / "3").symlink_to("socket:[4711]")
    (tmp_path / "12" / "comm").write_text("redis-server\n")
    assert program_on(port, tmp_path) == "redis-server (process 12)"


ANYWHERE, LOCAL, LOCAL_6 = "00000000", "0100007F", "00000000000000000000000001000000"


@pytest.mark.parametrize(
    ("listeners", "alone"),
    [
        ([("tcp", LOCAL)], True),
        ([("tcp", LOCAL), ("tcp6", LOCAL_6)], True),
        ([("tcp", ANYWHERE)], False),
        ([("tcp6", "0" * 32)], False),
        ([("tcp", LOCAL), ("tcp", "0200A8C0")], False),
        ([], False),
    ],
)
def test_a_program_that_listens_only_on_loopback_is_recognized(tmp_path, listeners, alone):
    net = tmp_path / "net"
    net.mkdir()
    for table in ("tcp", "tcp6"):
        lines = [f"0: {a}:1A85 0:0 0A 0:0 0:0 0 0 0 4711 1\n" for name, a in listeners if name == table]
        (net / table).write_text("".join(["head\n", *lines, f"1: {ANYWHERE}:1A86 0:0 0A 0:0 0:0 0 0 0 4712 1\n"]))
    port = Port(address="127.0.0.1", published=0x1A85, target=11434)
    assert ports.only_on_loopback(port, tmp_path) is alone


def test_the_next_free_port_is_chosen_past_taken_and_published_ones(taken):
    services = {"redis": definition(taken), "other": definition(taken + 1)}
    clashes = conflicts({"redis": services["redis"]}, "shop", [])
    chosen = int(moved(services, clashes, {taken + 2})["redis"][0]["published"])
    assert chosen > taken + 2
    assert is_free(Port(address="127.0.0.1", published=chosen, target=1))


def test_two_clashes_of_a_service_get_two_ports(taken):
    service = {"ports": definition(taken)["ports"] + definition(taken, target=80)["ports"]}
    clashes = conflicts({"web": service}, "shop", [])
    first, second = moved({"web": service}, clashes, ())["web"]
    assert len({first["published"], second["published"], str(taken)}) == 3


def test_no_port_near_is_an_error(monkeypatch, taken):
    monkeypatch.setattr("samplemind_cli.stack.ports.is_free", lambda _: False)
    clash = Conflict("redis", Port(address="127.0.0.1", published=taken, target=6379), "x", program=True)
    with pytest.raises(StackError, match="is free"):
        moved({"redis": definition(taken)}, [clash], ())


def test_what_is_remembered_is_read_again(tmp_path):
    lists = {"redis": definition(6380)["ports"], 'odd "name"': []}
    (tmp_path / "ports.yaml").write_text(overlay(lists))
    assert overlaid(tmp_path / "ports.yaml") == lists
    assert overlaid(tmp_path / "absent.yaml") == {}


def test_of_two_services_that_want_one_port_the_first_keeps_it(taken):
    free = ports._next_free(Port(address="127.0.0.1", published=taken, target=1), ())
    (clash,) = conflicts({"one": definition(free), "two": definition(free)}, "shop", [])
    assert (clash.service, clash.owner, clash.program) == ("two", "service one of this project", False)
    lists = moved({"one": definition(free), "two": definition(free)}, [clash], ())
    assert lists["two"][0]["published"] != str(free)


def test_the_service_that_holds_the_port_keeps_it_whatever_the_order(taken):
    services = {"one": definition(taken), "two": definition(taken)}
    (clash,) = conflicts(services, "shop", [published(taken, "shop", "two")])
    assert clash.service == "one"


def test_one_port_for_two_of_a_service_s_own_moves_the_second(taken):
    free = ports._next_free(Port(address="127.0.0.1", published=taken, target=1), ())
    both = {"web": {"ports": [*definition(free, target=1)["ports"], *definition(free, target=2)["ports"]]}}
    (clash,) = conflicts(both, "shop", [])
    assert clash.port.target == 2
    first, second = moved(both, [clash], ())["web"]
    assert first["published"] == str(free) != second["published"]


def test_a_port_on_both_families_of_addresses_is_one_need(taken):
    free = ports._next_free(Port(address="127.0.0.1", published=taken, target=1), ())
    families = [{**definition(free)["ports"][0], "host_ip": address} for address in ("0.0.0.0", "::")]
    assert conflicts({"web": {"ports": families}}, "shop", []) == []


@pytest.mark.parametrize("none", [{"scale": 0}, {"deploy": {"replicas": 0}}])
def test_a_service_without_replicas_wants_no_port(taken, none):
    assert conflicts({"web": {**definition(taken), **none}}, "shop", []) == []


@pytest.mark.parametrize("three", [{"scale": 3}, {"deploy": {"replicas": 3}}])
def test_replicas_on_one_port_are_told_as_what_they_are(three):
    with pytest.raises(UsageError, match="web has 3 replicas, which cannot all listen on port 80") as raised:
        ports.require_room_for_replicas({"web": {**definition(80, target=8000), **three}})
    assert '"80-82:8000"' in raised.value.hint
    ports.require_room_for_replicas({"web": {**definition("80-82"), **three}, "one": definition(81)})


def test_a_name_in_somebodys_files_is_not_looked_up(monkeypatch):
    looked = []
    monkeypatch.setattr(socket.socket, "bind", lambda _, place: looked.append(place), raising=False)
    assert is_free(Port(address="evil.example", published=7000, target=6379))
    assert looked == []


def test_only_the_taken_port_of_a_service_moves(taken):
    kept = [
        {"target": 80, "published": str(taken), "host_ip": "127.0.0.1", "protocol": "udp"},
        {"target": 81, "published": "8000-8010", "host_ip": "127.0.0.1", "protocol": "tcp"},
        {"target": 82, "host_ip": "127.0.0.1", "protocol": "tcp"},
    ]
    service = {"ports": [*kept, *definition(taken)["ports"]]}
    lists = moved({"web": service, "other": definition(1)}, conflicts({"web": definition(taken)}, "shop", []), ())
    assert list(lists) == ["web"]
    assert lists["web"][:3] == kept
    assert int(lists["web"][3]["published"]) > taken
    assert service["ports"][3]["published"] == str(taken)  # the files' own list stays as it was
