import pytest

from samplemind_cli import cli


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch):
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:9")


@pytest.mark.parametrize("keep", ["7x", "m", "1.5", "-"])
def test_a_time_that_is_none_is_a_usage_error(keep, capfd):
    assert cli.run(["models", "warm", "tiny", f"--keep={keep}"]) == 2
    assert "30m" in capfd.readouterr().err


@pytest.mark.parametrize("keep", ["30m", "1h30m", "1.5h", "90", "-1"])
def test_a_time_is_as_the_daemon_reads_it(keep):
    assert cli.run(["models", "warm", "tiny", f"--keep={keep}"]) == 4


def test_a_name_that_is_none_is_a_usage_error(capfd):
    assert cli.run(["models", "show", "a b"]) == 2
    assert "is not a valid model name" in capfd.readouterr().err


@pytest.mark.parametrize("command", [[], ["show"], ["rm"], ["stop"], ["warm"]])
def test_help_has_an_example(command, capfd):
    assert cli.run(["models", *command, "--help"]) == 0
    assert "Example" in capfd.readouterr().out


def test_the_tasks_that_go_to_ollama_are_told_with_their_priority():
    from samplemind_cli.models.listing import tasks_of
    from samplemind_cli.settings import Settings

    (tasks,) = tasks_of(Settings()).values()
    assert set(tasks) == {"genre", "factual", "tools", "audio:cost", "creative:cost"}
