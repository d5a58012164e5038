import asyncio

import pytest

otel = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is not installed")

from types import SimpleNamespace  # noqa: E402 - what follows needs the extra

from opentelemetry.metrics import NoOpMeterProvider  # noqa: E402
from opentelemetry.sdk.trace.export import SimpleSpanProcessor  # noqa: E402
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter  # noqa: E402
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes  # noqa: E402
from opentelemetry.semconv._incubating.metrics import gen_ai_metrics  # noqa: E402

from samplemind_cli.ai.http_client import UnavailableError  # noqa: E402
from samplemind_cli.ai.types import Chunk, Endpoint, Fault, Message, Provider, Request, Route, Usage  # noqa: E402
from samplemind_cli.errors import CutStreamError  # noqa: E402
from samplemind_cli.server.telemetry.calling import Calling  # noqa: E402

ROUTE = Route(Provider.OPENAI, Endpoint("https://api.openai.com/v1", "gpt", "sk-secret"))
HI = Request(
    messages=(Message("user", "hi"),),
    max_tokens=5,
    temperature=0.1,
    schema={"type": "object"},
    top_p=0.9,
    stop=("END",),
    seed=7,
    presence_penalty=0.2,
    frequency_penalty=0.3,
)
WHOLE = (Chunk(text="{", model="gpt-5"), Chunk("}", finish="stop"), Chunk(usage=Usage(7, 2, 5, 1)))


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def calling(spans):
    def made(content=False):
        provider = otel.TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(spans))
        pipeline = SimpleNamespace(tracer=provider.get_tracer("t"), meter=NoOpMeterProvider().get_meter("t"))
        return Calling(pipeline, content=content)

    return made


def watched(calling, chunks, request=HI, failure=None):
    with calling.watch(ROUTE, request) as heard:
        for chunk in chunks:
            heard(chunk)
        if failure:
            raise failure


def test_every_name_is_one_of_the_conventions(calling, spans):
    watched(calling(content=True), WHOLE)
    (span,) = spans.get_finished_spans()

    known = {value for name, value in vars(gen_ai_attributes).items() if name.startswith("GEN_AI_")}
    assert {name for name in span.attributes if name.startswith("gen_ai.")} <= known
    assert len(span.attributes) == 23
    assert gen_ai_metrics.GEN_AI_CLIENT_OPERATION_DURATION == "gen_ai.client.operation.duration"
    assert gen_ai_metrics.GEN_AI_CLIENT_OPERATION_TIME_TO_FIRST_CHUNK == "gen_ai.client.operation.time_to_first_chunk"
    assert gen_ai_metrics.GEN_AI_CLIENT_TOKEN_USAGE == "gen_ai.client.token.usage"


def test_a_call_says_what_was_asked_and_what_it_took(calling, spans):
    watched(calling(), WHOLE)
    (span,) = spans.get_finished_spans()

    told = dict(span.attributes)
    assert told.pop("gen_ai.response.time_to_first_chunk") > 0
    assert told == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt",
        "gen_ai.request.max_tokens": 5,
        "gen_ai.request.temperature": 0.1,
        "gen_ai.request.top_p": 0.9,
        "gen_ai.request.seed": 7,
        "gen_ai.request.presence_penalty": 0.2,
        "gen_ai.request.frequency_penalty": 0.3,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.stream": True,
        "gen_ai.output.type": "json",
        "gen_ai.response.model": "gpt-5",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.usage.output_tokens": 2,
        "gen_ai.usage.cache_read.input_tokens": 5,
        "gen_ai.usage.reasoning.output_tokens": 1,
        "server.address": "api.openai.com",
        "server.port": 443,
    }


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (UnavailableError("no: sk-secret said hi", fault=Fault("rate", "")), "rate"),
        (UnavailableError("nothing listens", refused=True), "refused"),
        (UnavailableError("no such host"), "unreachable"),
        (CutStreamError("broke off"), "broken_off"),
        (TimeoutError(), "timeout"),
        (asyncio.CancelledError(), "cancelled"),
        (KeyError("sk-secret"), "KeyError"),
    ],
)
def test_a_failure_is_told_by_its_kind_and_never_in_the_providers_words(calling, spans, failure, kind):
    with pytest.raises(type(failure)):
        watched(calling(), WHOLE[:1], failure=failure)
    (span,) = spans.get_finished_spans()

    assert (span.attributes["error.type"], span.status.is_ok) == (kind, False)
    assert "secret" not in span.to_json()


def test_an_answer_without_an_end_has_failed_and_the_call_is_not_disturbed(calling, spans):
    watched(calling(), WHOLE[:1])

    assert spans.get_finished_spans()[0].attributes["error.type"] == "broken_off"


def test_words_are_told_only_with_content(calling, spans):
    watched(calling(content=True), WHOLE)
    watched(calling(), WHOLE)
    loud, quiet = spans.get_finished_spans()

    assert '"content":"hi"' in loud.attributes["gen_ai.input.messages"]
    assert '"content":"{}"' in loud.attributes["gen_ai.output.messages"]
    assert "hi" not in quiet.to_json()
