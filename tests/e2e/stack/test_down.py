"""`down` on the real engine."""

import json
import subprocess

import pytest

pytestmark = pytest.mark.e2e


@pytest.fixture
def stack(project):
    stack = project(
        {"redis": project.redis(volumes=["data:/data"]), "models": project.redis(volumes=["models:/root/.ollama"])},
        ["data", "models"],
    )
    stack.run("up")
    return stack


def existing(stack):
    listed = ["docker", "volume", "ls", "--quiet", "--filter", f"label=com.docker.compose.project={stack.name}"]
    return set(subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split())


def test_data_stays(stack):
    told = stack.run("down")
    assert told.err.count("stopped and removed") == 2
    assert stack.ids() == set()
    assert existing(stack) == {f"{stack.name}_data", f"{stack.name}_models"}
    assert "nothing was running" in stack.run("down").err


def test_volumes_are_named_with_sizes_and_not_deleted_unless_somebody_agrees(stack):
    told = stack.run("down", "--volumes", code=2, stdin=subprocess.DEVNULL)
    assert f"to be deleted: {stack.name}_data (redis:/data), " in told.err
    assert f"kept: {stack.name}_models (models:/root/.ollama), 0 B of models" in told.err
    assert "--yes" in told.err
    assert len(stack.ids()) == 2


def test_volumes_go_and_models_are_spared_unless_named(stack):
    told = json.loads(stack.run("down", "--volumes", "--yes", "--json").out)
    named = [volume["volume"] for volume in told["deleted"] if volume["volume"].startswith(stack.name)]
    assert named == [f"{stack.name}_data"]
    assert [v["volume"] for v in told["kept"]] == [f"{stack.name}_models"]
    assert sorted(told["stopped"]) == [f"{stack.name}-models-1", f"{stack.name}-redis-1"]
    assert existing(stack) == {f"{stack.name}_models"}
    stack.run("down", "--volumes", "--models", "--yes")
    assert existing(stack) == set()


def test_a_single_service_is_stopped_with_its_own_volume_alone(stack):
    stack.run("down", "redis", "--volumes", "--yes")
    assert existing(stack) == {f"{stack.name}_models"}
    assert stack.ps()["models"]["state"] == "running"
    assert stack.ps()["redis"]["state"] == "absent"


def test_models_without_volumes_is_refused(project):
    assert "--volumes --models" in project({"redis": project.redis()}).run("down", "--models", code=2).err
