"""`batch` with real processes, stopped and killed in the middle; the mock counts what it was asked."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

pytestmark = pytest.mark.integration
BATCH = [sys.executable, "-m", "samplemind_cli", "batch"]
JOBS = 8


def prompts(count):
    return [{"prompt": f"question {n}", "model": "openai/gpt-6-luna"} for n in range(count)]


def chat(name, text="hi", **fields):
    body = {"model": "openai/gpt-6-luna", "messages": [{"role": "user", "content": text}], **fields}
    return {"custom_id": name, "method": "POST", "url": "/v1/chat/completions", "body": body}


@pytest.fixture
def batch(tmp_path):
    """A function that runs `batch` over lines, to its end; `batch.start` only starts it."""

    def start(lines, *options):
        texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
        (tmp_path / "in.jsonl").write_text("".join(f"{text}\n" for text in texts))
        command = [*BATCH, "in.jsonl", "--out", "out.jsonl", "--jobs", str(JOBS), *options]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(lines, *options):
        with start(lines, *options) as process:
            out, err = process.communicate(timeout=120)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    run.start, run.out = start, tmp_path / "out.jsonl"
    return run


def answers(batch):
    """The answers by the lines' names; no line is there twice."""
    found = [json.loads(line) for line in batch.out.read_text().splitlines()]
    by_name = {one["custom_id"]: one for one in found}
    assert len(by_name) == len(found)
    return by_name


def said(line):
    return line["response"]["body"]["choices"][0]["message"]["content"]


def test_lines_of_both_shapes_are_answered_as_the_batch_api_answers_them(batch, mock_server):
    embedding = {"url": "/v1/embeddings", "body": {"model": "openai/text-embedding-3-small", "input": ["a", "b"]}}
    lines = [chat("one"), {"prompt": "there", "system": "Be kind", "temperature": 0}, {"custom_id": "v", **embedding}]
    done = batch(lines, "--json")

    assert done.returncode == 0, done.stderr
    found = answers(batch)
    assert set(found) == {"one", "line-2", "v"}
    one = found["one"]
    assert set(one) == {"id", "custom_id", "response", "error"}
    assert one["error"] is None
    assert one["response"]["status_code"] == 200
    assert one["response"]["request_id"]
    assert one["response"]["body"]["object"] == "chat.completion"
    assert said(one) == "You said: hi"
    assert len(found["v"]["response"]["body"]["data"]) == 2
    assert json.loads(done.stdout)["asked"] == 3
    assert re.search(r"^3 of 3, [\d.]+/s, 0 failed(, .*)?\n\Z", done.stderr, re.MULTILINE)
    assert len(mock_server.requests) == 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_a_batch_that_is_stopped_goes_on_and_neither_loses_nor_doubles_a_line(batch, mock_server, number):
    lines = prompts(120)
    mock_server.behave(latency_ms=40)
    with batch.start(lines) as process:
        assert mock_server.wait_until(lambda: len(mock_server.requests) > 40, 60)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    if number != signal.SIGKILL:
        assert re.search(r"stopped: \d+ of 120 lines are in out.jsonl; to go on: samplemind batch in.jsonl --out", err)
    before = batch.out.read_text().count("\n")
    assert 0 < before < 120

    done = batch(lines)
    assert done.returncode == 0, done.stderr
    assert {name: said(line) for name, line in answers(batch).items()} == {
        f"line-{n + 1}": f"You said: question {n}" for n in range(120)
    }
    asked = Counter(request.body["messages"][-1]["content"] for request in mock_server.requests)
    assert len(asked) == 120
    under_way = JOBS if number == signal.SIGKILL else 0  # it is asked once more; else it was waited for
    assert asked.total() <= 120 + under_way


def test_the_second_signal_stops_at_once(batch, mock_server):
    mock_server.behave(latency_ms=20_000)
    with batch.start(prompts(20)) as process:
        assert mock_server.wait_until(lambda: len(mock_server.requests) == JOBS, 60)
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "finishing the lines in flight; once more stops at once\n"
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert time.monotonic() - began < 15
    assert "stopped: 0 of 20 lines" in err
    assert "finishing" not in err


def test_an_answer_that_could_not_be_written_any_more_is_not_asked_for_again(batch, mock_server):
    assert batch(prompts(20)).returncode == 0
    whole = batch.out.read_text().splitlines(keepends=True)
    batch.out.write_text(
        "".join(whole[:-6]) + whole[-6][:40]
    )  # killed after the answers came, before they were written

    done = batch(prompts(20), "--json")
    assert json.loads(done.stdout)["cached"] == 6
    assert len(answers(batch)) == 20
    assert len(mock_server.requests) == 20


def test_the_last_line_of_the_progress_is_said_once(batch, mock_server):
    mock_server.behave(latency_ms=2500)
    done = batch(prompts(2))

    assert done.stderr.count("2 of 2, ") == 1


