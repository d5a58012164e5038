import json

import pytest

from samplemind_cli import cli
from samplemind_cli.commands.down import _as_json, _confirmed, _kept_lines, _with_size
from samplemind_cli.errors import UsageError
from samplemind_cli.stack.down import Volume

DATA = Volume(name="shop_data", size=1500, place="redis:/data")
UNNAMED = Volume(name="0123456789ab" + "c" * 52, size=-1)


def test_help_has_an_example(capfd):
    assert cli.run(["down", "--help"]) == 0
    assert "samplemind down --volumes" in capfd.readouterr().out


def test_models_alone_are_not_deleted(capfd):
    assert cli.run(["down", "--models"]) == 2
    assert "samplemind down --volumes --models" in capfd.readouterr().err


def test_a_volume_is_told_with_its_place_and_size():
    assert _with_size(DATA) == "shop_data (redis:/data), 1.5 kB"
    assert _with_size(UNNAMED) == "0123456789ab, size unknown"
    assert _as_json([DATA, UNNAMED])[1] == {"volume": UNNAMED.name, "bytes": None}


def test_what_would_be_lost_is_said_before_anybody_is_asked(capfd):
    with pytest.raises(UsageError, match="not a terminal"):
        _confirmed([DATA], [UNNAMED], yes=False)
    assert capfd.readouterr().err == (
        "to be deleted: shop_data (redis:/data), 1.5 kB\n"
        "kept: 0123456789ab, size unknown of models (--models deletes them too)\n"
    )
    assert _confirmed([], [UNNAMED], yes=False)
    assert _confirmed([DATA], [], yes=True)


def test_what_is_left_is_told_with_the_command_that_removes_it():
    models = Volume(name="shop_models", size=-1, place="llm:/root/.ollama")
    lines = list(_kept_lines([DATA, models, UNNAMED], ["shop_default"], "samplemind down"))
    assert lines == [
        "kept: shop_data (redis:/data); to delete: samplemind down --volumes",
        "kept: shop_models (llm:/root/.ollama); to delete: samplemind down --volumes --models",
        "kept: 0123456789ab; to delete: docker volume rm " + UNNAMED.name,
        "kept: network shop_default, which others use; to delete: docker network rm shop_default",
    ]
    assert list(_kept_lines([], [], "samplemind down")) == []


def test_json_is_one_object_also_where_the_stack_cannot_be_stopped(tmp_path, monkeypatch, capfd):
    (tmp_path / "compose.yaml").write_text("services: {a: {image: redis}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/absent.sock")
    assert cli.run(["down", "--json"]) == 3
    said = capfd.readouterr()
    told = json.loads(said.out)
    assert told["error"]["message"] in said.err
    assert (told["project"], told["stopped"], told["deleted"]) == (None, [], [])
