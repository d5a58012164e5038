"""OpenAI's files and batches on a real `serve`, with the official client: also killed in the middle."""

import json
import os
import signal
import stat
import time
from collections import Counter
from pathlib import Path

import pytest
from parts.another_user import answered, only_root
from parts.waiting import until

from samplemind_cli.server import keeping
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
CHAT = "/v1/chat/completions"
DONE = ("completed", "failed", "cancelled", "expired")


def line(n, **body):
    asked = {"model": "openai/any", "messages": [{"role": "user", "content": f"question {n}"}], **body}
    return {"custom_id": f"c{n}", "method": "POST", "url": CHAT, "body": asked}


def jsonl(lines):
    return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


@pytest.fixture
def client(served):
    with served.openai() as client:
        yield client


def begun(client, lines, **more):
    file = client.files.create(file=("in.jsonl", jsonl(lines)), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h", **more)


def ended(client, batch, seconds=60):
    found = None

    def is_over():
        nonlocal found
        found = client.batches.retrieve(batch.id)
        return found.status in DONE

    until(is_over, seconds)
    return found


def answers(client, file):
    told = [json.loads(one) for one in client.files.content(file).text.splitlines()]
    by_name = {one["custom_id"]: one for one in told}
    assert len(by_name) == len(told)
    return by_name


def test_the_official_client_runs_a_batch_from_its_file_to_its_answers(client, mock_server):
    lines = [line(n) for n in range(20)]
    file = client.files.create(file=("in.jsonl", jsonl(lines)), purpose="batch")
    assert (file.object, file.purpose, file.filename, file.bytes) == ("file", "batch", "in.jsonl", len(jsonl(lines)))
    assert client.files.retrieve(file.id).id == file.id
    assert client.files.content(file.id).read() == jsonl(lines)

    made = client.batches.create(
        input_file_id=file.id, endpoint=CHAT, completion_window="24h", metadata={"for": "a test"}
    )
    assert (made.object, made.endpoint, made.metadata) == ("batch", CHAT, {"for": "a test"})
    batch = ended(client, made)
    assert batch.status == "completed"
    assert batch.error_file_id is None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (20, 20, 0)
    assert batch.created_at <= batch.in_progress_at <= batch.finalizing_at <= batch.completed_at
    found = answers(client, batch.output_file_id)
    assert {name: one["response"]["body"]["choices"][0]["message"]["content"] for name, one in found.items()} == {
        f"c{n}": f"You said: question {n}" for n in range(20)
    }
    assert len(mock_server.requests) == 20
    assert [one.id for one in client.batches.list()] == [batch.id]
    assert client.files.list(purpose="batch_output").data[0].id == batch.output_file_id
    client.files.delete(file.id)
    assert file.id not in [one.id for one in client.files.list()]


def test_failures_go_into_a_file_of_their_own(client, mock_server):
    mock_server.behave(faults=["400:2@1"])
    batch = ended(client, begun(client, [line(n) for n in range(6)]))

    assert (batch.status, batch.request_counts.completed, batch.request_counts.failed) == ("completed", 4, 2)
    assert len(answers(client, batch.output_file_id)) == 4
    failed = answers(client, batch.error_file_id)
    assert all(one["error"]["message"] and one["response"]["status_code"] == 400 for one in failed.values())


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "invalid_file"),
        (b"{\n", "invalid_json_line"),
        (jsonl([line(1), line(1)]), "invalid_file"),
        (jsonl([line(1) | {"url": "/v1/embeddings"}]), "mismatched_url"),
    ],
)
def test_a_file_that_is_wrong_fails_before_anything_is_asked(client, mock_server, data, code):
    file = client.files.create(file=("in.jsonl", data or b"\n"), purpose="batch")
    batch = ended(client, client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h"))

    assert batch.status == "failed"
    assert batch.errors.data[0].code == code
    assert mock_server.requests == []


def test_a_batch_is_cancelled_and_what_was_answered_is_there(client, mock_server):
    mock_server.behave(latency_ms=150)
    batch = begun(client, [line(n) for n in range(200)])
    assert mock_server.wait_until(lambda: len(mock_server.requests) > 20, 60)
    assert client.batches.cancel(batch.id).status == "cancelling"
    batch = ended(client, batch)

    assert batch.status == "cancelled"
    assert batch.cancelled_at
    assert len(answers(client, batch.output_file_id)) == batch.request_counts.completed == len(mock_server.requests)
    with pytest.raises(Exception, match="already"):
        client.batches.cancel(batch.id)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_batch_goes_on_in_the_next_server_and_asks_nothing_twice(serve, mock_server, number):
    mock_server.behave(latency_ms=80)
    first = serve()
    with first.openai() as client:
        batch = begun(client, [line(n) for n in range(120)])
    assert mock_server.wait_until(lambda: len(mock_server.requests) > 30, 60)
    first.stop(number)

    with serve().openai() as client:
        batch = ended(client, batch)
        found = answers(client, batch.output_file_id)
    assert (batch.status, batch.request_counts.completed) == ("completed", 120)
    assert len(found) == 120
    asked = Counter(request.body["messages"][0]["content"] for request in mock_server.requests)
    assert len(asked) == 120
    assert asked.total() <= 120 + (8 if number == signal.SIGKILL else 0)  # what a killed one had under way


def test_of_two_workers_one_runs_a_batch(serve, mock_server):
    mock_server.behave(latency_ms=30)
    with serve("--workers", "2").openai() as client:
        batches = [begun(client, [line(f"{k}-{n}") for n in range(30)]) for k in range(3)]
        assert [ended(client, batch).status for batch in batches] == ["completed"] * 3
        assert len({one.id for one in client.batches.list()}) == 3

    assert len(mock_server.requests) == 90


def test_files_and_batches_are_their_owners_alone(serve, mock_server):
    served = serve(SAMPLEMIND_API_TOKEN="t0ken")
    with served.openai(api_key="t0ken") as client:
        batch = ended(client, begun(client, [line(1)]))
    wrong = served.http.get(f"/v1/files/{batch.output_file_id}/content")
    assert wrong.status_code == 401
    served.stop()

    again = serve(SAMPLEMIND_API_TOKEN="another")  # whoever has the token now is somebody else
    with again.openai(api_key="another") as client:
        assert client.files.list().data == []
        assert client.batches.list().data == []
        with pytest.raises(again.official.NotFoundError):
            client.files.content(batch.output_file_id)
        with pytest.raises(again.official.NotFoundError):
            client.batches.cancel(batch.id)
        with pytest.raises(again.official.NotFoundError):
            client.batches.create(input_file_id=batch.input_file_id, endpoint=CHAT, completion_window="24h")
    assert len(mock_server.requests) == 1


@only_root
def test_without_a_token_another_user_of_the_machine_sees_none_of_them(served, client):
    batch = ended(client, begun(client, [line(1)]))
    key = f"Authorization: Bearer {client.api_key}\r\nContent-Type: application/json"
    for path in ("files", "batches"):
        assert b'"data":[]' in answered(served.port, f"GET /v1/{path} HTTP/1.1\r\n{key}")
    for path in (f"files/{batch.output_file_id}/content", f"files/{batch.input_file_id}", f"batches/{batch.id}"):
        assert answered(served.port, f"GET /v1/{path} HTTP/1.1\r\n{key}").split()[1] == b"404"
    assert answered(served.port, f"DELETE /v1/files/{batch.input_file_id} HTTP/1.1\r\n{key}").split()[1] == b"404"
    assert len(client.files.list().data) == 2


def test_what_lies_on_disk_is_the_users_alone_and_holds_no_key(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t0ken-t0ken")
    with served.openai(api_key="t0ken-t0ken") as client:
        ended(client, begun(client, [line(1)]))

    for folder, _, names in os.walk(Path(Settings.load().state_dir, "serve")):
        assert stat.S_IMODE(Path(folder).stat().st_mode) == 0o700
        for name in names:
            assert stat.S_IMODE(Path(folder, name).stat().st_mode) & 0o077 == 0
            assert b"t0ken-t0ken" not in Path(folder, name).read_bytes()


@pytest.mark.parametrize("number", ["../../ledger/ledger", "file-1", "batch_000000000000000000000000", "%2e%2e%2fx"])
def test_an_id_that_is_none_is_a_404(served, number):
    for path in (f"/v1/files/{number}", f"/v1/files/{number}/content", f"/v1/batches/{number}"):
        assert served.http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("form", "status", "word"),
    [
        ({"files": {"file": ("a", b"x")}}, 400, "purpose"),
        ({"files": {"file": ("a", b"x")}, "data": {"purpose": "fine-tune"}}, 400, "purpose"),
        ({"files": {"other": ("a", b"x")}, "data": {"purpose": "batch"}}, 400, "file"),
        ({"json": {"purpose": "batch"}}, 415, "multipart/form-data"),
        ({"content": b"nonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, "form"),
        ({"content": b"nonsense", "headers": {"content-type": "multipart/form-data"}}, 400, "form"),
    ],
)
def test_a_form_that_is_wrong_is_refused_in_words(served, form, status, word):
    told = served.http.post("/v1/files", **form)

    assert told.status_code == status, told.text
    assert word in told.json()["error"]["message"]


def test_a_client_may_say_how_long_a_file_is_kept(client):
    file = client.files.create(
        file=("in.jsonl", b"{}"), purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )

    assert 3590 <= file.expires_at - file.created_at <= 3610


def test_vectors_come_in_batches_too(client):
    body = {"model": "openai/text-embedding-3-small", "input": "a b"}
    lines = [{"custom_id": "v", "method": "POST", "url": "/v1/embeddings", "body": body}]
    file = client.files.create(file=("in.jsonl", jsonl(lines)), purpose="batch")
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/embeddings", completion_window="24h")
    batch = ended(client, made)

    assert len(answers(client, batch.output_file_id)["v"]["response"]["body"]["data"]) == 1


def test_over_a_budget_a_batch_fails_and_tells_what_was_answered(serve, mock_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "samplemind").mkdir()
    (tmp_path / "samplemind" / "prices.toml").write_text('["openai/any"]\ninput = 1000\noutput = 1000\n')
    (tmp_path / "samplemind" / "config.toml").write_text("[budgets.batch]\ntotal = 0.5\n")
    with serve().openai() as client:
        batch = ended(client, begun(client, [line(n, max_tokens=5) for n in range(100)]))
        assert batch.status == "failed"
        assert batch.errors.data[0].code == "billing_error"
        assert len(answers(client, batch.output_file_id)) == len(mock_server.requests) > 10


def test_old_files_go_and_those_of_a_batch_under_way_stay(tmp_path, monkeypatch):
    kept = keeping.Keeping(Settings(state_dir=str(tmp_path)))
    file = kept.add("files", "me", {"status": "processed"}, b"data")
    done = kept.add("batches", "me", {"status": "completed", "completed_at": time.time()})
    waiting = kept.add("batches", "me", {"status": "in_progress"})
    later = time.time() + keeping.KEPT + 60
    monkeypatch.setattr(keeping.time, "time", lambda: later)
    kept.prune()

    assert [one["id"] for one in kept.all("files") + kept.all("batches")] == [waiting["id"]]
    assert not kept.data(file["id"]).exists()
    assert done["id"] != waiting["id"]


def test_there_is_a_bound_on_all_that_is_kept(tmp_path, monkeypatch):
    kept = keeping.Keeping(Settings(state_dir=str(tmp_path)))
    monkeypatch.setattr(keeping, "LARGEST", 5000)
    kept.add("files", "me", {}, b"x" * 4000)

    with pytest.raises(keeping.HttpError, match="is full"):
        kept.add("files", "me", {}, b"x" * 4000)
