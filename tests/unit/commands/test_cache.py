"""`samplemind cache`, as run by the command line."""

import asyncio
import json

import pytest

from samplemind_cli import cli
from samplemind_cli.ai.cache import Cache, cache_key
from samplemind_cli.commands import cache as command
from samplemind_cli.ledger import store
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

KEY = cache_key("ollama", {"prompt": "hello"})


@pytest.fixture
def run(capfd, monkeypatch, tmp_path):
    """Run one command line in an empty folder: code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def run(*argv):
        code = cli.run(["cache", *argv])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def stored():
    cache = Cache(Settings.load(), print)
    asyncio.run(cache.put(KEY, {"text": "A major", "model": "tiny"}))
    asyncio.run(cache.put(cache_key("openai", {}), [1, 2]))


def test_an_empty_cache_has_stats(run):
    code, out, err = run("stats")

    assert (code, err) == (0, "")
    assert "answers   0\n" in out
    assert "redis     not used" in out


@pytest.mark.usefixtures("stored")
def test_stats_say_how_many_and_how_much(run):
    assert "answers   2: 1 ollama, 1 openai\n" in run("stats")[1]
    found = json.loads(run("stats", "--json")[1])
    assert found["local"]["entries"] == 2
    assert found["redis"] is None


@pytest.mark.usefixtures("stored")
def test_show_prints_the_text_to_stdout_and_the_rest_to_stderr(run):
    code, out, err = run("show", KEY)

    assert (code, out) == (0, "A major\n")
    assert KEY in err
    assert "expires  in 7 days" in err
    assert json.loads(run("show", KEY, "--json")[1])["value"] == {"text": "A major", "model": "tiny"}


@pytest.mark.usefixtures("stored")
def test_show_prints_what_has_no_text_as_json(run):
    assert json.loads(run("show", "ai:v3:openai")[1]) == [1, 2]


def test_an_unknown_key_is_a_usage_error(run):
    code, out, err = run("show", "nothing")

    assert (code, out) == (2, "")
    assert err.startswith("error: no answer is stored under 'nothing'\nhint: ")


@pytest.mark.usefixtures("stored")
def test_a_clear_that_nobody_can_confirm_removes_nothing(run, monkeypatch):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO())

    code, _, err = run("clear")

    assert code == 2
    assert "hint: say --yes" in err
    assert json.loads(run("stats", "--json")[1])["local"]["entries"] == 2


@pytest.mark.usefixtures("stored")
def test_a_clear_says_how_much_went(run):
    code, out, _ = run("clear", "--provider", "openai", "--yes")
    assert (code, out[:18]) == (0, "removed 1 answer, ")
    assert json.loads(run("clear", "--yes", "--json")[1])["entries"] == 1
    assert json.loads(run("stats", "--json")[1])["local"]["entries"] == 0


@pytest.mark.usefixtures("stored")
def test_answers_are_cleared_by_model_age_tier_and_the_beginning_of_their_question(run, monkeypatch):
    call = {"id": "a", "at": 1.0, "times": 1, "tier": "miss", "key": KEY, "prompt": "hello there"}
    with Ledger(Settings.load()).open() as connection, store.transaction(connection):
        store.add(connection, [call])
    asked = []
    monkeypatch.setattr("samplemind_cli.output.confirm", lambda question, **_: asked.append(question) or True)

    def gone(*options):
        return json.loads(run("clear", "--json", *options)[1])["entries"]

    assert gone("--older-than", "1h") == gone("--model", "large") == gone("--question", "ello") == 0
    assert gone("--model", "tiny", "--tier", "local", "--question", "hello", "--provider", "ollama") == 1
    assert "Remove ollama's stored answers of tiny to questions that begin with 'hello' in /" in asked[-1]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("options", [("--tier", "moon"), ("--older-than", "soon"), ("--tier", "redis")])
def test_a_clear_of_what_there_is_not_removes_nothing(run, options):
    code, out, err = run("clear", "--yes", *options)

    assert (code, out, err[:6]) == (2, "", "error:")
    assert json.loads(run("stats", "--json")[1])["local"]["entries"] == 2


@pytest.mark.usefixtures("stored")
def test_a_clear_that_is_refused_removes_nothing(run, monkeypatch):
    monkeypatch.setattr("samplemind_cli.output.confirm", lambda *_, **__: False)

    assert run("clear")[0] == cli.INTERRUPTED
    assert json.loads(run("stats", "--json")[1])["local"]["entries"] == 2


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(-1, "0 seconds"), (1, "1 second"), (59, "59 seconds"), (90, "2 minutes"), (3600, "1 hour"), (604_799, "7 days")],
)
def test_a_span_is_told_in_its_largest_unit(seconds, told):
    assert command._span(seconds) == told
