"""Official clients of every format on a real `serve`, whatever provider stands behind it."""

import json
import socket
import struct

import pytest

pytestmark = pytest.mark.integration
PROVIDERS = ("ollama", "gemini", "anthropic", "openai")
PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
each = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture
def gemini(served):
    package = pytest.importorskip("google.genai")
    from google.genai import types

    client = package.Client(api_key="unused", http_options=types.HttpOptions(base_url=served.url))
    yield client
    client.close()


@pytest.fixture
def ollama(served):
    import ollama

    with ollama.Client(host=served.url, verify=False) as client:
        yield client


@each
def test_anthropics_client_asks_every_provider_whole_streamed_and_out_of_the_cache(anthropic, mock_server, provider):
    asked = {"model": f"{provider}/any", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    whole = anthropic.messages.create(**asked)
    with anthropic.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()

    assert whole.content[0].text == streamed.content[0].text == "You said: hi"
    assert (whole.stop_reason, streamed.stop_reason) == ("end_turn", "end_turn")
    assert whole.usage.output_tokens == streamed.usage.output_tokens == 3
    assert len([request for request in mock_server.requests if request.method == "POST"]) == 1


@each
def test_anthropics_client_gets_tool_calls_of_every_provider_and_sends_results_back(anthropic, provider):
    tools = [{"name": "f", "description": "d", "input_schema": PARAMETERS}]
    turns = [{"role": "user", "content": "use it"}]
    asked = {"model": f"{provider}/any", "max_tokens": 50, "tools": tools}
    first = anthropic.messages.create(**asked, messages=turns, tool_choice={"type": "any"})
    call = next(block for block in first.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "7"}
    turns += [{"role": "assistant", "content": first.content}, {"role": "user", "content": [result]}]
    second = anthropic.messages.create(**asked, messages=turns)

    assert (first.stop_reason, call.name) == ("tool_use", "f")
    assert isinstance(call.input["a"], int)
    assert second.content


def test_anthropics_client_raises_its_own_errors(anthropic, mock_server):
    import anthropic as package

    with pytest.raises(package.BadRequestError):
        anthropic.messages.create(model="auto", max_tokens=0, messages=[{"role": "user", "content": "hi"}])
    mock_server.behave(faults=["429"])
    with pytest.raises(package.RateLimitError):
        anthropic.messages.create(
            model="openai/x", max_tokens=5, messages=[{"role": "user", "content": "hi"}], timeout=9
        )


def test_anthropics_client_counts_tokens_and_beta_is_a_query(anthropic):
    counted = anthropic.messages.count_tokens(model="auto", messages=[{"role": "user", "content": "hi there"}])
    beta = anthropic.beta.messages.create(model="ollama/x", max_tokens=9, messages=[{"role": "user", "content": "ho"}])

    assert counted.input_tokens > 0
    assert beta.content[0].text == "You said: ho"


@pytest.mark.parametrize(("provider", "told"), [("anthropic", 4), ("gemini", 4), ("ollama", None), ("openai", 4)])
def test_tokens_are_counted_by_the_provider_that_counts_and_else_estimated(served, mock_server, provider, told):
    asked = {"messages": [{"role": "user", "content": "hi there"}], "system": "be brief"}
    contents = {"contents": [{"parts": [{"text": "hi there"}]}], "systemInstruction": {"parts": [{"text": "be brief"}]}}
    whole = {"generateContentRequest": {"model": "models/any", **contents}}
    asking = {"model": f"{provider}/any", "input": "hi there", "instructions": "be brief", "max_output_tokens": 9}
    answers = [
        (served.http.post("/v1/responses/input_tokens", json=asking), "input_tokens"),
        (served.http.post("/v1/messages/count_tokens", json={"model": f"{provider}/any", **asked}), "input_tokens"),
        (served.http.post(f"/v1beta/models/{provider}/any:countTokens", json=whole), "totalTokens"),
    ]
    for answer, name in answers:
        assert answer.headers["x-samplemind-tokens"] == ("counted" if told else "estimated")
        assert answer.json()[name] == told if told else answer.json()[name] > 0
    posts = [request for request in mock_server.requests if request.method == "POST"]
    assert len(posts) == (3 if told else 0)


@each
@pytest.mark.parametrize("stream", [False, True])
def test_anthropics_tool_runner_goes_on_without_the_thread_that_it_asks_for(anthropic, provider, stream):
    from anthropic import beta_tool

    heard = []

    @beta_tool
    def play(note: str) -> str:
        """Play a note."""
        heard.append(note)
        return "played"

    asked = {"model": f"{provider}/any", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}
    runner = anthropic.beta.messages.tool_runner(**asked, tools=[play], stream=stream)
    last = runner.until_done()

    assert heard == ["mock"]
    assert last.content[0].text.startswith("You said:")


def test_openais_client_has_tokens_counted_with_tools_and_without_a_model_of_its_own(served):
    tool = {"type": "function", "name": "play", "parameters": {"type": "object", "properties": {}}, "strict": True}
    with served.openai() as client:
        bare = client.responses.input_tokens.count(model="openai/any", input="hi there")
        tooled = client.responses.input_tokens.count(model="openai/any", input="hi there", tools=[tool])
        chosen = client.responses.input_tokens.count(input="hi there")

    assert (bare.object, bare.input_tokens) == ("response.input_tokens", 2)
    assert tooled.input_tokens > bare.input_tokens
    assert chosen.input_tokens > 0


def test_what_is_not_offered_says_so_in_the_words_of_its_clients(served, anthropic):
    import anthropic as package

    with served.openai() as client:
        for ask in (client.responses.retrieve, client.responses.delete, client.responses.cancel):
            with pytest.raises(served.official.NotFoundError, match="not kept"):
                ask("resp_1")
    asked = {"model": "ollama/x", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    with pytest.raises(package.NotFoundError, match="/v1/batches"):
        anthropic.messages.batches.create(requests=[{"custom_id": "a", "params": asked}])
    with pytest.raises(package.NotFoundError, match="/v1/batches"):
        anthropic.messages.batches.retrieve("msgbatch_1")
    with pytest.raises(package.NotFoundError, match="base64"):
        anthropic.beta.files.upload(file=("a.txt", b"x", "text/plain"))
    with pytest.raises(package.NotFoundError, match="base64"):
        anthropic.beta.files.list()


def test_tokens_are_estimated_where_the_provider_cannot_count_now(served, mock_server):
    mock_server.behave(faults=["500"])
    body = {"model": "anthropic/any", "messages": [{"role": "user", "content": "hi there"}]}
    answer = served.http.post("/v1/messages/count_tokens", json=body)

    assert answer.headers["x-samplemind-tokens"] == "estimated"
    assert answer.json()["input_tokens"] > 0


@pytest.mark.parametrize("provider", ["anthropic", "gemini"])
def test_official_clients_have_tokens_counted(anthropic, gemini, provider):
    counted = anthropic.messages.count_tokens(
        model=f"{provider}/any", messages=[{"role": "user", "content": "one two"}], system="be brief"
    )

    assert counted.input_tokens == 4
    assert gemini.models.count_tokens(model=f"{provider}/any", contents="one two three").total_tokens == 3


@each
def test_openais_responses_are_answered_by_every_provider(served, provider):
    with served.openai() as client:
        whole = client.responses.create(model=f"{provider}/any", input="hi", store=False)
        with client.responses.stream(model=f"{provider}/any", input="ho", store=False) as stream:
            kinds = [event.type for event in stream]
            streamed = stream.get_final_response()

    assert (whole.output_text, streamed.output_text) == ("You said: hi", "You said: ho")
    assert (kinds[0], kinds[-1]) == ("response.created", "response.completed")
    assert streamed.usage.output_tokens == 3


def test_a_request_as_codex_sends_it_ends_as_codex_demands(served):
    tools = [
        {"type": "function", "name": "shell", "parameters": PARAMETERS, "strict": False},
        {"type": "custom", "name": "apply_patch", "description": "x", "format": {"type": "text"}},
        {"type": "web_search"},
    ]
    body = {
        "model": "ollama/any", "instructions": "be brief", "tools": tools, "tool_choice": "auto", "stream": True,
        "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "parallel_tool_calls": False, "reasoning": {"effort": "low", "summary": "auto"}, "store": False,
        "include": ["reasoning.encrypted_content"], "prompt_cache_key": "abc",
    }  # fmt: skip
    answer = served.http.post("/v1/responses", json=body)
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]

    assert answer.status_code == 200, answer.text
    assert events[-1]["type"] == "response.completed"
    assert any(event["type"] == "response.output_item.done" for event in events)
    assert "web_search" in answer.headers["x-samplemind-dropped"]


@each
def test_openais_client_compacts_a_conversation_and_goes_on_with_what_it_got(served, mock_server, provider):
    said = [{"role": "user", "content": "sing in C"}, {"role": "assistant", "content": "la"}]
    with served.openai() as client:
        compacted = client.responses.compact(model=f"{provider}/any", input=said, instructions="be brief")
        output = [item.model_dump(exclude_none=True, warnings=False) for item in compacted.output]
        more = [*output, {"role": "user", "content": "go on"}]
        again = client.responses.create(model=f"{provider}/any", input=more)

    assert (compacted.object, [item["type"] for item in output]) == ("response.compaction", ["message", "compaction"])
    assert output[0]["content"][0]["text"] == "sing in C"
    assert compacted.usage.output_tokens > 0
    assert again.output_text.startswith("You said: ")
    asked = json.dumps(mock_server.requests[-1].body)
    assert "go on" in asked
    assert ("gAAAAABmock" if provider == "openai" else "replaced by this summary") in asked


@each
def test_codex_has_its_conversation_compacted_in_a_stream(served, provider):
    asked = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    tools = [{"type": "function", "name": "shell", "parameters": PARAMETERS, "strict": False}]
    body = {"model": f"{provider}/any", "tools": tools, "tool_choice": "auto", "stream": True, "store": False}
    answer = served.http.post("/v1/responses", json={**body, "input": [asked, {"type": "compaction_trigger"}]})
    events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]

    done = [event["item"]["type"] for event in events if event["type"] == "response.output_item.done"]
    assert (done, events[-1]["type"]) == (["compaction"], "response.completed"), answer.text


