import json
import os
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.ai import why
from samplemind_cli.ai.types import Endpoint, Message, Request, Route, Usage

ROUTE = Route("openai", Endpoint("https://api.example", "gpt"))
TOOLS = ({"type": "function", "function": {"name": "play", "parameters": {}}},)
TALK = Request(
    messages=(
        Message("system", "be brief"),
        Message("user", "one"),
        Message("assistant", "two"),
        Message("user", "three"),
    ),
    temperature=0.5,
    tools=TOOLS,
    extra={"verbosity": "low"},
)


def known(*requests, route=ROUTE):
    return [why.parts(route, request) for request in requests]


def said(number, text, request=TALK):
    messages = list(request.messages)
    messages[number] = Message(messages[number].role, text)
    return replace(request, messages=tuple(messages))


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (said(3, "other"), "message 3 differs"),
        (said(1, "other"), "message 1 differs"),
        (said(0, "be long"), "system differs"),
        (replace(TALK, temperature=0.6), "temperature differs"),
        (replace(TALK, temperature=None), "temperature is missing"),
        (replace(TALK, max_tokens=9), "max_tokens is new"),
        (replace(TALK, tools=()), "tools are missing"),
        (replace(TALK, tools=(*TOOLS, {"type": "function", "function": {"name": "stop"}})), "tools differ"),
        (replace(TALK, extra={"verbosity": "high"}), "verbosity differs"),
        (replace(TALK, messages=(*TALK.messages, Message("assistant", "four"))), "message 4 is new"),
        (replace(TALK, messages=TALK.messages[:-1]), "message 3 is missing"),
        (TALK, "the same question was stored, and its answer has expired or was removed"),
    ],
)
def test_the_first_part_that_differs_is_named(request_, told):
    assert why.of_miss(known(TALK), ROUTE, request_) == told


def test_another_model_is_named_before_all_else():
    other = Route("openai", Endpoint("https://api.example", "mini"))

    assert why.of_miss(known(TALK), other, TALK) == "model differs"
    assert why.of_miss(known(TALK), Route("mistral", Endpoint("x", "gpt")), TALK) == "provider differs"


def test_the_nearest_question_counts_and_of_two_the_younger():
    far, near = said(0, "x", said(1, "y")), said(3, "z")

    assert why.of_miss(known(near, far), ROUTE, TALK) == "message 3 differs"
    assert why.of_miss(known(said(3, "z"), said(1, "y")), ROUTE, TALK) == "message 1 differs"
    assert why.of_miss([], ROUTE, TALK) == "no question is stored yet"


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (replace(TALK, tools=()), "tools changed since"),
        (Request(messages=(Message("user", "something else"),)), ""),  # nothing in common is no beginning
        (said(0, "be long"), "system changed since"),
        (said(2, "other"), "message 2 changed since"),
        (replace(TALK, temperature=0.9), "the prefix did not change: providers cache"),
        (replace(TALK, messages=(*TALK.messages, Message("assistant", "four"))), "the prefix did not change"),
    ],
)
def test_what_changed_since_a_provider_saw_the_same_beginning_is_named(now, told):
    found = why.of_prefix(known(TALK), ROUTE, now, Usage(cached_tokens=0))

    assert found.startswith(told) if told else not found


@pytest.mark.parametrize("usage", [Usage(), Usage(cached_tokens=5)])
def test_a_provider_that_had_some_cached_or_says_nothing_of_it_needs_no_reason(usage):
    assert not why.of_prefix(known(TALK), ROUTE, said(0, "other"), usage)


def test_only_fingerprints_are_kept_in_a_file_of_the_users_alone(tmp_path):
    questions = why.Questions(str(tmp_path))
    questions.keep(why.parts(ROUTE, said(3, "a secret word")))
    questions.flush()
    file = tmp_path / "questions" / "spool.jsonl"

    assert "secret" not in file.read_text()
    assert "brief" not in file.read_text()
    assert file.stat().st_mode & 0o777 == 0o600
    assert why.Questions(str(tmp_path)).known() == known(said(3, "a secret word"))


def test_the_last_questions_are_kept_and_the_file_stays_small(tmp_path, monkeypatch):
    monkeypatch.setattr(why, "LARGEST", 20_000)
    questions = why.Questions(str(tmp_path))
    for n in range(500):
        questions.keep(why.parts(ROUTE, said(3, str(n))))

    assert questions.known()[-1] == known(said(3, "499"))[0]
    assert len(questions.known()) <= why.KEPT
    assert (tmp_path / "questions" / "spool.jsonl").stat().st_size <= 30_000


def test_a_broken_line_is_passed_over_and_a_folder_that_cannot_be_used_raises_nothing(tmp_path):
    (tmp_path / "questions").mkdir()
    (tmp_path / "questions" / "spool.jsonl").write_text('half\n[1]\n{"provider": "x"}\n')
    assert why.Questions(str(tmp_path)).known() == [{"provider": "x"}]

    nowhere = why.Questions(os.devnull)
    nowhere.keep(why.parts(ROUTE, TALK))
    assert nowhere.known() == []
    assert why.Questions("").known() == []


def test_a_question_is_compared_with_those_alone_that_were_stored_before_it(tmp_path):
    questions = why.Questions(str(tmp_path))
    questions.keep(why.parts(ROUTE, said(3, "older")), "ai:v3:openai:older")
    between = time.time()
    questions.keep(why.parts(ROUTE, TALK), "ai:v3:openai:itself")
    mine = why.parts(ROUTE, TALK)

    assert questions.of_miss(mine, 0.0) == {"why": "no question is stored yet"}
    assert questions.of_miss(mine, between) == {"why": "message 3 differs", "nearest": "ai:v3:openai:older"}
    assert questions.of_miss(mine, time.time() + 1)["why"].startswith("the same question was stored")


def test_another_process_s_questions_are_known_and_removed_ones_are_forgotten(tmp_path):
    mine, others = why.Questions(str(tmp_path)), why.Questions(str(tmp_path))
    assert mine.known() == []
    for number in range(3):
        others.keep(why.parts(ROUTE, said(3, str(number))))
        others.flush()
        assert mine.known() == known(*(said(3, str(n)) for n in range(number + 1)))

    (tmp_path / "questions" / "spool.jsonl").unlink()

    assert mine.known() == []


def test_a_cache_that_is_off_is_the_reason(tmp_path):
    assert why.Questions(str(tmp_path), off=True).of_miss({}, 0.0) == {"why": "the cache is off"}


@given(st.text(max_size=80))
def test_a_fields_name_can_break_no_header(name):
    told = why.of_miss(known(replace(TALK, extra={})), ROUTE, replace(TALK, extra={name: 1}))

    assert told.isascii()
    assert told.isprintable()
    json.dumps(told)
