import json

import pytest

pytestmark = pytest.mark.integration
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "50"}


@pytest.fixture
def watched(collector, serve):  # the collector outlives the server, or that would wait for it at its end
    def start(*options, **env):
        return serve(*options, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **SOON, **env)

    return start


def lines(served):
    """The log, once the server has ended."""
    return [json.loads(line) for line in served.log.splitlines()]


def test_a_clients_trace_goes_on_through_the_request_to_the_call_it_made(watched, collector, mock_server):
    served = watched()
    served.ask(TRACEPARENT, temperature=0.5, max_tokens=9).raise_for_status()

    request, call = collector.spans(2)
    assert (request["name"], request["kind"]) == ("POST /v1/chat/completions", "server")
    assert (request["trace"], request["parent"]) == (TRACE, PARENT)
    told = request["attributes"]
    assert told["user_agent.original"].startswith("python-httpx/")
    assert told["samplemind.request_id"]
    assert {k: v for k, v in told.items() if k not in ("user_agent.original", "samplemind.request_id")} == {
        "http.request.method": "POST",
        "http.route": "/v1/chat/completions",
        "http.response.status_code": 200,
        "network.protocol.version": "1.1",
        "url.path": "/v1/chat/completions",
        "url.scheme": "http",
        "samplemind.cache": "miss",
        "samplemind.route": "ollama/llama3.2:3b-instruct-q8_0",
    }
    assert (call["name"], call["kind"]) == ("chat llama3.2:3b-instruct-q8_0", "client")
    assert (call["trace"], call["parent"], call["failed"]) == (TRACE, request["id"], False)
    assert call["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "ollama",
        "gen_ai.request.model": "llama3.2:3b-instruct-q8_0",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.stream": True,
        "gen_ai.response.time_to_first_chunk": call["attributes"]["gen_ai.response.time_to_first_chunk"],
        "gen_ai.response.model": "llama3.2:3b-instruct-q8_0",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": call["attributes"]["gen_ai.usage.input_tokens"],
        "gen_ai.usage.output_tokens": 3,
        "server.address": "127.0.0.1",
        "server.port": mock_server.port,
    }
    assert request["begin"] <= call["begin"] <= call["end"] <= request["end"]
    assert "traceparent" not in mock_server.requests[0].headers
    served.stop()
    (line,) = [line for line in lines(served) if line["message"] == "request"]
    assert (line["trace_id"], line["span_id"]) == (TRACE, request["id"])


def test_who_serves_is_named_by_the_standard_variables(watched, collector):
    watched(OTEL_EXPORTER_OTLP_HEADERS="x-key=secret").ask().raise_for_status()
    collector.spans(2)
    watched(OTEL_SERVICE_NAME="mine", OTEL_RESOURCE_ATTRIBUTES="deployment.environment=test").ask().raise_for_status()
    collector.spans(3)

    first, *_, last = collector.resources
    assert (first["service.name"], last["service.name"]) == ("samplemind", "mine")
    assert last["deployment.environment"] == "test"
    assert first["service.instance.id"] != last["service.instance.id"]
    assert collector.headers[0]["x-key"] == "secret"


def test_cached_answers_are_spans_of_their_own_and_make_no_call(watched, collector):
    served = watched()
    for model in ("auto", "auto:factual", "auto"):
        served.ask(model=model).raise_for_status()

    fresh, call, local, memory = collector.spans(4)
    assert [s["attributes"]["samplemind.cache"] for s in (fresh, local, memory)] == ["miss", "local", "memory"]
    assert call["parent"] == fresh["id"]
    assert len({span["trace"] for span in (fresh, local, memory)}) == 3
    assert (local["parent"], memory["parent"]) == ("", "")