@each
def test_a_gemini_request_as_the_ai_sdk_sends_it_names_its_model_without_models(served, provider):
    play = {"name": "play", "description": "Play a note.", "parameters": {"type": "object", "properties": {}}}
    body = {
        "generationConfig": {},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
        "tools": [{"functionDeclarations": [play]}],
        "toolConfig": {"functionCallingConfig": {"mode": "AUTO"}},
    }
    streamed = served.http.post(f"/v1beta/{provider}/any:streamGenerateContent?alt=sse", json=body)
    whole = served.http.post(f"/v1/{provider}/any:generateContent", json=body)

    assert streamed.status_code == whole.status_code == 200, streamed.text
    assert '"functionCall"' in streamed.text
    assert whole.json()["candidates"][0]["content"]["parts"][0]["functionCall"]["name"] == "play"
    assert served.http.post(f"/v1beta/{provider}/any:countTokens", json={"contents": body["contents"]}).is_success


@each
def test_completions_answer_a_prompt(served, provider):
    with served.openai() as client:
        whole = client.completions.create(model=f"{provider}/any", prompt="hi")
        streamed = client.completions.create(model=f"{provider}/any", prompt="ho", stream=True)
        text = "".join(chunk.choices[0].text for chunk in streamed if chunk.choices)

    assert (whole.choices[0].text, text) == ("You said: hi", "You said: ho")