def test_over_its_budget_a_batch_ends_in_order_and_goes_on_with_a_larger_one(batch, mock_server, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "samplemind").mkdir()
    (tmp_path / "samplemind" / "prices.toml").write_text('["openai/gpt-6-luna"]\ninput = 1000\noutput = 1000\n')
    lines = [line | {"max_tokens": 6} for line in prompts(60)]
    done = batch(lines, "--max-cost", "0.5")

    assert done.returncode == 4
    assert re.search(r"left of \$0.50 of batch .*out.jsonl in all; stopped: \d+ of 60 lines", done.stderr)
    assert "--max-cost 0.5" in done.stderr
    before = answers(batch)
    assert 10 < len(before) < 60
    assert len(mock_server.requests) == len(before)
    assert not any(line["error"] for line in before.values())

    assert batch(lines, "--max-cost", "0.5").returncode == 4  # what the first run spent counts
    assert len(mock_server.requests) == len(before)
    assert batch(lines, "--max-cost", "9").returncode == 0
    assert len(mock_server.requests) == len(answers(batch)) == 60


def test_killed_again_and_again_it_comes_to_its_end(batch, mock_server):
    lines = prompts(60)
    mock_server.behave(latency_ms=100)
    for _ in range(3):
        asked = len(mock_server.requests)
        with batch.start(lines) as process:
            mock_server.wait_until(lambda asked=asked: len(mock_server.requests) > asked + 12, 60)
            process.kill()
        with batch.out.open("a") as file:
            file.write('{"id": "batch_req_sm')  # as if it had been killed while it wrote
    mock_server.behave(latency_ms=0)

    assert batch(lines).returncode == 0
    assert len(answers(batch)) == 60
    assert len(mock_server.requests) <= 60 + 3 * JOBS


def test_the_lines_that_were_under_way_when_it_was_killed_are_counted_at_the_next_run(batch, mock_server):
    batch(prompts(5))
    mock_server.behave(latency_ms=600_000)
    with batch.start(prompts(60)) as process:
        mock_server.wait_until(lambda: len(mock_server.requests) == 5 + JOBS, 60)
        process.kill()
    mock_server.behave(latency_ms=0)
    done = batch(prompts(60), "--json")

    assert f"{JOBS} lines were in flight when the last run was killed, and may be billed twice" in done.stderr
    assert json.loads(done.stdout)["unsure"] == JOBS
    assert "under way when" not in batch(prompts(61)).stderr
    assert {file.name for file in batch.out.parent.iterdir()} == {"in.jsonl", "out.jsonl"}


@pytest.mark.usefixtures("mock_server")
@pytest.mark.parametrize("plant", [os.mkfifo, lambda path: path.write_bytes(b"\0" * 99), lambda path: path.mkdir()])
def test_whatever_lies_where_begun_lines_are_noted_the_batch_is_answered(batch, plant):
    plant(batch.out.with_name("out.jsonl.begun"))

    assert batch(prompts(3)).returncode == 0
    assert len(answers(batch)) == 3


def test_what_is_answered_is_not_asked_again(batch, mock_server):
    assert batch(prompts(5), "--no-cache").returncode == 0
    done = batch(prompts(7), "--no-cache", "--json")

    assert len(mock_server.requests) == 7
    assert {name: json.loads(done.stdout)[name] for name in ("total", "before", "asked")} == {
        "total": 7, "before": 5, "asked": 2,
    }  # fmt: skip


def test_what_failed_is_told_in_its_line_and_asked_anew_on_demand(batch, mock_server):
    mock_server.behave(faults=["400:2@1"])
    lines = [chat(f"c{n}", f"text {n}") for n in range(5)]
    done = batch(lines, "--no-cache")
    assert done.returncode == 4
    assert "2 of 5 lines failed" in done.stderr
    assert "--retry-failed" in done.stderr
    failed = [line for line in answers(batch).values() if line["error"]]
    assert [line["response"]["status_code"] for line in failed] == [400, 400]
    assert all(line["error"]["code"] and line["error"]["message"] for line in failed)

    asked = len(mock_server.requests)
    assert batch(lines, "--no-cache").returncode == 4
    assert len(mock_server.requests) == asked
    assert batch(lines, "--no-cache", "--retry-failed").returncode == 0
    assert len(mock_server.requests) == asked + 2
    assert {name: said(line) for name, line in answers(batch).items()} == {
        f"c{n}": f"You said: text {n}" for n in range(5)
    }


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("{", "not JSON"),
        ({"prompt": " "}, "prompt is empty"),
        ({"question": "hi"}, 'body is required, or a "prompt"'),
        ({**chat("x"), "url": "/v1/nothing"}, "url must be one of"),
        ({**chat("x"), "method": "GET"}, "method must be one of"),
        (chat("x", model="nobody/nothing" * 99), "model must be"),
        ({"custom_id": "x", "body": {"model": "openai/gpt-6-luna"}}, "messages must contain"),
        ({"custom_id": "x", "url": "/v1/embeddings", "body": {"input": "a", "model": "auto"}}, "must name a model"),
    ],
)
def test_a_line_that_is_wrong_fails_alone(batch, mock_server, line, why):
    done = batch([line, chat("right")])

    assert done.returncode == 4
    right, wrong = sorted(answers(batch).values(), key=lambda one: one["error"] is not None)
    assert said(right) == "You said: hi"
    assert why in wrong["error"]["message"]
    assert len(mock_server.requests) == 1


