import pytest

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("model", "tokens"),
    [("ollama/nomic-embed-text", 2), ("text-embedding-3-small", 2), ("gemini/gemini-embedding-001", 0)],
)
def test_the_official_client_gets_vectors_and_the_second_time_out_of_the_cache(served, mock_server, model, tokens):
    with served.openai() as client:
        packed = client.embeddings.create(model=model, input=["a", "b"])
        plain = client.embeddings.create(model=model, input=["a", "b"], encoding_format="float")

    assert [item.index for item in plain.data] == [0, 1]
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)
    assert packed.data[0].embedding != packed.data[1].embedding
    assert packed.usage.prompt_tokens == tokens
    assert len(mock_server.requests) == 1


def test_tokens_reach_openai_and_are_refused_where_only_texts_are_taken(served, mock_server):
    with served.openai() as client:
        found = client.embeddings.create(model="text-embedding-3-small", input=[[1, 2], [3]])
        with pytest.raises(served.official.BadRequestError) as refused:
            client.embeddings.create(model="ollama/nomic-embed-text", input=[1, 2])

    assert len(found.data) == 2
    assert (refused.value.param, refused.value.code) == ("input", "unsupported_parameter")
    assert [asked.body["input"] for asked in mock_server.requests if asked.method == "POST"] == [[[1, 2], [3]]]


def test_what_is_no_text_and_no_model_of_vectors_is_refused(served, mock_server):
    for wrong in ({"input": [[1, 2]]}, {"input": []}, {"input": ""}, {"model": "auto"}, {"model": "anthropic/x"}):
        body = {"model": "ollama/any", "input": "hi", **wrong}
        assert served.http.post("/v1/embeddings", json=body).status_code == 400
    assert mock_server.requests == []


def test_a_providers_failure_is_told(served, mock_server):
    mock_server.behave(faults=["404"])

    with served.openai() as client, pytest.raises(served.official.NotFoundError):
        client.embeddings.create(model="ollama/unknown", input="hi")


def test_the_embedded_model_gives_vectors_too_and_says_what_it_cannot(serve, mock_server, embedded_data_home):
    pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
    served, model = serve(XDG_DATA_HOME=str(embedded_data_home)), "embedded/SmolLM2-135M-Instruct-Q4_1"

    with served.openai() as client:
        assert model in [known.id for known in client.models.list()]
        found = client.embeddings.create(model=model, input=["a", "b"])
        refusals = []
        for wrong in ({"dimensions": 7}, {"input": "hi " * 5000}, {"model": "embedded/other"}):
            with pytest.raises(served.official.BadRequestError) as refused:
                client.embeddings.create(**{"model": model, "input": "hi", **wrong})
            refusals.append(refused.value.code)

    assert (found.model, len(found.data), len(found.data[0].embedding)) == (model, 2, 576)
    assert refusals == ["invalid_request", "context_length_exceeded", "invalid_request"]
    assert {request.method for request in mock_server.requests} == {"GET"}  # for the list of models
