"""What every adapter promises: the protocol, no exception whatever arrives, and no key in sight."""

import inspect
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplemind_cli.formats import reading
from samplemind_cli.formats.anthropic_messages import client as anthropic
from samplemind_cli.formats.gemini import client as gemini
from samplemind_cli.formats.ollama import client as ollama
from samplemind_cli.formats.openai_chat import client as openai
from samplemind_cli.formats.openai_chat import embedded
from samplemind_cli.formats.openai_responses import client as responses
from samplemind_cli.formats.types import Chunk, Client, Endpoint, Fault, Message, Request

ADAPTERS: tuple[Client, ...] = (ollama, gemini, anthropic, openai, embedded, responses)
FIELDS = (  # as in the providers' events and errors
    "type error message delta content text thinking tool_calls function functionCall name arguments args id index done "
    "done_reason choices finish_reason usage refusal candidates parts finishReason promptFeedback blockReason code "
    "usageMetadata promptTokenCount stop_reason content_block input status details detail prompt_tokens_details "
    "response output item output_index content_index item_id call_id summary encrypted_content part "
    "annotations logprobs"
)
TYPES = (
    "message message_start content_block_start content_block_delta message_delta error text tool_use thinking "
    "text_delta input_json_delta stop STOP end_turn response.completed response.failed response.output_item.added "
    "response.output_item.done response.output_text.delta response.reasoning_summary_text.delta function_call "
    "custom_tool_call response.function_call_arguments.delta reasoning completed incomplete"
)
# Random JSON hardly ever looks like an event; with the fields' and types' own names it often nearly does.
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(TYPES.split())
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=6),
    max_leaves=25,
)

unhurried = settings(deadline=None)  # other workers share the machine
each = pytest.mark.parametrize("adapter", ADAPTERS, ids=lambda adapter: adapter.__name__.rpartition(".")[2])


@each
def test_every_adapter_keeps_to_the_protocol(adapter):
    for name in ("takes", "chat", "reader", "fault", "models", "read_models"):
        promised = list(inspect.signature(getattr(Client, name)).parameters)[1:]  # without self
        assert list(inspect.signature(getattr(adapter, name)).parameters) == promised


@pytest.mark.slow
@each
def test_reading_never_raises_and_gives_what_the_types_say(adapter):
    @unhurried
    @given(JSON)
    def holds(event):
        chunk = adapter.read(event)
        assert isinstance(chunk, Chunk)
        assert isinstance(chunk.text + chunk.thinking, str)
        assert chunk.finish in {None, "stop", "tool_calls", "length", "refusal", "filtered", "unknown"}
        for call in chunk.tool_calls:
            assert isinstance(call.name + call.arguments + call.id, str)
        for number in (chunk.usage.input_tokens, chunk.usage.output_tokens) if chunk.usage else ():
            assert number is None or number >= 0

    holds()


@each
@pytest.mark.parametrize("event", [None, [], {}, "", 5, [None], {"type": "something_new"}, {"choices": None}])
def test_what_is_no_event_adds_nothing(adapter, event):
    assert adapter.read(event) == Chunk()


@pytest.mark.parametrize("tokens", [-1, True, 1.5, "7", None, 2**53, 2**64, float("inf")])
def test_what_is_no_number_of_tokens_that_json_can_carry_on_is_not_counted(tokens):
    assert reading.count(tokens) is None
    assert reading.count(2**53 - 1) == 2**53 - 1


@pytest.mark.slow
@each
def test_an_error_of_any_shape_is_a_fault_with_a_message(adapter):
    @unhurried
    @given(st.integers(100, 599), JSON)
    def holds(status, body):
        fault = adapter.fault(status, body)
        assert isinstance(fault, Fault)
        assert 0 < len(fault.message) <= 500

    holds()


@each
@pytest.mark.parametrize(
    "echo",
    [
        "Incorrect API key provided: {}. Find yours at https://example.com/keys",
        "Invalid bearer token: Bearer {}",
        "bad request: /v1beta/models?key={}&alt=sse",
        "Invalid API key: {}",
    ],
)
@pytest.mark.parametrize(
    "key", ["sk-proj-4fT9_x", "sk-ant-api03-Zz", "AIzaSyB-12_x", "AQ.Ab8_x-y", "gsk_91ab", "my-own"]
)
def test_no_fault_repeats_a_key(adapter, echo, key):
    assert key not in adapter.fault(401, {"error": {"message": echo.format(key)}}).message


@each
def test_a_key_travels_in_a_header_alone(adapter):
    call = adapter.chat(Request(messages=(Message("user", "hi"),)), Endpoint("http://host", "model", "the-key"))
    assert "the-key" not in call.url + json.dumps(call.json) + repr(call)
    assert adapter is ollama or any("the-key" in value for value in call.headers.values())
