import pytest

from samplemind_cli.formats import faults
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.refused_fields import field_in, is_hint, without
from samplemind_cli.formats.types import Message, Request, Text, Thinking

HI = (Message("user", "hi"),)
THINKS = Request(messages=HI, effort="high", temperature=0.5, source="openai_chat")


def said(message, **more):
    return faults.fault(400, {"error": {"message": message, "type": "invalid_request_error", **more}})


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported parameter: 'reasoning_effort' is not supported with this model.",
        "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: 'low'",
        "Unrecognized request argument supplied: reasoning_effort",
        "Model grok-4-1-fast-reasoning does not support parameter reasoningEffort.",
        "Argument not supported on this model: reasoningEffort",
        "reasoning_effort is not supported with this model",
        "`reasoning_effort` must be one of `none` or `default`",
        "Validation error for `reasoning_effort`: expected one of 'low' | 'medium' | 'high', received 'xhigh'",
        "property 'reasoning_effort' is unsupported",
        '"llama3.1:8b" does not support thinking',
        'think value "medium" is not supported for this model',
        'invalid think value: "max" (must be "high", "medium", "low", true, or false)',
        "Thinking level is not supported for this model.",
        "Thinking level MINIMAL is not supported for this model. Please retry with other thinking level.",
        "Budget 0 is invalid. This model only works in thinking mode.",
        "This model does not support the effort parameter.",
        "adaptive thinking is not supported on this model",
        "Thinking may not be enabled when tool_choice forces tool use.",
        "Extra inputs are not permitted, field: 'reasoning_effort', value: 'high'",
        "Invalid JSON payload received. Unknown name \"thinkingLevel\" at 'generation_config.thinking_config'",
    ],
)
def test_an_effort_that_a_model_refuses_is_found_in_each_providers_words(message):
    assert field_in(said(message), Request(messages=HI, effort="high")) == "effort"


@pytest.mark.parametrize(
    "message",
    [
        "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is",
        "`temperature` is deprecated for this model.",
        "`temperature` and `top_p` cannot both be specified for this model. Please use only one.",
        "temperature: Extra inputs are not permitted",
        "`temperature` may only be set to 1 when thinking is enabled.",
    ],
)
def test_a_temperature_that_a_model_refuses_is_found_first(message):
    assert field_in(said(message), THINKS) == "temperature"


@pytest.mark.parametrize(
    "body",
    [
        {"error": {"message": "Invalid value: 'xhigh'. Supported values are: 'low'.", "param": "reasoning_effort"}},
        {"detail": [{"type": "extra_forbidden", "loc": ["body", "reasoning_effort"], "msg": "Extra inputs …"}]},
        {"error": "[{'type': 'extra_forbidden', 'loc': ('body', 'reasoning_effort'), 'msg': 'Extra inputs'}]"},
    ],
)
def test_a_field_is_found_where_the_error_names_it_beside_its_words(body):
    assert field_in(faults.fault(422, body), THINKS) == "effort"


@pytest.mark.parametrize(
    "message",
    [
        "temperature must be between 0 and 1",
        "messages: text content blocks must be non-empty",
        "`max_tokens` must be greater than `thinking.budget_tokens`",
        "Expected `thinking` or `redacted_thinking`, but found `text`",
        "This model does not support image input",
    ],
)
def test_another_mistake_is_no_refusal_of_a_field(message):
    assert field_in(said(message), THINKS) == ""


def test_a_word_of_the_prompt_is_no_field():
    request = Request(messages=(Message("user", "hi", name="Ann"),))

    assert field_in(said("this name is not supported: a stranger's"), request) == ""
    assert field_in(said("messages.0.user.name: Extra inputs are not permitted"), request) == "name"


def test_only_what_was_asked_for_is_looked_for():
    assert field_in(said("Unsupported parameter: 'reasoning_effort'"), Request(messages=HI)) == ""


@pytest.mark.parametrize(
    ("name", "hint"), [("effort", True), ("temperature", True), ("verbosity", True), ("top_p", False), ("n", False)]
)
def test_a_hint_may_be_left_out_and_a_constraint_may_not(name, hint):
    request = Request(
        messages=HI, effort="low", temperature=1, top_p=0.5, extra={"verbosity": "low", "n": 2}, source="openai_chat"
    )

    assert is_hint(name, request) == hint
    assert field_in(said(f"Unsupported parameter: '{name}'".replace("effort", "reasoning_effort")), request) == name


def test_what_a_person_set_by_hand_is_not_left_out():
    assert not is_hint("thinking", Request(messages=HI, extra={"thinking": {"type": "enabled"}}))


def test_a_request_without_fields_holds_none_of_them():
    parts = (Text("hi", {"cache_control": {"type": "ephemeral"}}), Thinking("hm", origin="openai_chat"))
    request = Request(
        messages=(Message("user", parts, "Ann"),),
        effort="low",
        temperature=1,
        extra={"reasoning": {"effort": "low"}, "verbosity": "low"},
        unkeyed={"store": False},
        source="openai_chat",
    )
    names = frozenset({"effort", "temperature", "verbosity", "store", "cache_control", "name", "reasoning_content"})
    left = without(request, names)

    assert left == Request(messages=HI, source="openai_chat")


@pytest.mark.parametrize(("sent", "other"), [("", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")])
def test_a_cap_goes_under_its_other_name(sent, other):
    request = Request(messages=HI, max_tokens=9, max_tokens_field=sent)
    named = sent or "max_tokens"
    refused = field_in(said(f"Unsupported parameter: '{named}' is not supported with this model."), request)

    assert refused == named
    assert without(request, frozenset({refused})).max_tokens_field == other


def test_ollamas_refusal_is_one_of_ability():
    fault = ollama.fault(400, {"error": '"tiny" does not support thinking'})

    assert (fault.kind, field_in(fault, THINKS)) == ("unsupported", "effort")