@each
def test_googles_client_asks_every_provider_whole_and_streamed(gemini, provider):
    model = f"{provider}/any"
    whole = gemini.models.generate_content(model=model, contents="hi")
    streamed = "".join(part.text or "" for part in gemini.models.generate_content_stream(model=model, contents="ho"))

    assert (whole.text, streamed) == ("You said: hi", "You said: ho")
    assert whole.usage_metadata.candidates_token_count == 3
    assert gemini.models.count_tokens(model=model, contents="hi there").total_tokens > 0


@each
def test_ollamas_client_asks_every_provider_whole_and_streamed(ollama, provider):
    model = f"{provider}/any"
    whole = ollama.chat(model=model, messages=[{"role": "user", "content": "hi"}])
    pieces = list(ollama.generate(model=model, prompt="ho", stream=True))

    assert whole.message.content == "You said: hi"
    assert "".join(piece.response for piece in pieces) == "You said: ho"
    assert (pieces[-1].done, pieces[-1].done_reason) == (True, "stop")


def test_a_client_that_hangs_up_on_the_last_event_had_its_whole_answer(served):
    for n in range(5):
        body = json.dumps({"model": "openai/any", "input": f"hi {n}", "stream": True}).encode()
        lines = ["POST /v1/responses HTTP/1.1", "host: 127.0.0.1", "content-type: application/json"]
        asked = "\r\n".join([*lines, f"content-length: {len(body)}", "", ""]).encode() + body
        with socket.create_connection(("127.0.0.1", served.port), timeout=20) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # at once
            connection.sendall(asked)
            heard = b""
            while b"response.completed" not in heard:
                heard += connection.recv(65536)
    served.stop()

    ends = [json.loads(line) for line in served.log.splitlines() if "/v1/responses" in line]
    assert [(end["status"], end["output_tokens"]) for end in ends] == [(200, 4)] * 5


