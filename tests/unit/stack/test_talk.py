import json

from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.talk import ComposeOutput


def heard(*lines):
    talk = ComposeOutput()
    for line in lines:
        talk.hear(line if isinstance(line, bytes) else line.encode())
    return talk


def test_plain_pulls_are_told_with_bytes_while_they_last():
    talk = heard(
        " redis Pulling ",
        " 4f4fb700ef54 Pulling fs layer ",
        " 4f4fb700ef54 Downloading [=>      ]  1.5MB/3MB",
        " aaaaaaaaaaaa Downloading [=>      ]  500kB/1GB",
    )
    assert talk.activity == "pulling redis"
    assert talk.pulled == (2_000_000, 1_003_000_000)
    talk.hear(b" 4f4fb700ef54 Download complete ")
    assert talk.pulled == (3_500_000, 1_003_000_000)
    talk.hear(b" redis Pulled ")
    assert (talk.activity, talk.pulled, talk.starting) == ("", (0, 0), False)


def test_json_events_are_told_with_bytes():
    events = [
        {"id": "redis", "text": "Pulling", "status": "Working"},
        {"id": "4f4f", "parent_id": "redis", "text": "Downloading", "current": 10, "total": 40, "percent": 25},
        {"id": "4f4f", "parent_id": "redis", "text": "Downloading", "current": 40, "total": 40, "percent": 100},
    ]
    talk = heard(*map(json.dumps, events))
    assert (talk.activity, talk.pulled) == ("pulling redis", (40, 40))
    assert heard('{"error": true, "message": "pull access denied"}').lines == ["pull access denied"]


def test_a_build_is_told_by_its_step_until_containers_start():
    talk = heard("#5 [api 2/5] RUN pip install .", "#5 1.2 collecting")
    assert talk.activity == "building [api 2/5] RUN pip install ."
    talk.hear(b"\x1b[2K Container shop-api-1  Creating")
    assert talk.starting
    assert talk.activity == ""


@given(st.binary())
def test_nothing_compose_says_breaks_it(line):
    heard(line, b"{" + line)
