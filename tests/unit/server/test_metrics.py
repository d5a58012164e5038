from samplemind_cli.server.board import Board
from samplemind_cli.server.message import Outcome
from samplemind_cli.server.metrics import Metrics, merged, text

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
    other = Board(tmp_path, counted(1.0))
    other.write()
    (file,) = tmp_path.glob("*.json")
    file.rename(tmp_path / "1.json")  # another process's

    total = merged(Board(tmp_path, counted(2.0)).all())

    assert total["request_seconds_sum"][("provider", "ollama"), ("outcome", "ok")] == 3.0
