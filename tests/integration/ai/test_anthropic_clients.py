"""The official anthropic client on every provider: its body is read, the provider asked, the answer told in events."""

import asyncio
import json

import pytest

from samplemind_cli.ai.core import AICore
from samplemind_cli.ai.types import Options
from samplemind_cli.formats.anthropic_messages import server
from samplemind_cli.formats.fields import Fields
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOL = {"name": "f", "description": "d", "input_schema": SCHEMA, "cache_control": {"type": "ephemeral"}}
SEARCH = {"type": "web_search_20250305", "name": "web_search"}
PROVIDERS = ("ollama", "gemini", "anthropic", "openai")
each = pytest.mark.parametrize("provider", PROVIDERS)


@pytest.fixture
def ask(tmp_path):
    """Asks a provider through the core as `serve` does; gives the official client's message."""
    import anthropic
    import httpx2

    with MockServer() as mock:
        addresses = {"ollama_host": mock.url, "openai_base_url": f"{mock.url}/v1"}
        addresses |= {f"{name}_base_url": mock.url for name in ("gemini", "anthropic")}
        keys = {f"{name}_api_key": "k" for name in ("gemini", "anthropic", "openai")}
        settings = Settings(cache_dir=str(tmp_path), **addresses, **keys)

        async def told(fields, provider):
            core = AICore(settings)
            events = server.events("1", f"{provider}/m", fields)
            try:
                chunks = [chunk async for chunk in core.stream(server.read(fields), Options(model=f"{provider}/m"))]
            finally:
                await core.close()
            return b"".join(event for chunk in chunks for event in events.of(chunk)) + events.end()

        def ask(provider, **body):
            def handler(request):
                told_events = asyncio.run(told(Fields(json.loads(request.content)), provider))
                return httpx2.Response(200, content=told_events, headers={"content-type": "text/event-stream"})

            http = httpx2.Client(transport=httpx2.MockTransport(handler))
            client = anthropic.Anthropic(api_key="k", http_client=http, max_retries=0)
            given = {"model": "m", "max_tokens": 99, "messages": [{"role": "user", "content": "hi there"}]} | body
            with client.messages.stream(**given) as stream:
                return stream.get_final_message()

        yield ask


@each
def test_an_answer_comes_fresh_and_out_of_the_cache(ask, provider):
    fresh, cached = (ask(provider, system="be brief", thinking={"type": "adaptive"}) for _ in range(2))

    assert any(block.type == "text" and block.text for block in fresh.content)
    assert (cached.content, cached.stop_reason) == (fresh.content, fresh.stop_reason) == (fresh.content, "end_turn")
    assert fresh.usage.input_tokens > 0
    assert fresh.usage.output_tokens > 0


@each
def test_a_tool_is_called_and_its_result_goes_back(ask, provider):
    called = ask(provider, tools=[TOOL, SEARCH], tool_choice={"type": "tool", "name": "f"})
    call = next(block for block in called.content if block.type == "tool_use")
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "7"}
    turns = [{"role": "user", "content": "hi"}, called.to_param(), {"role": "user", "content": [result]}]

    assert (call.name, type(call.input["a"]), called.stop_reason) == ("f", int, "tool_use")
    assert ask(provider, messages=turns).content


@each
def test_a_schema_is_satisfied(ask, provider):
    schema = {**SCHEMA, "additionalProperties": False}
    answer = ask(provider, output_config={"format": {"type": "json_schema", "schema": schema}})

    assert isinstance(json.loads(answer.content[0].text)["a"], int)