def test_ollamas_client_lists_shows_embeds_and_unloads(ollama, served, mock_server):
    names = [model.model for model in ollama.list().models]
    shown = ollama.show(names[0])
    vectors = ollama.embed(model="any", input=["a", "b"]).embeddings
    unloaded = ollama.generate(model="any", prompt="", keep_alive=0)
    version = served.http.get("/api/version").json()["version"]

    assert "auto" in names
    assert "completion" in shown.capabilities
    assert ollama.show("ollama/mock").capabilities  # the name that chat takes too
    assert len(vectors) == 2
    assert unloaded.done_reason == "unload"
    assert mock_server.requests[-1].body["keep_alive"] == 0
    assert [int(part) for part in version.split(".")]
    assert served.http.get("/").text == "Ollama is running"
    assert served.http.head("/").status_code == 200
    assert served.http.post("/api/pull", json={"model": "x"}).status_code == 501


def test_the_same_question_in_another_format_is_a_hit(anthropic, ollama, served, mock_server):
    anthropic.messages.create(model="ollama/any", max_tokens=9, messages=[{"role": "user", "content": "same"}])
    told = {"num_predict": 9}
    ollama.chat(model="ollama/any", messages=[{"role": "user", "content": "same"}], options=told)
    answer = served.ask(model="ollama/any", messages=[{"role": "user", "content": "same"}], max_tokens=9)

    assert len([request for request in mock_server.requests if request.path == "/api/chat"]) == 1
    assert answer.headers["x-samplemind-cache"] in ("local", "memory")


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/messages", lambda body: body["type"] == "error" and body["error"]["type"] == "invalid_request_error"),
        ("/v1beta/models/auto:generateContent", lambda body: body["error"]["status"] == "INVALID_ARGUMENT"),
        ("/api/chat", lambda body: isinstance(body["error"], str)),
        ("/v1/responses", lambda body: body["error"]["type"] == "invalid_request_error"),
        ("/v1/responses/input_tokens", lambda body: body["error"]["type"] == "invalid_request_error"),
    ],
)
def test_an_error_has_the_shape_of_its_routes_format(served, path, shape):
    answer = served.http.post(path, json={"model": "auto", "messages": 5, "contents": 5, "input": 5})

    assert answer.status_code == 400
    assert shape(answer.json())


def test_a_websocket_at_responses_is_refused_at_once(served):
    upgrade = {"connection": "upgrade", "upgrade": "websocket"}

    assert served.http.get("/v1/responses", headers=upgrade).status_code == 405


@each
def test_openais_client_gets_calls_of_custom_tools_of_every_provider_and_sends_results_back(served, provider):
    tools = [{"type": "custom", "custom": {"name": "patch", "description": "d"}}]
    turns = [{"role": "user", "content": "use it"}]
    asked = {"model": f"{provider}/any", "tools": tools, "tool_choice": "required"}
    with served.openai() as client:
        message = client.chat.completions.create(**asked, messages=turns).choices[0].message
        (call,) = message.tool_calls
        streamed = client.chat.completions.create(**asked, messages=[{"role": "user", "content": "go"}], stream=True)
        pieces = [piece for chunk in streamed for choice in chunk.choices for piece in choice.delta.tool_calls or ()]
        turns += [message.model_dump(exclude_none=True), {"role": "tool", "tool_call_id": call.id, "content": "7"}]
        second = client.chat.completions.create(model=f"{provider}/any", tools=tools, messages=turns)

    assert (call.type, call.custom.name) == ("custom", "patch")
    assert isinstance(call.custom.input, str)
    assert [(piece.type, piece.custom["name"], type(piece.custom["input"])) for piece in pieces] == [
        ("custom", "patch", str)
    ]
    assert second.choices[0].message.content


@each
def test_one_of_the_allowed_tools_is_called_by_every_provider(served, provider):
    named = [{"type": "function", "function": {"name": name, "parameters": PARAMETERS}} for name in ("a", "b", "c")]
    some = {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": named[1:]}}
    with served.openai() as client:
        asked = {"messages": [{"role": "user", "content": "use it"}], "tools": named, "tool_choice": some}
        (call,) = client.chat.completions.create(model=f"{provider}/any", **asked).choices[0].message.tool_calls
    assert call.function.name == "b"
