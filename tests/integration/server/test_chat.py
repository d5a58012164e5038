import base64

import pytest

pytestmark = pytest.mark.integration
HI = [{"role": "user", "content": "hi"}]
SAMPLING = {"top_p": 0.5, "stop": ["END"], "seed": 7, "presence_penalty": 0.5, "frequency_penalty": -0.5}
PLAY = {"type": "function", "function": {"name": "play", "parameters": {"type": "object", "properties": {}}}}


def test_the_official_client_gets_an_answer_and_the_second_out_of_the_cache(served, mock_server):
    with served.openai() as client:
        first = client.chat.completions.with_raw_response.create(model="auto", messages=HI)
        second = client.chat.completions.with_raw_response.create(model="auto:factual", messages=HI)

    answer = first.parse()
    assert answer.choices[0].message.content == second.parse().choices[0].message.content == "You said: hi"
    assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("stop", 3)
    assert answer.model == first.headers["x-samplemind-route"] == "ollama/llama3.2:3b-instruct-q8_0"
    assert (first.headers["x-samplemind-cache"], second.headers["x-samplemind-cache"]) == ("miss", "local")
    assert first.headers["x-samplemind-provider"] == "ollama"
    assert first.headers["x-samplemind-request-id"] != second.headers["x-samplemind-request-id"]
    assert len(mock_server.requests) == 1


def test_the_official_client_is_let_in_by_the_token_alone(serve):
    served = serve(SAMPLEMIND_API_TOKEN="t0ken")
    with served.openai(api_key="wrong") as wrong, pytest.raises(served.official.AuthenticationError):
        wrong.models.list()
    with served.openai(api_key="t0ken") as right:
        assert right.chat.completions.create(model="auto", messages=HI).choices[0].message.content == "You said: hi"


def test_the_official_client_streams_and_a_cached_answer_replays_as_a_stream(served, mock_server):
    heard = []
    with served.openai() as client:
        for _ in range(2):
            options = {"include_usage": True}
            chunks = list(
                client.chat.completions.create(model="auto", messages=HI, stream=True, stream_options=options)
            )
            heard.append("".join(c.choices[0].delta.content or "" for c in chunks if c.choices))
            assert chunks[-1].usage.completion_tokens == 3
            assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"

    assert heard == ["You said: hi"] * 2
    assert len(mock_server.requests) == 1


@pytest.mark.parametrize("provider", ["openai", "anthropic", "gemini", "ollama"])
def test_tools_are_called_whoever_answers_streamed_and_not(served, provider):
    with served.openai() as client:
        asked = {"model": f"{provider}/any", "messages": HI, "tools": [PLAY]}
        whole = client.chat.completions.create(**asked)
        pieces = list(client.chat.completions.create(**asked, stream=True))

    call = whole.choices[0].message.tool_calls[0]
    assert (call.function.name, call.function.arguments, whole.choices[0].finish_reason) == ("play", "{}", "tool_calls")
    streamed = [c for p in pieces for c in p.choices[0].delta.tool_calls or []]
    assert [c.function.name for c in streamed if c.function.name] == ["play"]
    assert pieces[-1].choices[0].finish_reason == "tool_calls"


def test_an_image_reaches_the_provider_in_its_own_dialect(served, mock_server):
    picture = base64.b64encode(b"\x89PNG").decode()
    content = [
        {"type": "text", "text": "what is it?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{picture}"}},
    ]

    served.ask(model="ollama/any", messages=[{"role": "user", "content": content}]).raise_for_status()

    assert mock_server.requests[0].body["messages"][0] == {
        "role": "user",
        "content": "what is it?",
        "images": [picture],
    }


def test_a_schema_is_kept_to_and_parsed_by_the_official_client(served):
    schema = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}
    form = {"type": "json_schema", "json_schema": {"name": "music", "schema": schema}}

    said = served.ask(response_format=form).json()["choices"][0]["message"]["content"]

    assert '"key"' in said


@pytest.mark.parametrize(
    ("control", "calls", "tiers"),
    [("no-store", 2, ["miss", "miss"]), ("no-cache", 2, ["miss", "miss"]), ("max-age=60", 1, ["miss", "local"])],
)
def test_cache_control_is_honoured(served, mock_server, control, calls, tiers):
    found = [served.ask({"cache-control": control}).headers["x-samplemind-cache"] for _ in range(2)]

    assert found == tiers
    assert len(mock_server.requests) == calls


def test_an_answer_older_than_max_age_is_asked_for_again_and_kept_as_long_as_any_other(served, mock_server):
    served.ask()
    assert served.ask({"cache-control": "max-age=0"}).headers["x-samplemind-cache"] == "miss"
    assert served.ask().headers["x-samplemind-cache"] == "local"
    assert served.ask().headers["x-samplemind-cache"] == "memory"

    assert len(mock_server.requests) == 2


