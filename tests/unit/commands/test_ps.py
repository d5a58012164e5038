import pytest

from samplemind_cli import cli
from samplemind_cli.commands.ps import _duration, _figures, _rows
from samplemind_cli.stack.ps import Status
from samplemind_cli.stack.services import Port, ServiceState


def test_help_has_an_example_and_the_schema(capfd):
    assert cli.run(["ps", "--help"]) == 0
    told = capfd.readouterr().out
    assert "samplemind ps --json | jq" in told
    for name in Status(service=ServiceState(service="a")).as_json():
        assert f'"{name}"' in told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0s"), (59.4, "59s"), (60, "1m 0s"), (3725, "1h 2m"), (90_000, "1d 1h"), (10_000_000, "115d 17h")],
)
def test_a_duration_has_its_two_largest_units(seconds, words):
    assert _duration(seconds) == words


@pytest.mark.parametrize(
    ("details", "words"),
    [
        ({}, ""),
        ({"error": "refused"}, "no figures: refused"),
        ({"hint": "pip install 'x[mongo]'"}, "figures need pymongo: pip install 'x[mongo]'"),
        (
            {"hit_rate": 0.934, "used_memory_bytes": 1200, "max_memory_bytes": 2000, "evicted_keys": 3},
            "93% hits, 1.2 kB of 2.0 kB used, 3 evicted",
        ),
        (
            {"hit_rate": None, "used_memory_bytes": 1200, "max_memory_bytes": 0, "evicted_keys": 0},
            "nothing read yet, 1.2 kB used, 0 evicted",
        ),
        ({"models": []}, "no model loaded"),
        (
            {
                "models": [
                    {"name": "a", "size_bytes": 2e9, "gpu_percent": 100},
                    {"name": "b", "size_bytes": 1e9, "gpu_percent": 0},
                    {"name": "c", "size_bytes": 1e9, "gpu_percent": 62},
                ]
            },
            "a 2.0 GB on the GPU, b 1.0 GB on the CPU, c 1.0 GB 62% on the GPU, the rest on the CPU",
        ),
        ({"cache_bytes": 1e6, "cache_max_bytes": 5e8}, "cache 1.0 MB of 500.0 MB"),
    ],
)
def test_what_a_service_tells_is_a_line(details, words):
    assert _figures(details) == words


def test_a_row_is_empty_where_nothing_is_known():
    assert _rows(Status(service=ServiceState(service="web"))) == [("web", "not created", "", "", "", "")]
    port = Port(address="", published=80, target=80)
    running = ServiceState(service="web", state="running", ports=(port,), memory_limit=2000)
    [found] = _rows(Status(service=running, uptime=61, cpu=1.26, memory=1000))
    assert found == (
        "web",
        "running",
        "1m 1s",
        "1.3%",
        "1.0 kB of 2.0 kB",
        "http://127.0.0.1:80",
    )
