import json

import pytest

from samplemind_cli import cli
from samplemind_cli.ai import embedded


def test_the_embedded_model_needs_no_daemon(monkeypatch, tmp_path, capfd):
    model = tmp_path / "mine.gguf"
    model.write_bytes(b"GGUF and more")
    monkeypatch.setenv("SAMPLEMIND_EMBEDDED_MODEL", str(model))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    assert cli.run(["pull-models", "--embedded", "--json"]) == 0
    (told,) = json.loads(capfd.readouterr().out)["models"]
    assert (told["status"], told["bytes"], told["path"]) == ("present", 0, str(model))


def test_the_embedded_model_is_fetched_with_progress(monkeypatch, tmp_path, capfd):
    async def fetch(_settings, progress):
        progress(0, 10)
        progress(10, 10)
        (tmp_path / "model.gguf").write_bytes(b"GGUF")
        return tmp_path / "model.gguf"

    monkeypatch.setattr(embedded, "fetch", fetch)
    assert cli.run(["pull-models", "--embedded"]) == 0
    told = capfd.readouterr()
    assert told.out == f"pulled: {tmp_path / 'model.gguf'}\n"
    assert "fetching the embedded model" in told.err


@pytest.mark.parametrize("arguments", [["a b"], ["--jobs", "0"], ["--jobs", "x"]])
def test_what_cannot_be_is_a_usage_error(arguments, monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")
    assert cli.run(["pull-models", *arguments]) == 2


def test_help_has_an_example(capfd):
    assert cli.run(["pull-models", "--help"]) == 0
    assert "samplemind pull-models --check --json" in capfd.readouterr().out


def test_an_empty_set_is_told(monkeypatch, tmp_path, capfd):
    (tmp_path / "samplemind.toml").write_text("models = []")
    monkeypatch.chdir(tmp_path)
    assert cli.run(["pull-models"]) == 2
    assert "names no models" in capfd.readouterr().err
