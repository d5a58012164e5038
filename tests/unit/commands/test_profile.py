from types import SimpleNamespace

import pytest

from samplemind_cli.cli import run
from samplemind_cli.commands import profile as command


@pytest.fixture
def asked(monkeypatch):
    """What the command line asked for; nothing runs, and the exit code is 7."""
    seen = []
    monkeypatch.setattr(command, "_record", lambda asked: seen.append(asked) or SimpleNamespace(exit_code=7))
    return seen


@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ([], ("cpu",)),
        (["--cpu"], ("cpu",)),
        (["--memory"], ("memory",)),
        (["--both"], ("cpu", "memory")),
        (["--cpu", "--memory"], ("cpu", "memory")),
    ],
)
def test_the_options_choose_the_profilers_and_the_exit_code_is_the_program_s(asked, options, kinds):
    assert run(["profile", *options, "--", "a.py"]) == 7
    assert asked[0].kinds == kinds


@pytest.mark.parametrize(
    "words",
    [
        ("a.py", "--memory", "-m", "x"),
        ("-m", "shop.tool", "--both"),
        ("ask", "--json", "--", "-x"),
        ("diff.py", "list"),
    ],
)
def test_everything_from_the_program_on_is_the_program_s(asked, words):
    run(["profile", "--cpu", *words])
    assert asked[0].words == words
    assert asked[0].kinds == ("cpu",)


def test_a_program_called_like_a_subcommand_needs_run(asked):
    run(["profile", "run", "list"])
    assert asked[0].words == ("list",)


def test_the_running_api_is_looked_at_for_a_while_and_a_script_of_its_name_needs_run(asked):
    assert run(["profile", "api", "--seconds", "5"]) == 0
    run(["profile", "run", "api"])
    assert [(one.words, one.watch) for one in asked] == [(("api",), 5), (("api",), 0)]


def test_where_there_are_no_profiles_it_says_so(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    assert run(["profile", "list"]) == 0

    assert capsys.readouterr() == ("", "there are no profiles; samplemind profile -- COMMAND makes one\n")
