"""The official clients talk to the mock itself, in the formats that `serve` has no provider for."""

import pytest

pytestmark = pytest.mark.integration
PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.fixture
def openai(mock_server):
    import openai

    plain = openai.DefaultHttpxClient(verify=False)
    with openai.OpenAI(base_url=f"{mock_server.url}/v1", api_key="k", max_retries=0, http_client=plain) as client:
        yield client


def test_openais_client_reads_responses_whole_and_streamed(openai):
    whole = openai.responses.create(model="m", input="hi", reasoning={"effort": "low"})
    with openai.responses.stream(model="m", input="hi", reasoning={"effort": "low"}) as stream:
        streamed = stream.get_final_response()

    assert whole.output_text == streamed.output_text == "You said: hi"
    assert whole.usage == streamed.usage
    assert [item.type for item in streamed.output] == ["reasoning", "message"]


def test_openais_client_reads_calls_and_schemas_in_responses(openai):
    tools = [{"type": "function", "name": "f", "parameters": PARAMETERS, "strict": False}]
    form = {"format": {"type": "json_schema", "name": "n", "schema": PARAMETERS}}

    assert openai.responses.create(model="m", input="use it", tools=tools).output[0].name == "f"
    assert '"a"' in openai.responses.create(model="m", input="in JSON", text=form).output_text


def test_openais_client_raises_what_responses_refuse(openai, mock_server):
    import openai as package

    mock_server.behave(faults=["openai/429:1"])
    with pytest.raises(package.RateLimitError):
        openai.responses.create(model="m", input="hi")
    with pytest.raises(package.BadRequestError):
        openai.responses.create(model="m", input="hi", previous_response_id="resp_1")
