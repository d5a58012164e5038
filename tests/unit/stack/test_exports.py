"""The exports of `samplemind env`."""

import re
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.settings import Settings
from samplemind_cli.stack import exports
from samplemind_cli.stack.origin import StackOrigin
from samplemind_cli.stack.services import Port

OURS = StackOrigin("", carried=True)
SHOP = StackOrigin("/work/shop", carried=False)


def port(target, address="127.0.0.1", published=7000, protocol="tcp"):
    return Port(address=address, published=published, target=target, protocol=protocol)


USUAL = {
    "redis": [port(6379)],
    "ollama": [port(11434, "0.0.0.0", 11434)],
    "mongodb": [port(27017, "", 27017)],
    "api": [port(8000, published=8000)],
    "worker": [],
}


def values(services, whose=SHOP, settings=None):
    return exports.addresses(services, whose, settings or Settings()).values


def notes(services, whose=SHOP):
    return exports.addresses(services, whose, Settings()).notes


def test_threads_are_the_cores_there_are():
    values = exports.speed(3)
    assert {values[f"{name}_THREADS"] for name in ("OMP_NUM", "MKL_NUM", "NUMEXPR_MAX")} == {"3"}
    assert values["DOCKER_BUILDKIT"] == values["COMPOSE_DOCKER_CLI_BUILD"] == "1"


def test_the_carried_stack_is_found_by_the_names_that_programs_read():
    assert values(USUAL, OURS) == {
        "REDIS_URL": "redis://127.0.0.1:7000",
        "SAMPLEMIND_REDIS_URL": "redis://127.0.0.1:7000",
        "OLLAMA_HOST": "http://127.0.0.1:11434",
        "MONGODB_URI": "mongodb://127.0.0.1:27017",
        "SAMPLEMIND_API_URL": "http://127.0.0.1:8000",
    }
    assert notes(USUAL, OURS) == []


def test_a_projects_services_steer_neither_prompts_nor_answers():
    assert values(USUAL) == {
        "REDIS_URL": "redis://127.0.0.1:7000",
        "MONGODB_URI": "mongodb://127.0.0.1:27017",
        "SAMPLEMIND_SERVICE_OLLAMA_URL": "http://127.0.0.1:11434",
        "SAMPLEMIND_SERVICE_API_URL": "http://127.0.0.1:8000",
    }
    assert [note.partition(" is not set")[0] for note in notes(USUAL)] == ["OLLAMA_HOST"]


HARMLESS = re.compile(r"SAMPLEMIND_SERVICE_[A-Z0-9_]+_URL")
STEERING = [
    "openai-base",
    "anthropic.base",
    "pip-index",
    "uv.index",
    "SAMPLEMIND-API",
    "samplemind.redis",
    "samplemind_openai_base",
    "OLLAMA",
    "https-proxy",
    "2fa",
    "-",
    "_",
    "path",
    "ld.preload",
]


@pytest.mark.parametrize("whose", [SHOP, OURS])
@pytest.mark.parametrize("service", STEERING)
def test_no_service_names_a_variable_that_programs_read(service, whose):
    assert all(map(HARMLESS.fullmatch, values({service: [port(80), port(6379), port(11434)]}, whose)))


@given(st.dictionaries(st.from_regex(r"[a-zA-Z0-9._-]+", fullmatch=True), st.just([port(80)]), max_size=6))
def test_every_service_has_a_variable_of_its_own_with_a_valid_name(services):
    found = exports.addresses(services, SHOP, Settings())
    assert len(found.values) == len(services)
    assert all(map(HARMLESS.fullmatch, found.values))


def test_services_whose_names_are_the_same_in_capitals_are_told_apart():
    services = {name: [port(80, published=n)] for n, name in enumerate(("a-b", "a.b", "A_B", "web"), 1)}
    found = exports.addresses(services, SHOP, Settings())
    assert sorted(found.values.values()) == [f"http://127.0.0.1:{n}" for n in (1, 2, 3, 4)]
    assert found.values["SAMPLEMIND_SERVICE_WEB_URL"] == "http://127.0.0.1:4"
    assert sorted(note.partition(" is ")[0] for note in found.notes) == ["A_B", "a-b", "a.b"]


def test_a_name_that_imitates_a_told_apart_one_does_not_take_its_place():
    services = {"a-b": [port(80)], "a.b": [port(80)]}
    imitation = next(iter(values(services))).removeprefix("SAMPLEMIND_SERVICE_").removesuffix("_URL")
    assert len(values({**services, imitation: [port(80)]})) == 3


@pytest.mark.parametrize("address", ["6.6.6.6", "192.168.1.5", "2001:db8::1", "169.254.169.254", "evil.example"])
def test_an_address_elsewhere_is_left_out_and_told(address):
    for name, target in (("redis", 6379), ("web", 80)):
        assert values({name: [port(target, address)]}) == {}
        assert notes({name: [port(target, address)]})[0].startswith(f"{name} is left out: ")


