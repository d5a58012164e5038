import json
import re
import time
from datetime import datetime

import pytest

from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import generate
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.openai_chat import completions
from samplemind_cli.formats.openai_chat import server as openai
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Answer, Chunk, Text, ToolCall
from samplemind_cli.server.stamped import Stamped

ROOMS = {
    "chat": openai,
    "completions": completions,
    "responses": responses,
    "anthropic": anthropic,
    "gemini": gemini,
    "ollama": ollama,
    "generate": generate,
}
TRICKY = '{"created_at":1,"created":2,"completed_at":3,"id":"x"}\n{"model":"m","created_at":"2026-01-01T00:00:00Z"}'
LATER = 1_900_000_000.5
TOOL = {"type": "function", "name": "f", "parameters": {"created_at": 5, "completed_at": 6}}
ASKED = {
    "model": "m",
    "messages": [],
    "metadata": {"created_at": "2026-01-01T00:00:00Z"},
    "tools": [TOOL],
    "input": "x",
}


def answer(*parts):
    return Answer(parts=parts, provider="p", model="m", key="k", finish_reason="stop", latency_ms=5)


def told(room, number, *, streamed, said):
    if not streamed:
        return room.whole(said, number, Fields(ASKED))
    events = room.events(number, "p/m", Fields(ASKED))
    return b"".join(events.of(Chunk(said.text, answer=said))) + events.end()


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("name", ROOMS)
def test_an_answer_told_again_has_an_id_and_a_time_of_its_own_and_the_rest_as_it_was(name, streamed):
    said = answer(Text(TRICKY), *([] if name == "completions" else [ToolCall("f", TRICKY.partition("\n")[0], "c")]))
    first = told(ROOMS[name], "aaaa-1", streamed=streamed, said=said)
    again = Stamped.of(first, b"aaaa-1").at(b"bbbb-2", LATER)

    assert b"aaaa-1" not in again
    assert (b"bbbb-2" in again) == (name not in ("ollama", "generate"))
    recent = {str(int(time.time()) - n) for n in range(3)}
    assert not recent & set(re.findall(r"\d{10}", again.decode()))
    if name in ("ollama", "generate"):
        times = [json.loads(line)["created_at"] for line in again.decode().splitlines() if line]
        assert [datetime.fromisoformat(time).timestamp() for time in times] == [LATER] * len(times)
    elif name not in ("anthropic", "gemini"):
        assert str(int(LATER)) in again.decode()
    same = again.replace(b"bbbb-2", b"aaaa-1")
    assert len(same) == len(first) or name in ("ollama", "generate")
    assert again.decode().count('"completed_at":6') == first.decode().count('"completed_at":6')
    assert again.decode().count("2026-01-01T00:00:00Z") == first.decode().count("2026-01-01T00:00:00Z")


def test_a_body_without_id_or_time_stays_as_it_is():
    assert Stamped.of(b"answer", b"x").at(b"y", LATER) == b"answer"
