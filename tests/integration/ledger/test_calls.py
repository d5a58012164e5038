"""What the ledger holds after real calls of ours."""

import asyncio
import json
from contextlib import aclosing

import pytest

from samplemind_cli import spool
from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.dashboard.call_history import spans
from samplemind_cli.errors import ProviderError
from samplemind_cli.ledger import log
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration


@pytest.fixture
def core(mock_server):  # noqa: ARG001 - sets the environment
    return AICore(Settings.load())


def calls(core):
    with Ledger(core.settings).open() as connection:
        return log.latest(connection, 99)


def test_an_answer_a_hit_and_a_failure_are_written_down_without_their_words(core, mock_server):
    core.ask_sync("hi there", Options(provider="openai"))
    core.ask_sync("hi there", Options(provider="openai"))
    mock_server.behave(faults=["503"])
    with pytest.raises(ProviderError):
        core.ask_sync("ho", Options(provider="gemini", timeout=1))

    found = calls(core)
    assert [(c["provider"], c.get("tier"), c.get("error")) for c in found] == [
        ("openai", "miss", None), ("openai", "local", None), ("gemini", None, "overloaded"),
    ]  # fmt: skip
    assert found[0]["output_tokens"] == 4
    assert found[0]["key"] == found[1]["key"]
    assert "hi there" not in json.dumps(found)


def test_a_new_question_is_told_with_what_differs_and_the_nearest_one(core):
    for text, temperature, cache in (
        ("hi", None, "use"),
        ("hi", 0.5, "use"),
        ("hi", None, "use"),
        ("hi", 0, "refresh"),
    ):
        request = Request(messages=(Message("user", text),), temperature=temperature)
        core.ask_sync(request, Options(provider="openai", cache=cache, keep_content=True))

    found = calls(core)
    assert [call.get("why") for call in found] == [
        "no question is stored yet", "temperature is new", None, "the cache was not asked: refresh",
    ]  # fmt: skip
    assert found[1]["nearest"] == found[0]["key"]
    with Ledger(core.settings).open() as connection:
        assert log.one(connection, found[1]["id"])["nearest"] == {
            "key": found[0]["key"], "id": found[0]["id"], "prompt": "hi",
        }  # fmt: skip


def test_a_provider_that_took_over_is_compared_as_itself(core, mock_server):
    core.ask_sync("hi", Options(provider="gemini"))
    core.ask_sync("ho", Options(provider="ollama"))
    mock_server.behave(faults=["ollama/503"])
    core.ask_sync("hey")

    assert [call["why"] for call in calls(core)][1:] == ["provider differs", "message 1 differs"]


def test_the_providers_that_were_passed_over_are_named(core, mock_server):
    mock_server.behave(faults=["ollama/503"])
    core.ask_sync("hi")

    [call] = calls(core)
    assert (call["provider"], [name for name, _ in call["passed"]]) == ("gemini", ["ollama"])


def test_a_client_that_leaves_is_written_down_as_one(core):
    async def leave():
        async with aclosing(core.stream("hi there you", Options(provider="ollama", cache="off"))) as chunks:
            async for _ in chunks:
                break
        await core.close()

    asyncio.run(leave())

    assert calls(core)[0]["error"] == "cancelled"


def test_a_folder_that_cannot_be_written_costs_one_warning_and_no_answer(mock_server, tmp_path):  # noqa: ARG001 - sets the environment
    told = []
    blocked = tmp_path / "file"
    blocked.write_text("")
    core = AICore(Settings.load().changed({"state_dir": str(blocked)}, "test"), notify=told.append)
    for prompt in ("a", "b"):
        assert core.ask_sync(prompt, Options(provider="openai")).text

    assert len([line for line in told if "not recorded" in line]) == 1


def test_no_history_writes_nothing(core):
    core = AICore(core.settings.changed({"history": "off"}, "test"))
    core.ask_sync("hi", Options(provider="openai"))

    assert list(spool.take(spool.folder(core.settings.state_dir))) == []


def asked(core, *options):
    """The calls that come of one question after the other, in one event loop."""

    async def ask():
        for number, one in enumerate(options):
            await core.ask(f"question {number}", one)
        await core.close()

    asyncio.run(ask())
    return calls(core)


def parts(call):
    return [span["name"] for span in spans(call)]


def test_a_new_connection_and_providers_that_were_passed_over_are_told_by_their_time(core, mock_server):
    mock_server.behave(faults=["ollama/503:1"])
    took_over, alone = asked(core, Options())[0], asked(core, Options(provider="openai"))[-1]

    assert [part for part in parts(took_over) if part != "connect"] == ["passed over", "first token", "stream"]
    assert took_over["passed_ms"] < took_over["first_ms"]
    assert parts(alone) == ["connect", "first token", "stream"]


def test_tries_that_failed_are_told_apart_from_the_one_that_was_answered(core, mock_server):
    mock_server.behave(faults=["openai/503:1"])
    [call] = asked(core, Options(provider="openai"))

    assert parts(call) == ["retries", "first token", "stream"]
    assert 1000 <= call["tries_ms"] < call["first_ms"]  # the first pause


def test_what_requests_per_minute_held_up_is_told_first(core):
    core = AICore(core.settings.changed({"openai_rpm": "60"}, "test"))
    held = asked(core, *[Options(provider="openai")] * 61)[-1]

    assert parts(held)[0] == "queue"
