"""A further provider, and a host of one's own, behind `serve`."""

import json

import pytest
from parts.scripted import WIRES, provider

pytestmark = pytest.mark.integration
QUESTION = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.usefixtures("hosts")
def test_serve_answers_for_it_lists_it_and_counts_it(serve):
    served = serve()

    answer = served.http.post("/v1/chat/completions", json={**QUESTION, "model": "my-vllm/other"})
    models = served.http.get("/v1/models").json()["data"]
    metrics = served.http.get("/metrics").text
    ready = served.http.get("/readyz").json()["checks"]

    assert (answer.status_code, answer.headers["x-samplemind-route"]) == (200, "my-vllm/other")
    assert {"groq", "my-vllm"} <= {model["owned_by"] for model in models}
    assert 'samplemind_model_requests_total{provider="my-vllm",model="other",outcome="ok"} 1' in metrics
    assert (ready["my-vllm"], ready["groq"]) == ("ok", "configured, not checked")
    assert "mistral" not in ready


def test_strict_fields_makes_a_field_that_would_be_left_out_a_400(serve, mock_server):
    claude = {"ANTHROPIC_BASE_URL": mock_server.url, "ANTHROPIC_API_KEY": "k"}
    body = {**QUESTION, "model": "anthropic/claude-x", "verbosity": "low"}

    lenient, strict = serve(**claude), serve(**claude, SAMPLEMIND_STRICT_FIELDS="true")

    assert lenient.http.post("/v1/chat/completions", json=body).status_code == 200
    refused = strict.http.post("/v1/chat/completions", json=body)
    assert refused.status_code == 400
    assert "verbosity" in refused.json()["error"]["message"]
    assert strict.http.post("/v1/chat/completions", json={**body, "verbosity": None}).status_code == 200


def test_an_effort_that_ollamas_model_refuses_is_left_out_and_named_in_a_header(serve):
    good, kind = WIRES["ollama"]("four")
    refused = 400, json.dumps({"error": '"m" does not support thinking'})
    with provider(lambda asked: refused if "think" in asked else (200, good), kind=kind) as daemon:
        served = serve(OLLAMA_HOST=daemon.url)
        body = {**QUESTION, "model": "ollama/m", "reasoning_effort": "high"}
        fresh, cached = (served.http.post("/v1/chat/completions", json=body) for _ in range(2))

    assert (fresh.headers["x-samplemind-cache"], cached.headers["x-samplemind-cache"]) == ("miss", "memory")
    assert fresh.headers["x-samplemind-dropped"] == cached.headers["x-samplemind-dropped"] == "effort"