@pytest.mark.parametrize("address", ["", "0.0.0.0", "::", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_and_all_addresses_are_this_machine(address):
    assert [*values({"redis": [port(6379, address)]})] == ["REDIS_URL"]


def test_a_known_name_counts_only_where_its_port_is_the_known_one():
    services = {"redis": [port(80)], "mongodb": [port(27017, protocol="udp")], "ollama": [port(80)]}
    assert all(map(HARMLESS.fullmatch, values(services)))
    assert not any("OLLAMA_HOST" in name for name in values({"ollama": [port(80)]}, OURS))
    assert notes({"ollama": [port(80)]}) == []


def test_a_known_service_is_found_by_its_known_port_among_others():
    assert values({"redis": [port(80), port(6379, published=7)]}) == {"REDIS_URL": "redis://127.0.0.1:7"}


def test_services_in_use_instead_of_the_carried_ones_are_named():
    chosen = Settings(redis_url="redis://elsewhere:1/2", ollama_host="127.0.0.1:5")
    assert values(USUAL, OURS, chosen)["REDIS_URL"] == "redis://elsewhere:1/2"
    assert values(USUAL, OURS, chosen)["OLLAMA_HOST"] == "127.0.0.1:5"
    assert values(USUAL, SHOP, chosen) == values(USUAL)


def test_what_up_recorded_is_not_the_users_choice():
    recorded = Settings().changed({"ollama_host": "127.0.0.1:5"}, "the stack shop")
    assert values(USUAL, OURS, recorded)["OLLAMA_HOST"] == "http://127.0.0.1:11434"


def declared(*ports):
    return {"web": {"ports": [{"target": 80, "published": str(number), "host_ip": "127.0.0.1"} for number in ports]}}


def container(file, published, number="1", **more):
    labels = {"service": "web", "project.config_files": str(file), "container-number": number}
    return {
        "State": "running",
        "Labels": {f"com.docker.compose.{name}": value for name, value in labels.items()},
        "Ports": [{"IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": published, "Type": "tcp"}],
        **more,
    }


def test_the_running_containers_port_counts_before_the_declared_one(tmp_path):
    whose, settings = StackOrigin(str(tmp_path), carried=False), Settings(state_dir="/nowhere")
    file = tmp_path / "compose.yaml"

    def first(*running):
        ports = exports.published(declared(1), whose, running, settings)["web"]
        return ports[0].published if ports else None

    assert first() == 1
    assert first(container(file, 2)) == 2
    assert first(container(file, 3, "10"), container(file, 2, "2")) == 2
    assert first(container(file, 2, State="exited")) == 1
    assert first(container(file, 2, Ports=[])) == 1
    assert exports.published({"web": {}}, whose, [container(file, 2)], settings)["web"][0].published == 2


def test_a_running_service_of_an_inactive_profile_counts_too(tmp_path):
    whose, settings = StackOrigin(str(tmp_path), carried=False), Settings(state_dir="/nowhere")
    found = exports.published({}, whose, [container(tmp_path / "compose.yaml", 2)], settings)
    assert found == {"web": (port(80, published=2),)}


def test_a_container_that_another_projects_files_started_does_not_count_whatever_it_is_called(tmp_path):
    settings = Settings(state_dir=str(tmp_path / "state"))
    elsewhere = container(tmp_path / "elsewhere" / "compose.yaml", 6)
    for whose in (StackOrigin(str(tmp_path), carried=False), OURS):
        assert exports.published(declared(1), whose, [elsewhere, {"State": "running", "Labels": {}}], settings) == {
            "web": (port(80, published=1),)
        }


@pytest.mark.parametrize("value", ["$(touch x)", "`x`", "a'b", 'a"b', "a\\b", "a;b", "$HOME", "a\nb", "!x"])
def test_no_value_is_run_by_the_shell_that_evaluates_it(value):
    for shell in ("bash", "zsh"):
        assert shlex.split(exports.line("X", value, shell)) == ["export", f"X={value}"]
        assert "'" in exports.line("X", value, shell)


@pytest.mark.slow
@pytest.mark.parametrize("shell", [shell for shell in ("bash", "zsh", "fish") if shutil.which(shell)])
@given(value=st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=20))
def test_any_value_survives_the_shell(shell, value):
    script = f'{exports.line("X", value, shell)}\nprintf %s "$X"'
    assert subprocess.run([shell, "-c", script], capture_output=True, check=True).stdout.decode() == value


@given(value=st.text(max_size=20))
def test_fish_leaves_no_quote_open(value):
    quoted = exports.line("X", value, "fish").removeprefix("set -gx X ")
    assert quoted.startswith("'")
    inner = quoted[1:-1].replace("\\\\", "").replace("\\'", "")
    assert "'" not in inner
    assert not inner.endswith("\\")
