import json

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.anthropic_messages import server
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.types import Endpoint

ENDPOINT = Endpoint(base_url="http://x", model="m", api_key="k")
# As Claude's Agent SDK 0.3.332 sends it with `mid-conversation-tool-changes-2026-07-01`.
PLACEHOLDER = {
    "name": "DeferredToolPlaceholder",
    "description": "Reserved placeholder that keeps deferred tool loading active; never call this tool.",
    "input_schema": {"type": "object", "properties": {}},
    "defer_loading": True,
}


def tool(name, **more):
    return {"name": name, "input_schema": {"type": "object", "properties": {}}, **more}


def added(name):
    return {"type": "tool_addition", "tool": {"type": "tool_reference", "name": name}}


def defined(name):
    return {"type": "tool_addition", "tool": {"type": "tool_definition", "definition": tool(name)}}


def withdrawn(name):
    return {"type": "tool_removal", "tool": {"type": "tool_reference", "name": name}}


def asked(*changes, **more):
    tools = [tool("a"), tool("b", defer_loading=True)]
    said = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes?"}]
    changed = [{"role": "system", "content": [change]} for change in changes]
    body = {"model": "m", "max_tokens": 9, "tools": [PLACEHOLDER, *tools], **more}
    return server.read(Fields({**body, "messages": [*said, *changed, {"role": "user", "content": "go on"}]}))


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ((), ["a", "b"]),
        ((added("b"),), ["a", "b"]),
        ((withdrawn("a"),), ["b"]),
        ((withdrawn("a"), added("a")), ["b", "a"]),
        ((defined("c"),), ["a", "b", "c"]),
        ((defined("c"), withdrawn("c"), added("c")), ["a", "b", "c"]),
        ((added("unknown"), withdrawn("unknown")), ["a", "b"]),
    ],
)
@pytest.mark.parametrize("client", ["ollama", "openai_chat", "openai_responses", "gemini"])
def test_another_provider_is_offered_the_tools_that_the_conversation_leaves(client, changes, names):
    body = json.dumps(CLIENTS[client].chat(asked(*changes), ENDPOINT).json)

    assert [name for name in names if f'"name": "{name}"' in body] == names
    assert not [name for name in {"a", "b", "c"} - {*names} if f'"name": "{name}"' in body]
    assert "Placeholder" not in body


def test_anthropic_is_sent_what_came():
    body = CLIENTS["anthropic_messages"].chat(asked(defined("c"), withdrawn("a")), ENDPOINT).json

    assert [one["name"] for one in body["tools"]] == ["DeferredToolPlaceholder", "a", "b"]
    assert body["messages"][2]["content"] == [defined("c")]


def test_a_tool_that_a_turn_has_defined_can_be_demanded():
    assert asked(defined("c"), tool_choice={"type": "tool", "name": "c"}).tool_choice["function"]["name"] == "c"
    with pytest.raises(BadRequestError, match="not one of the tools"):
        asked(withdrawn("a"), tool_choice={"type": "tool", "name": "a"})


def test_a_change_that_says_nothing_is_none_and_a_wrong_one_is_named():
    assert [one["function"]["name"] for one in asked({"type": "tool_removal"}).tools] == ["a", "b"]
    with pytest.raises(BadRequestError) as refused:
        asked({"type": "tool_addition", "tool": {"type": "tool_definition", "definition": {"input_schema": {}}}})
    assert refused.value.param == "messages[2].content[0].tool.definition.name"
