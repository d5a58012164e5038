"""Named keys: who asks, what it may ask, how much, and what it never reads."""

import json
import subprocess
import sys

import pytest
from parts.waiting import until

pytestmark = pytest.mark.integration
OWNER = {"authorization": "Bearer the-owner"}
# A question in each format: its path, its body, and where its errors say what they are.
FORMATS = {
    "openai": ("/v1/chat/completions", {"model": "MODEL", "messages": [{"role": "user", "content": "hi"}]}),
    "responses": ("/v1/responses", {"model": "MODEL", "input": "hi"}),
    "anthropic": (
        "/v1/messages",
        {"model": "MODEL", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    ),
    "gemini": ("/v1beta/models/MODEL:generateContent", {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}),
    "ollama": ("/api/chat", {"model": "MODEL", "stream": False, "messages": [{"role": "user", "content": "hi"}]}),
}
KINDS = {
    "openai": lambda body: body["error"]["type"],
    "responses": lambda body: body["error"]["type"],
    "anthropic": lambda body: body["error"]["type"],
    "gemini": lambda body: body["error"]["status"],
    "ollama": lambda body: type(body["error"]).__name__,
}
SAID = {
    401: ("authentication_error", "authentication_error", "authentication_error", "UNAUTHENTICATED", "str"),
    403: ("permission_error", "permission_error", "permission_error", "PERMISSION_DENIED", "str"),
    429: ("rate_limit_error", "rate_limit_error", "rate_limit_error", "RESOURCE_EXHAUSTED", "str"),
}


def keys(*arguments):
    command = [sys.executable, "-m", "samplemind_cli", "keys", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def add(*arguments):
    done = keys("add", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def asked(served, name, key, model="ollama/any"):
    path, body = FORMATS[name]
    body = json.loads(json.dumps(body).replace("MODEL", model))
    return served.http.post(path.replace("MODEL", model), json=body, headers={"x-api-key": key})


@pytest.fixture
def guarded(serve):
    return serve(SAMPLEMIND_API_TOKEN="the-owner")


def test_a_key_counts_while_the_server_runs_and_until_it_is_revoked(guarded):
    key = add("ci")
    for headers in ({"authorization": f"Bearer {key}"}, {"x-api-key": key}, {"x-goog-api-key": key}):
        assert guarded.ask(headers).status_code == 200
    assert guarded.ask({"x-api-key": key[:-1]}).status_code == 401
    assert guarded.ask(OWNER).status_code == 200

    assert keys("revoke", "ci").returncode == 0
    assert guarded.ask({"x-api-key": key}).status_code == 401
    assert guarded.ask(OWNER).status_code == 200


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_says_in_its_own_words_why_it_refuses(guarded, name):
    key = add("ci", "--rpm", "3", "--model", "ollama/*")
    answers = [
        asked(guarded, name, "wrong"),
        asked(guarded, name, key),
        asked(guarded, name, key, "openai/any"),
        asked(guarded, name, key),
        asked(guarded, name, key),
    ]

    assert [answer.status_code for answer in answers] == [401, 200, 403, 200, 429]
    place = list(FORMATS).index(name)
    for answer in (answers[0], answers[2], answers[4]):
        assert KINDS[name](answer.json()) == SAID[answer.status_code][place], answer.text
    assert 1 <= int(answers[4].headers["retry-after"]) <= 20


def test_a_model_that_a_key_may_not_ask_is_not_listed_and_not_chosen(guarded, mock_server):
    key = {"x-api-key": add("ci", "--model", "openai/*")}

    listed = [model["id"] for model in guarded.http.get("/v1/models", headers=key).json()["data"]]
    assert [name for name in listed if not name.startswith("auto")] == ["openai/mock"]
    assert guarded.ask(key, model="auto").headers["x-samplemind-provider"] == "openai"
    assert {r.provider for r in mock_server.requests if r.method == "POST"} == {"openai"}
    vectors = guarded.http.post("/v1/embeddings", json={"model": "ollama/any", "input": "hi"}, headers=key)
    assert (vectors.status_code, vectors.json()["error"]["code"]) == (403, "model_not_allowed")


def test_an_answer_in_memory_is_not_given_to_a_key_that_may_not_ask_its_model(guarded):
    until(lambda: guarded.ask(OWNER, model="ollama/any").headers["x-samplemind-cache"] == "memory")

    assert guarded.ask({"x-api-key": add("ci", "--model", "openai/*")}, model="ollama/any").status_code == 403


def test_tokens_are_counted_when_an_answer_is_over(guarded):
    key = {"x-api-key": add("ci", "--tpm", "5")}

    assert guarded.ask(key, stream=True).status_code == 200
    until(lambda: guarded.ask(key, messages=[{"role": "user", "content": "more"}]).status_code == 429)


def test_what_tells_of_all_clients_is_the_owners_alone(guarded):
    key = {"x-api-key": add("ci")}

    assert [guarded.http.get("/metrics", headers=headers).status_code for headers in (key, OWNER)] == [403, 200]
    assert set(guarded.http.get("/readyz", headers=key).json()) == {"status"}
    assert "x-samplemind-why" in guarded.ask({**OWNER, "x-samplemind-why": "1"}).headers
    answer = guarded.ask({**key, "x-samplemind-why": "1"}, messages=[{"role": "user", "content": "new"}])
    assert "x-samplemind-why" not in answer.headers
    assert guarded.http.get("/dashboard/api/overview", headers=key).status_code in (401, 403, 404)


def test_the_ledger_and_the_log_name_the_client_and_never_a_key(guarded):
    key = add("ci")
    body = FORMATS["gemini"][1]
    for n in range(3):
        path = f"/v1beta/models/ollama/any:generateContent?key={key}"
        answer = guarded.http.post(path, json=body)
        assert answer.status_code == 200, n
    for misplaced in (
        f"/v1beta/models;key={key}",
        f"/v1beta/models%23key={key}",
        f"/{key}/v1/models",
        "/" + "x" * 180 + key,
    ):
        assert guarded.http.get(misplaced).status_code in (401, 404)
    guarded.stop()

    assert '"client":"ci"' in guarded.log
    assert key[:16] not in guarded.log
    assert "/v1beta/models;key=sm-***" in guarded.log
    command = [sys.executable, "-m", "samplemind_cli", "stats", "--by", "client", "--json"]
    told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    assert '"ci"' in told
    assert key not in told


def test_a_key_in_the_url_counts_for_googles_routes_alone(guarded):
    key = add("ci")

    assert guarded.http.get(f"/v1beta/models?key={key}").status_code == 200
    assert guarded.http.get(f"/v1/models?key={key}").status_code == 401
    assert guarded.http.get("/v1beta/models?key=the-owner").status_code == 200


def test_without_a_token_a_key_says_who_asks(served):
    key = add("ci", "--rpm", "1")

    assert served.ask().status_code == 200
    assert [served.ask({"x-api-key": key}).status_code for _ in range(2)] == [200, 429]


def test_several_workers_count_together(serve):
    served = serve("--workers", "2", SAMPLEMIND_API_TOKEN="the-owner")
    key = {"x-api-key": add("ci", "--rpm", "4"), "connection": "close"}

    assert sorted(served.ask(key).status_code for _ in range(8)) == [200] * 4 + [429] * 4


def test_the_commands_print_a_key_once_and_never_again():
    done = keys("add", "ci", "--rpm", "60", "--model", "ollama/*", "--json")
    key = json.loads(done.stdout)["key"]
    listed = keys("list")

    assert key not in listed.stdout + keys("list", "--json").stdout
    assert "ci" in listed.stdout
    assert "ollama/*" in listed.stdout
    assert keys("add", "ci").returncode == 2
    assert json.loads(keys("revoke", "ci", "--json").stdout)["revoked"]["name"] == "ci"
    assert keys("revoke", "ci").returncode == 2


def test_a_batch_asks_no_model_that_its_key_may_not(guarded, mock_server):
    key = add("ci", "--model", "ollama/*")
    lines = [
        {"custom_id": model, "method": "POST", "url": "/v1/chat/completions"} for model in ("ollama/a", "openai/a")
    ]
    for line in lines:
        line["body"] = {"model": line["custom_id"], "messages": [{"role": "user", "content": "hi"}]}
    with guarded.openai(api_key=key) as client:
        file = client.files.create(file=("in.jsonl", "\n".join(map(json.dumps, lines)).encode()), purpose="batch")
        batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        until(lambda: client.batches.retrieve(batch.id).status == "completed", 60)
        counts = client.batches.retrieve(batch.id).request_counts

    assert (counts.completed, counts.failed) == (1, 1)
    assert [request.provider for request in mock_server.requests] == ["ollama"]


@pytest.mark.parametrize(("limit", "per_minute"), [("--rpm", "5"), ("--tpm", "20")])
def test_a_batchs_lines_wait_for_the_keys_next_minute_and_leave_others_room(guarded, mock_server, limit, per_minute):
    key, lines = add("ci", limit, per_minute), b"".join(b'{"prompt": "hi %d"}\n' % n for n in range(40))

    def begin(client, data):
        file = client.files.create(file=("in.jsonl", data), purpose="batch")
        return client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h").id

    with guarded.openai(api_key=key) as limited, guarded.openai(api_key=add("free")) as free:
        slow = begin(limited, lines)
        until(lambda: mock_server.requests, 30)
        others = [begin(free, b'{"prompt": "other"}') for _ in range(3)]
        until(lambda: all(free.batches.retrieve(number).status == "completed" for number in others), 60)
        asked = [request for request in mock_server.requests if "other" not in json.dumps(request.body)]
        limited.batches.cancel(slow)

    assert 0 < len(asked) < 20


def test_a_batch_that_waits_can_be_cancelled(guarded, mock_server):
    key = add("ci", "--rpm", "6")
    with guarded.openai(api_key=key) as client:
        lines = b"".join(b'{"prompt": "hi %d"}\n' % n for n in range(40))
        file = client.files.create(file=("in.jsonl", lines), purpose="batch")
        made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
        until(lambda: mock_server.requests, 30)
        client.batches.cancel(made.id)
        until(lambda: client.batches.retrieve(made.id).status == "cancelled", 60)
        counts = client.batches.retrieve(made.id).request_counts

    assert 0 < counts.completed < 20
    assert counts.failed == 0
