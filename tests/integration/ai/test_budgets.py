"""Budgets before the mock: what is refused, what is counted, and that it is never over."""

import asyncio
import json
import sqlite3
from contextlib import aclosing, closing
from pathlib import Path

import pytest
from parts.scripted import SSE, events, provider

from samplemind_cli.ai import AICore, Media, Message, Options, Request, Text
from samplemind_cli.ai.types import Origin
from samplemind_cli.errors import BudgetError, ProviderError, UsageError
from samplemind_cli.ledger.accounts import NANO, Accounts, of
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
HOSTED = ["gemini", "anthropic", "openai"]
MODEL = "any"
PRICE = "input = 1000\noutput = 1000\ncontext = 100000\nmax_output = 50\n"  # a tenth of a cent for each token
WHO = {"client": "", "session": "", "batch": ""}


@pytest.fixture
def limited(mock_server, monkeypatch, tmp_path):  # noqa: ARG001 - sets the environment
    """A core with budgets in its user's file; `told` holds what it had to say."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "samplemind"
    folder.mkdir()
    (folder / "prices.toml").write_text("".join(f'["{name}/{MODEL}"]\n{PRICE}' for name in HOSTED))

    def core(text):
        (folder / "config.toml").write_text(text)
        found = AICore(Settings.load(), notify=told.append)
        found.told = told
        return found

    told = []
    return core


def only(provider="openai", **options):
    return Options(provider=provider, model=MODEL, **options)


def asked(server):
    return [request for request in server.requests if request.method == "POST"]


def short(text="hi", longest=5, **more):
    return Request(messages=(Message("user", text),), max_tokens=longest, **more)


def spent(core, budget=None, **who):
    prices = Prices(core.settings.config_dir, core.settings.rows)
    own = Accounts(core.settings, prices)
    try:
        return [own.sums(account) for account in of(budget or core.settings.budgets, WHO | who)]
    finally:
        own.close()


def counted(answer):
    return (answer.usage.input_tokens + answer.usage.output_tokens) * NANO // 1000


@pytest.mark.parametrize("provider", HOSTED)
def test_what_every_provider_counts_is_what_was_spent_to_the_last_digit(limited, provider):
    core = limited("[budgets]\nday = 100")
    answers = [core.ask_sync(short(f"hi {'there ' * n}"), only(provider)) for n in range(5)]

    assert spent(core) == [(sum(map(counted, answers)), 0)]


def test_a_call_that_may_go_over_is_refused_before_it_is_made_and_told_what_would_fit(limited, mock_server):
    core = limited("[budgets]\nday = 0.6")
    with pytest.raises(BudgetError) as refused:
        core.ask_sync(short(longest=9_000), only())

    assert asked(mock_server) == []
    assert "may cost up to $" in refused.value.message
    assert "$0.60 is left of $0.60 a day" in refused.value.message
    fits = int(refused.value.hint.split()[1])
    assert core.ask_sync(short(longest=fits), only()).text == "You said: hi"


def test_an_answer_out_of_the_cache_costs_nothing_and_is_given_whatever_is_left(limited):
    core = limited("[budgets]\nday = 0.4")
    first = core.ask_sync(short(), only())
    core = limited("[budgets]\nday = 0")

    assert core.ask_sync(short(), only()).cached == "local"
    assert spent(core) == [(counted(first), 0)]
    with pytest.raises(BudgetError):
        core.ask_sync(short("other"), only())


def test_an_answer_without_a_limit_is_held_as_long_as_its_model_can_make_it(limited):
    core = limited("[budgets]\nday = 100")
    answer = core.ask_sync(Request(messages=(Message("user", "hi"),)), only())  # as long as the model can

    assert answer.text == "You said: hi"
    with pytest.raises(BudgetError, match=r"up to \$0\.\d\d"):
        core.ask_sync(Request(messages=(Message("user", "ho"),)), only(max_cost=0.2))


def test_over_a_budget_a_local_model_answers_where_the_user_wants_that(limited, mock_server):
    core = limited('[budgets]\nday = 0\non_budget = "local"')
    named = core.ask_sync(short(), only())
    auto = core.ask_sync(short("ho"), Options(task="creative"))

    assert (named.provider, auto.provider) == ("ollama", "embedded" if auto.provider == "embedded" else "ollama")
    assert any("openai" in line and "left of" in line for line in core.told)
    assert [request.provider for request in asked(mock_server) if request.provider != "ollama"] == []


def test_local_models_are_free(limited):
    core = limited("[budgets]\nday = 0")

    assert core.ask_sync(short(), Options(provider="ollama")).text == "You said: hi"
    assert spent(core) == [(0, 0)]


def test_a_price_that_nobody_knows_is_refused_with_the_way_to_say_it(limited, mock_server):
    core = limited("[budgets]\nday = 100")
    with pytest.raises(BudgetError, match="openai/new-model is not known") as refused:
        core.ask_sync("hi", Options(model="openai/new-model"))
    assert "prices.toml" in refused.value.hint
    assert '["openai/new-model"]' in refused.value.hint
    assert asked(mock_server) == []


@pytest.mark.parametrize(
    "more",
    [
        {"tools": ({"type": "web_search_20250305", "name": "web_search"},), "source": "anthropic_messages"},
        {"extra": {"service_tier": "priority"}, "source": "openai_chat"},
        {"extra": {"modalities": ["text", "audio"]}, "source": "openai_chat"},
        {"extra": {"prediction": {"type": "content", "content": "x"}}, "source": "openai_chat"},
    ],
)
def test_what_costs_more_than_its_tokens_is_refused(limited, mock_server, more):
    core = limited("[budgets]\nday = 100")
    provider = {"anthropic_messages": "anthropic", "openai_chat": "openai"}[more["source"]]
    with pytest.raises(BudgetError, match="cannot be known in advance"):
        core.ask_sync(short(**more), only(provider))

    assert asked(mock_server) == []


def test_a_document_whose_text_cannot_be_seen_fills_the_models_context(limited):
    core = limited("[budgets]\nday = 100")
    file = Media("file", "application/pdf", b"%PDF-1.7", "a.pdf")
    request = Request(messages=(Message("user", (Text("sum up"), file)),), max_tokens=5)
    kept_there = short(extra={"cachedContent": "cachedContents/1"}, source="gemini")

    for one in (request, kept_there):
        with pytest.raises(BudgetError, match=r"up to \$100\."):
            core.ask_sync(one, only("gemini"))


def test_a_refused_call_costs_nothing_and_one_that_breaks_off_what_it_may_have_cost(limited, mock_server):
    core = limited("[budgets]\nday = 100")
    mock_server.behave(faults=["400:1"])
    with pytest.raises(ProviderError):
        core.ask_sync(short("a"), only())
    assert spent(core) == [(0, 0)]

    mock_server.behave(faults=["cut:1"])
    with pytest.raises(ProviderError):
        core.ask_sync(short("b"), only())
    [(cut, held)] = spent(core)
    assert held == 0
    assert 0.2 < cut / NANO < 0.4  # its whole prompt from above, and five tokens


def test_who_hangs_up_pays_for_what_may_have_been_said(limited, mock_server):
    core = limited("[budgets]\nday = 100")
    mock_server.behave(tokens_per_second=20)

    async def leave():
        async with aclosing(core.stream(short("a b c d e f g", 50), only())) as chunks:
            async for _ in chunks:
                break
        await core.close()

    asyncio.run(leave())
    [(left, held)] = spent(core)
    assert held == 0
    assert left > 0.2 * NANO


def test_many_at_once_never_go_over_and_the_sum_is_what_was_counted(limited, mock_server):
    core = limited("[budgets]\nday = 1")
    mock_server.behave(latency_ms=20)

    async def asking(n):
        try:
            return await core.ask(short(f"question {n}"), only())
        except BudgetError:
            return None

    async def all_of_them():
        try:
            return await asyncio.gather(*(asking(n) for n in range(300)))
        finally:
            await core.close()

    answers = [answer for answer in asyncio.run(all_of_them()) if answer]
    assert spent(core) == [(sum(map(counted, answers)), 0)]
    assert len(answers) == len(asked(mock_server))
    total = spent(core)[0][0]
    assert 0.6 * NANO < total <= 1 * NANO  # what is left is less than one call may cost


def test_a_question_that_somebody_elses_budget_refuses_is_asked_by_who_has_one(limited, mock_server):
    core = limited("[budgets.client.poor]\nday = 0\n[budgets.client.rich]\nday = 100")

    async def both():
        poor, rich = (only(origin=Origin(client=name)) for name in ("poor", "rich"))
        try:
            return await asyncio.gather(
                core.ask(short(), poor), core.ask(short(), rich), core.ask(short(), poor), return_exceptions=True
            )
        finally:
            await core.close()

    first, second, third = asyncio.run(both())
    assert isinstance(first, BudgetError)
    assert second.text == "You said: hi"
    assert isinstance(third, BudgetError) or third.text == second.text  # by then it may be in the cache
    assert len(asked(mock_server)) == 1


def test_each_session_has_its_own(limited):
    core = limited("[budgets.session]\ntotal = 0.4")
    one, other = (only(origin=Origin(session=name)) for name in ("one", "other"))
    for n in range(30):
        try:
            core.ask_sync(short(f"q {n}"), one)
        except BudgetError:
            break
    else:
        pytest.fail("it was never refused")

    assert core.ask_sync(short("q 99"), other).text
    assert spent(core)[:1] == []


def test_vectors_have_their_price_too(limited, mock_server):
    core = limited("[budgets]\nday = 0.5")

    async def vectors(texts):
        try:
            return await core.embed(texts, only())
        finally:
            await core.close()

    found = asyncio.run(vectors(["one two", "three"]))
    assert spent(core) == [(found.tokens * NANO // 1000, 0)]
    with pytest.raises(BudgetError):
        asyncio.run(vectors(["long " * 200]))
    assert len(asked(mock_server)) == 1


def test_a_budget_that_is_none_is_an_error_of_the_file(limited):
    with pytest.raises(UsageError, match="year"):
        limited("[budgets]\nyear = 5")


def test_without_a_budget_no_price_and_no_account_is_loaded(limited):
    core = limited("")
    core.ask_sync(short(), only())

    assert not Path(core.settings.state_dir, "ledger", "budgets.db").exists()


def test_calls_that_are_refused_are_in_the_ledger(limited):
    from samplemind_cli import spool

    core = limited("[budgets]\nday = 0")
    with pytest.raises(BudgetError):
        core.ask_sync(short(), only())

    lines = [line for _, lines in spool.take(spool.folder(core.settings.state_dir)) for line in lines.splitlines()]
    assert json.loads(lines[-1])["error"] == "budget"


@pytest.mark.parametrize("fault", ["504", "drop"])
def test_what_a_provider_may_have_answered_stays_spent_and_is_not_asked_again(limited, mock_server, fault):
    core = limited("[budgets]\nday = 100")
    mock_server.behave(faults=[f"{fault}:1"])
    with pytest.raises(ProviderError):
        core.ask_sync(short(), only())

    [(cost, held)] = spent(core)
    assert (len(asked(mock_server)), held) == (1, 0)
    assert cost > 0.2 * NANO


@pytest.mark.usefixtures("no_backoff")
@pytest.mark.parametrize("begun", [False, True])
def test_an_error_in_a_stream_costs_something_once_the_stream_had_begun(limited, monkeypatch, begun):
    beginning = {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]}
    busy = {"error": {"message": "busy", "type": "server_error", "code": 503}}
    with provider([events(*([beginning] if begun else []), busy)], kind=SSE) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        core = limited("[budgets]\nday = 100")
        with pytest.raises(ProviderError):
            core.ask_sync(short(), only())

    [(cost, held)] = spent(core)
    assert (cost > 0, held) == (begun, 0)
    assert len(server.asked) == (1 if begun else 3)


def test_what_a_provider_refused_is_asked_again_and_costs_one_answer(limited, mock_server):
    core = limited("[budgets]\nday = 100")
    mock_server.behave(faults=["503:1"])
    answer = core.ask_sync(short(), only())

    assert len(asked(mock_server)) == 2
    assert spent(core) == [(counted(answer), 0)]


def test_all_calls_for_one_question_together_cost_no_more_than_it_may(limited, mock_server, monkeypatch):
    for name in HOSTED:
        monkeypatch.setenv(f"SAMPLEMIND_{name.upper()}_MODEL", MODEL)
    core = limited("")
    mock_server.behave(faults=["ollama/500", "504:9"])
    with pytest.raises(BudgetError, match="is left of the most, after a call that failed"):
        core.ask_sync(short(), Options(max_cost=0.8))  # enough for two of them, as they may have been answered

    hosted = [request for request in asked(mock_server) if request.provider in HOSTED]
    assert len(hosted) == 2


def test_an_answer_whose_cost_cannot_be_written_down_is_given_and_stays_spent_at_most(
    limited, mock_server, monkeypatch
):
    monkeypatch.setattr("samplemind_cli.ledger.store.BUSY", 0.1)
    core = limited("[budgets]\nday = 100")
    mock_server.behave(latency_ms=300)
    path = Path(core.settings.state_dir, "ledger", "budgets.db")

    async def ask_while_another_program_locks_it():
        asking = asyncio.create_task(core.ask(short(), only()))
        await asyncio.to_thread(mock_server.wait_until, lambda: asked(mock_server), 60)
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            answer = await asking
            other.execute("ROLLBACK")
        await core.close()
        return answer

    answer = asyncio.run(ask_while_another_program_locks_it())
    assert answer.text == "You said: hi"
    assert ["stays spent" in remark for remark in core.told] == [True]
    [(cost, held)] = spent(core)
    assert cost + held > counted(answer)
