"""Budgets of `serve`: what each format's clients are told, and that no worker of it ever goes over."""

import signal
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from samplemind_cli.budgets import Budget
from samplemind_cli.ledger.accounts import NANO, Accounts, of
from samplemind_cli.ledger.prices import Prices
from samplemind_cli.server import client_keys
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
PRICE = '["openai/any"]\ninput = 1000\noutput = 1000\n'  # a tenth of a cent for each token
CONNECTIONS = 64
USER = [{"role": "user", "content": "hi"}]
# Each format's route, a body for it, and where its error says what kind it is.
FORMATS = {
    "openai": ("/v1/chat/completions", {"messages": USER}, ("error", "code"), "billing_error"),
    "completions": ("/v1/completions", {"prompt": "hi"}, ("error", "code"), "billing_error"),
    "responses": ("/v1/responses", {"input": "hi"}, ("error", "code"), "billing_error"),
    "anthropic": ("/v1/messages", {"messages": USER, "max_tokens": 9}, ("error", "type"), "billing_error"),
    "gemini": ("/v1beta/models/openai/any:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
               ("error", "status"), "RESOURCE_EXHAUSTED"),
    "ollama": ("/api/chat", {"messages": USER}, (), None),
}  # fmt: skip


@pytest.fixture
def limited(serve, tmp_path, monkeypatch):
    """A function that starts `serve` with these budgets."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "samplemind"
    folder.mkdir()
    (folder / "prices.toml").write_text(PRICE)

    def start(budgets, *options):
        (folder / "config.toml").write_text(f"[budgets]\n{budgets}")
        return serve(*options)

    return start


def spent(budget):
    own = Accounts(Settings.load(), Prices(""))
    try:
        return own.sums(of([budget], {"client": "", "session": "", "batch": ""})[0])
    finally:
        own.close()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_each_formats_client_is_told_and_not_asked_to_try_again(limited, mock_server, name, streamed):
    path, body, where, word = FORMATS[name]
    if streamed and name == "gemini":
        path = path.replace("generateContent", "streamGenerateContent")
    served = limited("day = 0")
    told = served.http.post(path, json={"model": "openai/any", "stream": streamed, **body})

    assert told.status_code == 429
    assert told.headers["x-should-retry"] == "false"
    assert "retry-after" not in told.headers
    error = told.json()
    for step in where:
        error = error[step]
    assert error == word or not where
    assert "left of $0.00 a day" in told.text
    assert mock_server.requests == []


def test_official_clients_do_not_try_again(limited, mock_server):
    served = limited("day = 0")
    with served.openai(max_retries=3) as client, pytest.raises(served.official.RateLimitError) as refused:
        client.chat.completions.create(model="openai/any", messages=USER)

    assert refused.value.code == "billing_error"
    served.stop()
    assert served.log.count('"path":"/v1/chat/completions"') == 1
    assert mock_server.requests == []


def many(served, count, connections):
    """The answers' usage, or None for each that was refused; every connection asks one after the other."""

    def ask(n):
        body = {"model": "openai/any", "max_tokens": 5, "messages": [{"role": "user", "content": f"question {n}"}]}
        try:
            told = http.post("/v1/chat/completions", json=body)
        except httpx.TransportError:
            return None
        assert told.status_code in (200, 429), told.text
        return told.json()["usage"] if told.status_code == 200 else None

    limits = httpx.Limits(max_connections=connections)
    with (
        httpx.Client(base_url=served.url, timeout=60, limits=limits, verify=False) as http,
        ThreadPoolExecutor(connections) as threads,
    ):
        return list(threads.map(ask, range(count)))


def test_sixty_four_connections_and_two_workers_never_go_over_and_the_sum_is_right(limited, mock_server):
    served = limited("day = 1.5", "--workers", "2")
    mock_server.behave(latency_ms=30)
    answers = [usage for usage in many(served, 600, CONNECTIONS) if usage]

    sum_of_them = sum(usage["prompt_tokens"] + usage["completion_tokens"] for usage in answers)
    assert spent(Budget(1.5, "day")) == (sum_of_them * NANO // 1000, 0)
    assert len(answers) == len(mock_server.requests)
    assert 1.0 * NANO < sum_of_them * NANO // 1000 <= 1.5 * NANO


def test_a_killed_server_never_frees_what_its_calls_may_have_cost(limited, mock_server):
    served = limited("day = 1.5")
    mock_server.behave(latency_ms=300)
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(many, served, 8, 4)
        assert mock_server.wait_until(lambda: len(mock_server.requests) >= 3, 30)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait(timeout=20)
        asking.result()

    made, (sum_of_them, held) = len(mock_server.requests), spent(Budget(1.5, "day"))
    assert held == 0
    assert made * 0.01 * NANO < sum_of_them <= 1.5 * NANO


def test_a_client_that_wants_to_know_is_told_what_an_answer_cost(limited):
    served = limited("day = 9")
    wants, short = {"x-samplemind-cost": "1"}, {"model": "openai/any", "max_tokens": 5}
    first, plain = served.ask(wants, **short), served.ask(**short, temperature=1)

    usage = first.json()["usage"]
    assert float(first.headers["x-samplemind-cost"]) == (usage["prompt_tokens"] + usage["completion_tokens"]) / 1000
    assert "x-samplemind-cost" not in plain.headers
    again = served.ask(wants, **short)
    assert float(again.headers.get("x-samplemind-cost", 0)) == 0


def test_a_named_clients_budget_binds_that_client_alone(limited, mock_server, monkeypatch):
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served = limited("day = 9\n[budgets.client.ci]\nday = 0")
    key = client_keys.of(Settings.load()).add("ci")
    asked = {"model": "openai/any", "max_tokens": 5}

    refused = served.ask({"x-api-key": key}, **asked)
    assert refused.status_code == 429
    assert "of client ci a day" in refused.text
    assert served.ask({"x-api-key": "t0ken"}, **asked).status_code == 200
    assert len(mock_server.requests) == 1