@pytest.mark.parametrize(
    ("fault", "status", "kind"),
    [
        ("401", 403, "PermissionDeniedError"),
        ("credit", 429, "RateLimitError"),
        ("404", 404, "NotFoundError"),
        ("400", 400, "BadRequestError"),
        ("too-long", 400, "BadRequestError"),
        ("drop", 502, "InternalServerError"),
        ("529", 529, "InternalServerError"),
    ],
)
def test_a_providers_failure_is_the_official_clients_own_error(served, mock_server, fault, status, kind):
    mock_server.behave(faults=[fault])
    no_second_try = {"x-samplemind-timeout": "0.9"}

    with (
        served.openai(default_headers=no_second_try) as client,
        pytest.raises(getattr(served.official, kind)) as failure,
    ):
        client.chat.completions.create(model="openai/any", messages=HI)

    assert failure.value.status_code == status
    assert failure.value.body["message"]


def test_when_a_provider_fails_before_its_first_word_the_next_one_answers(served, mock_server):
    mock_server.behave(faults=["ollama/500"])

    said = served.ask()

    assert (said.status_code, said.headers["x-samplemind-provider"]) == (200, "gemini")


def test_an_error_in_the_middle_of_a_stream_is_an_error_of_the_official_client(served, mock_server):
    mock_server.behave(faults=["cut"], reply="one two three four five six")

    with served.openai() as client, pytest.raises(served.official.APIError, match="broke off"):
        list(client.chat.completions.create(model="openai/any", messages=HI, stream=True))


def test_a_deadline_of_the_client_is_kept(served, mock_server):
    mock_server.behave(faults=["stall"])

    late = served.ask({"x-samplemind-timeout": "0.3"}, model="ollama/any")

    assert (late.status_code, late.json()["error"]["code"]) == (504, "timeout")
    assert mock_server.wait_until(lambda: any(request.hung_up for request in mock_server.requests))


def test_ask_answers_with_provenance(served):
    asked = {"prompt": "hi", "task": "creative", "priority": "quality"}

    first, second = (served.http.post("/v1/ask", json=asked).json() for _ in range(2))

    assert (first["text"], first["provider"], first["cached"]) == ("You said: hi", "anthropic", False)
    assert (second["text"], second["cached"], second["key"]) == ("You said: hi", "local", first["key"])
    assert first["usage"]["output_tokens"] == 3


def test_the_models_it_lists_can_be_asked(served):
    with served.openai() as client:
        names = [model.id for model in client.models.list()]
        answers = [client.chat.completions.create(model=name, messages=HI) for name in names if "embedded" not in name]

    assert "auto:creative" in names
    assert {a.choices[0].message.content for a in answers} == {"You said: hi"}


def test_the_parameters_clients_send_reach_the_provider_and_make_another_answer_of_it(served, mock_server):
    with served.openai() as client:
        for changes in (SAMPLING, {**SAMPLING, "seed": 8}, SAMPLING):
            client.chat.completions.create(model="ollama/any", messages=HI, **changes, user="me", store=False)

    assert [request.body["options"]["seed"] for request in mock_server.requests] == [7, 8]
    assert mock_server.requests[0].body["options"] == SAMPLING


@pytest.mark.parametrize(
    ("model", "changes", "param"),
    [
        ("anthropic/any", {"seed": 7}, "seed"),
        ("anthropic/any", {"n": 2}, "n"),
        ("ollama/any", {"logit_bias": {"1": 5}}, "logit_bias"),
        ("embedded/any", {"tools": [PLAY]}, "tools"),
    ],
)
def test_what_a_named_provider_does_not_take_is_refused_by_name(served, mock_server, model, changes, param):
    with served.openai() as client, pytest.raises(served.official.BadRequestError) as refused:
        client.chat.completions.create(model=model, messages=HI, **changes)

    assert (refused.value.param, refused.value.code) == (param, "unsupported_parameter")
    assert f"{model.partition('/')[0]} " in refused.value.message
    assert f"does not support {param}" in refused.value.message
    assert mock_server.requests == []


def test_with_auto_the_parameters_choose_among_the_providers(served):
    with served.openai() as client:
        found = client.chat.completions.create(model="auto:creative", messages=HI, seed=7)

    assert found.model.startswith("ollama/")


@pytest.mark.parametrize("stream", [True, False])
def test_a_client_that_asks_why_hears_in_what_its_question_is_new(served, stream):
    said = [{"role": "user", "content": "one"}]
    wanted = {"x-samplemind-why": "1"}

    def why(**changes):
        answer = served.ask(wanted, **{"model": "ollama/any", "messages": said, "stream": stream, **changes})
        return answer.headers.get("x-samplemind-why", "").partition(";")[0]

    assert "x-samplemind-why" not in served.ask(model="ollama/any", messages=said, stream=stream).headers
    assert why() == ""
    assert why(temperature=0.5) == "temperature is new"
    assert why(messages=[*said, {"role": "user", "content": "two"}]) == "message 2 is new"
    assert why(messages=[{"role": "system", "content": "be brief"}, *said]) == "system is new"


def test_a_client_hears_why_its_provider_had_nothing_cached(served):
    talk = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "one"}]
    served.ask(model="openai/any", messages=talk)
    talk[1] = {"role": "user", "content": "two"}

    told = served.ask({"x-samplemind-why": "1"}, model="openai/any", messages=talk).headers["x-samplemind-why"]

    assert told == "message 1 differs; 0 tokens cached by openai: message 1 changed since"
