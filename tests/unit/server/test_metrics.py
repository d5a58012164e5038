from samplemind_cli.server.message import Outcome
from samplemind_cli.server.metrics import MODELS, Metrics, WorkerCounts, merged, text

OK = Outcome("ollama", "m", "miss", input_tokens=3, output_tokens=2, passed=("gemini",))


def counted(*seconds, breaker="closed"):
    metrics = Metrics()
    for took in seconds:
        metrics.count("/v1/ask", 200, took, OK)
    metrics.note({"connections": 1}, {"ollama": 2}, {"ollama": breaker})
    return metrics


def test_workers_add_up_and_the_worst_breaker_counts():
    lines = text(merged([counted(0.002).counts, counted(0.02, 700, breaker="open").counts])).decode().splitlines()

    place = 'samplemind_request_seconds_bucket{provider="ollama",outcome="ok"'
    for expected in (
        'samplemind_requests_total{path="/v1/ask",status="200"} 3',
        'samplemind_tokens_total{provider="ollama",kind="input"} 9',
        'samplemind_fallbacks_total{provider="gemini"} 3',
        'samplemind_retries_total{provider="ollama"} 4',
        'samplemind_breaker_state{provider="ollama"} 2',
        "samplemind_connections 2",
        place + ',le="0.005"} 1',
        place + ',le="600.0"} 2',
        place + ',le="+Inf"} 3',
        'samplemind_request_seconds_sum{provider="ollama",outcome="ok"} 700.022',
    ):
        assert expected in lines


def test_a_board_holds_what_others_wrote(tmp_path):
    other = WorkerCounts(tmp_path, counted(1.0))
    other.write()
    (file,) = tmp_path.glob("*.json")
    file.rename(tmp_path / "1.json")  # another process's

    total = merged(WorkerCounts(tmp_path, counted(2.0)).all())

    assert total["request_seconds_sum"][("provider", "ollama"), ("outcome", "ok")] == 3.0


def lines_of(metrics):
    return text(merged([metrics.counts])).decode().splitlines()


def test_models_count_by_name_with_the_time_to_their_first_word():
    metrics = Metrics()
    metrics.count("/v1/ask", 200, 2.0, Outcome("openai", "m", "miss", output_tokens=7, first_token_ms=30.0))
    metrics.count("/v1/ask", 200, 0.1, Outcome("openai", "m", "memory"))
    metrics.count("/v1/ask", 200, 0.1, Outcome("openai", "m", "miss", error="provider_error"))

    labels = 'provider="openai",model="m"'
    for expected in (
        f'samplemind_model_requests_total{{{labels},outcome="ok"}} 2',
        f'samplemind_model_requests_total{{{labels},outcome="provider_error"}} 1',
        f'samplemind_model_tokens_total{{{labels},kind="output"}} 7',
        f'samplemind_first_token_seconds_bucket{{{labels},le="0.05"}} 1',
        f"samplemind_first_token_seconds_count{{{labels}}} 1",
        f"samplemind_first_token_seconds_sum{{{labels}}} 0.03",
    ):
        assert expected in lines_of(metrics)


def test_names_that_clients_choose_do_not_make_labels_without_bound():
    metrics = Metrics()
    for n in range(10 * MODELS):
        metrics.count("/v1/ask", 200, 0.1, Outcome("openai", f"m{n}", "miss", output_tokens=1, first_token_ms=1.0))

    for family in ("model_requests_total", "model_tokens_total", "first_token_seconds_count"):
        assert sum(line.startswith(f"samplemind_{family}{{") for line in lines_of(metrics)) == MODELS + 1
    others = f'samplemind_model_requests_total{{provider="openai",model="other",outcome="ok"}} {9 * MODELS}'
    assert others in lines_of(metrics)


def test_a_models_name_cannot_end_its_label():
    metrics = Metrics()
    metrics.count("/v1/ask", 200, 0.1, Outcome("openai", 'a"} 1\\\n', "miss"))

    found = [line for line in lines_of(metrics) if line.startswith("samplemind_model_requests_total{")]
    assert found == ['samplemind_model_requests_total{provider="openai",model="a\\"} 1\\\\\\n",outcome="ok"} 1']


def test_time_waited_for_limits_adds_up_over_workers():
    metrics = [Metrics(), Metrics()]
    for each in metrics:
        each.note({}, {}, {}, {"openai": 1.5, "concurrency": 0.25})

    lines = text(merged(each.counts for each in metrics)).decode().splitlines()
    assert 'samplemind_limited_seconds_total{limit="openai"} 3.0' in lines
    assert 'samplemind_limited_seconds_total{limit="concurrency"} 0.5' in lines
