import pytest

from samplemind_cli.settings import Settings
from samplemind_cli.stack import origin as module
from samplemind_cli.stack.files import CARRIED, located
from samplemind_cli.stack.origin import StackOrigin, engine_elsewhere, is_loopback, origin, started_from


@pytest.fixture
def settings(tmp_path):
    return Settings(state_dir=str(tmp_path / "state"))


OURS = CARRIED[1] / "compose.yaml"  # a checkout's


def test_the_stack_that_comes_with_samplemind_is_known_by_where_its_files_lie(settings, tmp_path):
    ports = tmp_path / "state" / "ports-1.yaml"
    assert origin(settings, [OURS, OURS.with_name("compose.gpu.rocm.yaml"), ports]) == StackOrigin("", carried=True)
    assert origin(settings, located(settings, tmp_path).files).carried


def test_one_file_that_is_not_ours_makes_it_a_projects(settings, tmp_path):
    evil = tmp_path / "shop" / "compose.yaml"
    assert not origin(settings, [OURS, evil]).carried
    assert origin(settings, [evil, OURS]) == StackOrigin(str(tmp_path / "shop"), carried=False)
    assert not origin(settings, [tmp_path / "state" / "ports-1.yaml"]).carried


def test_a_copy_of_our_files_is_a_projects(settings, tmp_path):
    copy = tmp_path / "samplemind_cli" / "compose" / "compose.yaml"
    assert origin(settings, [copy]) == StackOrigin(str(tmp_path / "samplemind_cli"), carried=False)


def test_a_link_is_taken_for_what_it_leads_to(settings, tmp_path):
    link = tmp_path / "compose.yaml"
    link.symlink_to(OURS)
    assert origin(settings, [link]).carried


def test_a_projects_folder_is_above_its_compose_folder(settings, tmp_path):
    assert origin(settings, [tmp_path / "shop" / "compose" / "compose.yaml"]).folder == str(tmp_path / "shop")


def test_the_files_of_a_container_are_told_by_composes_label():
    label = "com.docker.compose.project.config_files"
    assert [*map(str, started_from({"Labels": {label: "/a/compose.yaml,/b.yaml"}}))] == ["/a/compose.yaml", "/b.yaml"]
    assert started_from({"Labels": None}) == started_from({}) == started_from({"Labels": {label: ""}}) == []


@pytest.mark.parametrize(
    ("endpoint", "elsewhere"),
    [
        ("unix:///var/run/docker.sock", ""),
        ("npipe:////./pipe/docker_engine", ""),
        ("tcp://127.0.0.1:2375", ""),
        ("tcp://localhost:2375", ""),
        ("tcp://[::1]:2375", ""),
        ("ssh://me:secret@far", "ssh://far"),
        ("tcp://10.0.0.7:2376", "tcp://10.0.0.7"),
        ("tcp://127.0.0.1.evil.example:2375", "tcp://127.0.0.1.evil.example"),
    ],
)
def test_an_engine_is_elsewhere_when_its_endpoint_is(endpoint, elsewhere, monkeypatch):
    monkeypatch.setattr(module, "docker_command", lambda *_: ["echo", endpoint])
    assert engine_elsewhere() == elsewhere
    monkeypatch.setenv("DOCKER_HOST", endpoint)
    monkeypatch.setattr(module, "docker_command", lambda *_: pytest.fail("the environment says it"))
    assert engine_elsewhere() == elsewhere


@pytest.mark.parametrize("host", ["", "0.0.0.0", "6.6.6.6", "localhost.evil.example", "1.0.0.127", "::", "127.1"])
def test_what_is_not_exactly_loopback_is_not(host):
    assert not is_loopback(host)