def test_a_provider_passed_over_is_a_failed_span_beside_the_one_that_answered(watched, collector, mock_server):
    mock_server.behave(faults=["ollama/503"])
    served = watched()
    served.ask().raise_for_status()

    request, failed, answered = collector.spans(3)
    assert [span["parent"] for span in (failed, answered)] == [request["id"]] * 2
    assert (failed["failed"], failed["attributes"]["error.type"]) == (True, "overloaded")
    assert answered["attributes"]["gen_ai.provider.name"] == "gcp.gemini"
    assert request["attributes"]["samplemind.passed_over"] == ["ollama"]
    assert not request["failed"]
    served.stop()
    told = next(line for line in lines(served) if line["level"] == "warning")
    assert (told["trace_id"], told["span_id"]) == (request["trace"], request["id"])


def test_a_stream_is_one_call_until_its_last_word_and_says_when_its_first_came(watched, collector):
    served = watched()
    for _ in range(2):
        told = served.ask(model="openai/any", stream=True, stream_options={"include_usage": True})
        assert told.text.endswith("data: [DONE]\n\n")

    request, call, replayed = collector.spans(3)
    assert call["attributes"]["gen_ai.request.stream"] is True
    assert 0 < call["attributes"]["gen_ai.response.time_to_first_chunk"] <= (call["end"] - call["begin"]) / 1e9
    assert call["attributes"]["gen_ai.usage.output_tokens"] == 3
    assert (call["parent"], request["attributes"]["samplemind.cache"]) == (request["id"], "miss")
    assert replayed["attributes"]["samplemind.cache"] == "local"


def test_a_stream_that_breaks_off_has_failed_although_its_status_was_good(watched, collector, mock_server):
    mock_server.behave(faults=["cut"], reply="one two three four five six")
    watched().ask(model="openai/any", stream=True)

    request, call = collector.spans(2)
    assert (call["failed"], call["attributes"]["error.type"]) == (True, "broken_off")
    assert (request["failed"], request["attributes"]["http.response.status_code"]) == (True, 200)
    assert request["attributes"]["error.type"] == "provider_error"


def test_a_failure_is_told_as_ours_and_a_clients_mistake_is_not(watched, collector, mock_server):
    mock_server.behave(faults=["auth"])
    served = watched()
    assert served.ask(model="openai/any").status_code == 403
    assert served.http.post("/v1/chat/completions", json={}).status_code == 400
    assert served.http.get("/nowhere/at/all").status_code == 404
    served.http.get("/healthz").raise_for_status()

    failed, call, mistaken, lost = collector.spans(4)
    assert (failed["failed"], failed["attributes"]["error.type"]) == (True, "provider_auth")
    assert call["attributes"]["error.type"] == "auth"
    assert (mistaken["failed"], lost["failed"]) == (False, False)
    assert (lost["name"], "http.route" in lost["attributes"]) == ("GET", False)


def test_embeddings_are_a_call_of_their_own_kind(watched, collector):
    watched().http.post("/v1/embeddings", json={"model": "ollama/tiny", "input": ["hi"]}).raise_for_status()

    request, call = collector.spans(2)
    assert (call["name"], call["parent"]) == ("embeddings tiny", request["id"])
    assert call["attributes"]["gen_ai.usage.input_tokens"] > 0


def test_two_who_ask_the_same_at_once_have_their_own_traces_and_share_the_call(watched, collector, mock_server):
    from concurrent.futures import ThreadPoolExecutor

    mock_server.behave(latency_ms=500)
    served = watched()
    with ThreadPoolExecutor(2) as both:
        assert [r.status_code for r in both.map(lambda _: served.ask(), range(2))] == [200, 200]

    first, second, call = sorted(collector.spans(3), key=lambda span: span["kind"] == "client")
    assert first["trace"] != second["trace"]
    assert call["parent"] in (first["id"], second["id"])


def test_metrics_go_out_with_the_drain(watched, collector):
    served = watched()
    for _ in range(3):
        served.ask(stream=True).raise_for_status()
    assert served.stop() == 0

    (((labels, seconds, count)),) = collector.metrics["gen_ai.client.operation.duration"]
    assert (labels["gen_ai.provider.name"], labels["gen_ai.operation.name"], count) == ("ollama", "chat", 1)
    assert seconds > 0
    tokens = {point["gen_ai.token.type"]: total for point, total, _ in collector.metrics["gen_ai.client.token.usage"]}
    assert tokens["output"] == 3
    assert len(collector.metrics["gen_ai.client.operation.time_to_first_chunk"]) == 1
    ((labels, _, count),) = collector.metrics["http.server.request.duration"]
    assert (labels["http.route"], labels["http.response.status_code"], count) == ("/v1/chat/completions", 200, 3)