def test_one_model_stands_for_all_that_the_lines_name(batch, mock_server):
    assert batch([chat("a"), {"prompt": "b"}], "--model", "ollama/qwen").returncode == 0

    assert {request.provider for request in mock_server.requests} == {"ollama"}


def test_two_processes_do_not_write_one_file(batch, mock_server):
    mock_server.behave(latency_ms=3000)
    with batch.start(prompts(3)) as first:
        assert mock_server.wait_until(lambda: len(mock_server.requests) > 0, 60)
        second = batch(prompts(3))
        first.kill()

    assert second.returncode == 1
    assert "another process is writing" in second.stderr


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        (["nowhere.jsonl", "--out", "o"], "does not exist"),
        (["in.jsonl", "--out", "in.jsonl"], "is the file of the questions"),
        (["in.jsonl", "--out", "nowhere/o"], "cannot write"),
        (["in.jsonl", "--out", "/dev/null"], "not a regular file"),
        (["/dev/null", "--out", "o"], "not a regular file"),
        (["in.jsonl", "--out", "o", "--model", "auto:nonsense"], "there is no model auto:nonsense"),
    ],
)
def test_a_mistake_is_told_before_anything_is_asked(tmp_path, mock_server, argv, why):
    (tmp_path / "in.jsonl").write_text('{"prompt": "hi"}\n')
    done = subprocess.run([*BATCH, *argv], cwd=tmp_path, capture_output=True, text=True, check=False)

    assert (done.returncode, why in done.stderr) == (2, True), done.stderr
    assert not mock_server.requests


def test_so_many_are_asked_at_once_and_no_more(batch, mock_server):
    mock_server.behave(latency_ms=300)
    began = time.monotonic()
    assert batch(prompts(24)).returncode == 0

    under_way = [
        sum(1 for o in mock_server.requests if o.time <= r.time < o.time + o.seconds) for r in mock_server.requests
    ]
    assert max(under_way) == JOBS
    assert time.monotonic() - began < 24 * 0.3 + 5


def peak(tmp_path, count):
    (tmp_path / "in.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in prompts(count)))
    process = subprocess.Popen([*BATCH, "in.jsonl", "--out", f"out{count}.jsonl", "--no-cache"], cwd=tmp_path)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return used.ru_maxrss / 1024


@pytest.mark.slow
def test_ten_thousand_lines_take_the_memory_of_a_few(tmp_path, mock_server):
    mock_server.behave(reply="x" * 2000)  # 20 MB in all

    assert peak(tmp_path, 10_000) < peak(tmp_path, 500) + 12


def asked_of(mock_server):
    return Counter(request.body["messages"][-1]["content"] for request in mock_server.requests)


@pytest.mark.parametrize("uncached", [["--no-cache"], []], ids=["without a cache", "cut answers, which no cache keeps"])
def test_killed_at_any_moment_only_the_lines_under_way_are_asked_again(batch, mock_server, uncached):
    lines = [{**prompt, "temperature": 1, "max_tokens": 3} for prompt in prompts(80)]
    mock_server.behave(latency_ms=30)
    spread = random.Random(len(uncached))
    for _ in range(5):
        known, before, begun = answered(batch), asked_of(mock_server), len(mock_server.requests)
        pause = spread.uniform(0, 0.1)
        with batch.start(lines, *uncached) as process:
            first = begun + 2
            mock_server.wait_until(lambda p=process, n=first: len(mock_server.requests) > n or p.poll() is not None, 60)
            time.sleep(pause)  # the moment is any one
            process.kill()
        new = asked_of(mock_server) - before
        assert not known & set(new)  # what was written down is never asked again
        assert new.total() - len(answered(batch) - known) <= JOBS
    assert batch(lines, *uncached).returncode == 0
    assert set(answers(batch)) == {f"line-{n + 1}" for n in range(80)}
    assert all(answers(batch)[f"line-{n + 1}"]["response"]["status_code"] == 200 for n in range(80))


def answered(batch):
    """The questions whose answers are in the file; its last line may be half of one."""
    whole = batch.out.read_text().splitlines(keepends=True) if batch.out.exists() else []
    names = [json.loads(line)["custom_id"] for line in whole if line.endswith("\n")]
    return {f"question {int(name.removeprefix('line-')) - 1}" for name in names}
