"""Every official client before every provider, feature by feature; docs/formats.md says the same."""

import json
import os
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from parts import scripted
from parts.conversing import CLIENTS, PNG, STRICT
from parts.waiting import until

pytestmark = pytest.mark.integration
PAGE = Path(__file__).parents[3] / "docs" / "formats.md"
# With a provider, where to find it and how its answer ends in calls.
PROVIDERS = {
    "ollama": ("OLLAMA_HOST", "stop"),
    "gemini": ("GEMINI_BASE_URL", "STOP"),
    "anthropic": ("ANTHROPIC_BASE_URL", "tool_use"),
    "openai": ("OPENAI_BASE_URL", "tool_calls"),
    "openai-responses": ("OPENAI_BASE_URL", "completed"),
}
# OpenAI is asked in its own second format by clients of that, and for models that take no other.
MODELS = {"openai-responses": "openai/gpt-5-codex"}
THINKING = {"ollama": '"think"', "gemini": "thinkingConfig", "anthropic": "thinking", "openai": "reasoning_effort"}
THINKING["responses"] = '"reasoning": {"effort"'
CALLS = [("c1", "f", {"a": 1}), ("c2", "g", {"a": 2})]


def sent(mock_server):
    """The last request that reached the provider, in words."""
    return json.dumps([request for request in mock_server.requests if request.method == "POST"][-1].body)


def plain(client, _):
    said = client.whole([("user", "plain")])
    assert (said.text, said.finish) == ("You said: plain", "stop")


def streamed(client, _):
    assert client.streamed([("user", "streamed")]).text == "You said: streamed"


def system(client, mock_server):
    client.whole([("user", "with system")], system="be brief")
    assert "be brief" in sent(mock_server)


def turns(client, mock_server):
    said = client.whole([("user", "first"), ("assistant", "second"), ("user", "third")])
    assert said.text == "You said: third"
    assert "first" in sent(mock_server)
    assert "second" in sent(mock_server)


def tools(client, mock_server):
    asked = [("user", "use it")]
    said = client.streamed(asked, tools=["f"])
    assert (said.finish, [name for _, name, _ in said.calls]) == ("calls", ["f"])
    results = [(i, name, "seventy") for i, name, _ in said.calls]
    assert client.whole([*asked, ("calls", said.calls), ("results", results)], tools=["f"]).finish == "stop"
    assert "seventy" in sent(mock_server)


def schema(client, mock_server):
    assert isinstance(json.loads(client.whole([("user", "in JSON")], schema=STRICT).text)["a"], int)
    assert "additionalProperties" in sent(mock_server)


def image(client, mock_server):
    client.whole([("user", "look")], image=PNG)
    assert "iVBORw0KGgo" in sent(mock_server)


def thinking(client, mock_server):
    assert client.whole([("user", "think of it")], **client.thinking).text == "You said: think of it"
    assert THINKING[client.wire] in sent(mock_server)


def ends(client, _):
    assert client.whole([("user", "one two three four five six")], limit=3).finish == "length"
    assert client.ending([("user", "seven eight nine ten eleven")], limit=3) == "length"


def usage(client, _):
    whole, streamed = client.whole([("user", "count this")]).used, client.streamed([("user", "count that")]).used
    assert whole == streamed
    assert min(whole) > 0


def errors(client, mock_server):
    mock_server.behave(faults=["too-long:1"])
    with pytest.raises(client.refused) as raised:
        client.whole([("user", "far too long")])
    assert getattr(raised.value, "status_code", getattr(raised.value, "code", None)) == 400


def cancelling(client, mock_server):
    mock_server.behave(tokens_per_second=3)
    pieces = client.pieces([("user", "never ending " * 20)])
    next(iter(pieces))
    pieces.close()
    until(lambda: mock_server.requests[-1].hung_up, 10)
    mock_server.behave(tokens_per_second=0)


FEATURES = {
    "plain": plain,
    "streamed": streamed,
    "system": system,
    "several turns": turns,
    "tools and results": tools,
    "JSON schema": schema,
    "image": image,
    "thinking": thinking,
    "stop reasons": ends,
    "usage": usage,
    "errors": errors,
    "cancelling": cancelling,
}
SEVERAL = "several calls at once"


def outcome(client, feature, mock_server):
    """What the page says of a feature: "yes", or which field is refused."""
    try:
        feature(client, mock_server)
    except client.refused as refused:
        return f"400: {refused}"
    return "yes"


def documented(name, provider, found):
    """What the page says of a client before a provider, feature by feature; what was found where it is to say that."""
    if (folder := os.environ.get("FORMATS_FOLDER")) is not None:  # the page is being written
        Path(folder, f"{name} {provider}.json").write_text(json.dumps(found))
        return found
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    head = next(row for row in rows if row[0] == "client" and "plain" in row)
    told = next(row for row in rows if row[:2] == [f"`{name}`", f"`{provider}`"])
    return dict(zip(head[2:], told[2:], strict=True))


def wire(name, provider):
    """The format in which a provider is asked."""
    return "responses" if provider in MODELS or (name, provider) == ("responses", "openai") else provider


@contextmanager
def talking(name, served, provider):
    client = CLIENTS[name](served, MODELS.get(provider, f"{provider}/any"))
    client.wire = wire(name, provider)
    with closing(client):
        yield client


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_gets_what_the_page_promises_of_a_provider(serve, mock_server, name, provider):
    with talking(name, serve(), provider) as client:
        found = {feature: outcome(client, check, mock_server) for feature, check in FEATURES.items()}
    found[SEVERAL] = several(serve, name, provider)

    assert found == documented(name, provider, found)


def several(serve, name, provider):
    """Whether calls that a provider makes at once reach the client, whole and streamed, and their results come back."""
    variable, finish = PROVIDERS[provider]
    asked = wire(name, provider)
    called = [(i, f, json.dumps(a) if asked in ("openai", "responses") else a) for i, f, a in CALLS]
    finish = "completed" if asked == "responses" else finish
    data, kind = scripted.WIRES[asked](calls=called, finish=finish)
    with scripted.provider(data, kind=kind) as upstream:
        served = serve(**{variable: upstream.url})
        with talking(name, served, provider) as client:
            said = client.whole([("user", "both")], tools=["f", "g"])
            again = client.streamed([("user", "both again")], tools=["f", "g"])
            results = [(i, n, f"result of {n}") for i, n, _ in said.calls]
            client.whole([("user", "both"), ("calls", said.calls), ("results", results)], tools=["f", "g"])
        last = json.dumps(upstream.asked[-1])
    for one in (said, again):
        assert [(n, a) for _, n, a in one.calls] == [("f", {"a": 1}), ("g", {"a": 2})]
    assert "result of f" in last
    assert "result of g" in last
    return "yes"
