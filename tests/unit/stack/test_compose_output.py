import json

from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.compose_output import ComposeOutput


def parsed(*lines):
    output = ComposeOutput()
    for line in lines:
        output.read(line if isinstance(line, bytes) else line.encode())
    return output


def test_plain_pulls_are_told_with_bytes_while_they_last():
    output = parsed(
        " redis Pulling ",
        " 4f4fb700ef54 Pulling fs layer ",
        " 4f4fb700ef54 Downloading [=>      ]  1.5MB/3MB",
        " aaaaaaaaaaaa Downloading [=>      ]  500kB/1GB",
    )
    assert output.activity == "pulling redis"
    assert output.pulled == (2_000_000, 1_003_000_000)
    output.read(b" 4f4fb700ef54 Download complete ")
    assert output.pulled == (3_500_000, 1_003_000_000)
    output.read(b" redis Pulled ")
    assert (output.activity, output.pulled, output.starting) == ("", (0, 0), False)


def test_json_events_are_told_with_bytes():
    events = [
        {"id": "redis", "text": "Pulling", "status": "Working"},
        {"id": "4f4f", "parent_id": "redis", "text": "Downloading", "current": 10, "total": 40, "percent": 25},
        {"id": "4f4f", "parent_id": "redis", "text": "Downloading", "current": 40, "total": 40, "percent": 100},
    ]
    output = parsed(*map(json.dumps, events))
    assert (output.activity, output.pulled) == ("pulling redis", (40, 40))
    assert parsed('{"error": true, "message": "pull access denied"}').lines == ["pull access denied"]


def test_a_build_is_told_by_its_step_until_containers_start():
    output = parsed("#5 [api 2/5] RUN pip install .", "#5 1.2 collecting")
    assert output.activity == "building [api 2/5] RUN pip install ."
    output.read(b"\x1b[2K Container shop-api-1  Creating")
    assert output.starting
    assert output.activity == ""


@given(st.binary())
def test_nothing_compose_says_breaks_it(line):
    parsed(line, b"{" + line)