def test_what_was_not_sent_goes_out_with_the_drain(collector, serve):
    served = serve(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="60000")
    served.ask().raise_for_status()
    assert served.stop() == 0

    collector.spans(2)


def test_each_worker_tells_of_what_it_served(collector, serve):
    served = serve("--workers", "2", OTEL_EXPORTER_OTLP_ENDPOINT=collector.url)
    served.ask().raise_for_status()
    assert served.stop() == 0

    collector.spans(2)


def test_words_are_in_spans_only_where_they_are_asked_for(watched, collector):
    watched().ask().raise_for_status()
    _, call = collector.spans(2)
    assert not [name for name in call["attributes"] if "messages" in name]
    watched(OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT="true").ask(
        messages=[{"role": "user", "content": "ho"}]
    ).raise_for_status()

    call = collector.spans(4)[-1]
    assert json.loads(call["attributes"]["gen_ai.input.messages"]) == [
        {"role": "user", "parts": [{"type": "text", "content": "ho"}]}
    ]
    assert json.loads(call["attributes"]["gen_ai.output.messages"]) == [
        {"role": "assistant", "parts": [{"type": "text", "content": "You said: ho"}], "finish_reason": "stop"}
    ]


def test_a_collector_that_is_down_is_said_once_and_stops_nothing(serve):
    served = serve(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **SOON)
    for n in range(20):
        served.ask(messages=[{"role": "user", "content": str(n)}]).raise_for_status()
    assert served.stop() == 0

    told = [line["message"] for line in lines(served) if line["level"] == "warning"]
    assert [text for text in told if "telemetry is being lost" in text] == told
    assert len(told) == 1


def test_a_collector_that_says_nothing_does_not_hold_up_the_end(serve):
    import socket
    import time

    with socket.create_server(("127.0.0.1", 0)) as silent:
        served = serve(OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{silent.getsockname()[1]}", **SOON)
        served.ask().raise_for_status()
        began = time.monotonic()
        assert served.stop() == 0

    assert time.monotonic() - began < 10  # the stop period


def test_nothing_of_it_is_imported_unless_the_variables_want_it(collector, serve):
    named = {"PYTHONPROFILEIMPORTTIME": "1", "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
    quiet, loud = serve(**named, OTEL_SDK_DISABLED="true"), serve(**named)
    for served in (quiet, loud):
        served.ask().raise_for_status()
        served.stop()

    assert " opentelemetry" not in quiet.log
    assert " opentelemetry" in loud.log


def test_without_the_extra_one_line_says_how_to_have_it(serve, tmp_path):
    (tmp_path / "opentelemetry.py").write_text("raise ModuleNotFoundError(name='opentelemetry')")
    served = serve(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", PYTHONPATH=str(tmp_path))
    served.ask().raise_for_status()
    served.stop()

    (told,) = [line for line in lines(served) if line["level"] == "warning"]
    assert told["message"] == "telemetry is off: opentelemetry is not installed: pip install 'samplemind-cli[otel]'"


@pytest.mark.parametrize(
    ("variable", "value", "why"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "zipkin"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "use http/protobuf"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "telemetry is off: max_queue_size"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "brotli", "telemetry: Unsupported compression"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "the-secret-key", "must be name=value"),
    ],
)
def test_a_variable_that_is_wrong_is_said_and_no_reason_not_to_serve(collector, serve, variable, value, why):
    served = serve(**{"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, variable: value})
    served.ask().raise_for_status()
    assert served.stop() == 0

    told = [line["message"] for line in lines(served) if line["level"] == "warning"]
    assert why in " ".join(told)
    assert "the-secret-key" not in served.log
