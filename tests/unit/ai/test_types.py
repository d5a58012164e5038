from dataclasses import fields, replace

import pytest

from samplemind_cli.ai.cache import prompt_fingerprint
from samplemind_cli.ai.core import as_request
from samplemind_cli.ai.question import payload
from samplemind_cli.ai.router import Provider
from samplemind_cli.ai.types import Endpoint, Media, Message, Options, Request, Route, Text, attachment
from samplemind_cli.errors import UsageError

ROUTE = Route(Provider.OLLAMA, Endpoint("http://127.0.0.1:11434", "tiny", "the key"))
OTHER = {
    "messages": (Message("user", "other"),),
    "temperature": 0.5,
    "max_tokens": 5,
    "schema": {"type": "object"},
    "tools": ({"type": "function", "function": {"name": "f"}},),
    "tool_choice": "required",
    "top_p": 0.5,
    "stop": ("END",),
    "seed": 0,
    "presence_penalty": 0.0,
    "frequency_penalty": -1.0,
    "parallel_tool_calls": False,
    "json_mode": True,
    "effort": "low",
    "thinking_budget": 0,
    "extra": {"top_k": 5},
    "headers": {"anthropic-beta": "context-1m"},
    "source": "gemini",
    "body": {"a": 1},
    "unkeyed": {"user": "me"},
    "schema_name": "song",
    "strict": False,
    "max_tokens_field": "max_completion_tokens",
}


def key(request, route=ROUTE):
    return prompt_fingerprint(payload(route, request))


def test_every_field_of_a_request_is_keyed_or_ignored_and_none_is_both():
    names = {field.name for field in fields(Request)}

    assert names == Request.KEYED | Request.IGNORED
    assert not Request.KEYED & Request.IGNORED


def test_each_keyed_field_changes_the_key_and_each_ignored_one_does_not():
    plain = as_request("hi")

    changed = {name for name, value in OTHER.items() if key(replace(plain, **{name: value})) != key(plain)}

    assert set(OTHER) == Request.KEYED | Request.IGNORED
    assert changed == Request.KEYED


def test_a_parameter_that_was_not_given_leaves_the_keys_of_old_answers_as_they_are():
    known = {"messages", "base_url", "model"}

    assert payload(ROUTE, as_request("hi")).keys() == known
    assert payload(ROUTE, replace(as_request("hi"), top_p=0.0)).keys() == known | {"top_p"}


def test_the_base_url_and_the_model_are_keyed_and_the_api_key_is_not():
    plain = as_request("hi")
    moved = replace(ROUTE, endpoint=replace(ROUTE.endpoint, base_url="http://other"))
    bigger = replace(ROUTE, endpoint=replace(ROUTE.endpoint, model="big"))
    rekeyed = replace(ROUTE, endpoint=replace(ROUTE.endpoint, api_key="another"))

    assert len({key(plain), key(plain, moved), key(plain, bigger)}) == 3
    assert key(plain, rekeyed) == key(plain)
    assert "the key" not in str(payload(ROUTE, plain))


def test_an_attachment_is_keyed_by_its_content_and_not_by_its_name():
    def with_image(data, name):
        return Request(messages=(Message("user", [Text("hi"), attachment("image/png", data, name)]),))

    assert key(with_image(b"1", "a.png")) == key(with_image(b"1", "b.png"))
    assert key(with_image(b"1", "a.png")) != key(with_image(b"2", "a.png"))


def test_a_request_knows_what_it_needs():
    files = (attachment("image/png", b""), attachment("audio/wav", b""), Media("image", url="https://x/y.png"))
    request = Request(messages=(Message("user", files),), tools=({},), schema={})

    assert request.needs == {"image", "image_url", "audio", "tools", "schema"}
    assert as_request("hi").needs == frozenset()
    assert Request(messages=(), seed=0, stop=("END",)).needs == {"seed", "stop"}


def test_no_repr_shows_a_key():
    assert "the key" not in repr(ROUTE)


@pytest.mark.parametrize("name", ["ttl", "max_age", "timeout", "max_cost"])
@pytest.mark.parametrize("number", [-1, -0.5, float("nan")])
def test_a_number_that_is_no_time_and_no_sum_is_a_clear_error(name, number):
    with pytest.raises(UsageError, match=f"{name} is .*: it must be 0 or more"):
        Options(**{name: number})
    assert getattr(Options(**{name: 0}), name) == 0
