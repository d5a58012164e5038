import pytest

from samplemind_cli.dashboard.call_history import spans

HELD = {"ms": 900.0, "first_ms": 300.0, "held_ms": 100.0, "tier": "miss"}


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (HELD, [("queue", 0, 100), ("first token", 100, 200), ("stream", 300, 600)]),
        ({**HELD, "held_ms": 0.0}, [("first token", 0, 300), ("stream", 300, 600)]),
        ({"ms": 2.0, "first_ms": 1.0, "tier": "local"}, [("cache", 0, 2)]),
        ({"ms": 50.0, "held_ms": 20.0, "error": "too late"}, [("queue", 0, 20), ("waiting", 20, 30)]),
        (
            {**HELD, "passed_ms": 40.0, "tries_ms": 50.0, "connect_ms": 30.0},
            [
                ("passed over", 0, 40),
                ("queue", 40, 100),
                ("retries", 140, 50),
                ("connect", 190, 30),
                ("first token", 220, 80),
                ("stream", 300, 600),
            ],
        ),
        ({"ms": 9.0, "first_ms": 8.0, "tier": "local", "passed_ms": 5.0}, [("passed over", 0, 5), ("cache", 5, 4)]),
        (
            {"ms": 50.0, "passed_ms": 20.0, "tries_ms": 40.0, "connect_ms": 9.0, "error": "x"},
            [("passed over", 0, 20), ("retries", 20, 30), ("waiting", 50, 0)],
        ),
        ({"ms": 10.0, "first_ms": 40.0, "held_ms": 90.0}, [("queue", 0, 40), ("stream", 40, 0)]),
        ({}, [("waiting", 0, 0)]),
    ],
)
def test_the_time_of_a_call_is_told_in_parts_that_follow_one_another(call, parts):
    assert [(span["name"], span["start"], span["ms"]) for span in spans(call)] == parts
