import json
import re

import pytest

pytestmark = pytest.mark.integration


def requests(served):
    found = [json.loads(line) for line in served.log.splitlines()]
    return [line for line in found if line["message"] == "request"]


def test_the_log_holds_neither_prompts_nor_answers(serve):
    served = serve()
    for _ in range(2):
        served.ask(messages=[{"role": "user", "content": "a secret plan"}]).raise_for_status()
    served.ask(messages=[{"role": "user", "content": "a secret plan"}], stream=True).raise_for_status()
    served.stop()

    assert len(requests(served)) == 3
    assert "secret plan" not in served.log


def test_with_log_content_every_line_says_what_was_asked_and_answered(serve, mock_server):
    served = serve("--log-content")
    for _ in range(2):
        served.ask().raise_for_status()
        served.ask(stream=True, messages=[{"role": "user", "content": "ho"}]).raise_for_status()
    served.http.post("/v1/embeddings", json={"model": "ollama/tiny", "input": ["one", "two"]}).raise_for_status()
    mock_server.behave(faults=["auth"])
    served.ask(model="openai/any")
    served.stop()

    assert json.loads(served.log.splitlines()[0])["message"].startswith("--log-content: prompts and answers go into")
    told = [(line.get("cache", ""), line["prompt"], line.get("answer")) for line in requests(served)]
    assert told == [
        ("miss", "user: hi", "You said: hi"),
        ("miss", "user: ho", "You said: ho"),
        ("memory", "user: hi", "You said: hi"),
        ("local", "user: ho", "You said: ho"),
        ("miss", "one\ntwo", None),
        ("", "user: hi", None),
    ]


def test_a_stream_out_of_memory_says_its_words_too(serve):
    served = serve("--log-content")
    for _ in range(3):
        served.ask(stream=True).raise_for_status()
    served.stop()

    assert [(line["cache"], line["answer"]) for line in requests(served)][2] == ("memory", "You said: hi")


def test_what_a_client_sends_cannot_command_the_terminal_that_shows_the_log(serve):
    evil = "\x1b]52;c;eA==\x07 \u009b2J \u202e \x7f"
    served = serve("--log-content")
    served.ask(messages=[{"role": "user", "content": evil}]).raise_for_status()
    served.ask(model=evil)
    served.ask(model=f"openai/{evil}")
    served.stop()

    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", served.log)
    assert evil in requests(served)[0]["prompt"]
