"""A file that one provider keeps is found by nobody else."""

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.types import Endpoint, Media, Message, Opaque, Request, Text, ToolCall, ToolResult

ENDPOINT = Endpoint("http://host/v1", "m")
FORMATS = ("openai_chat", "anthropic_messages", "gemini", "ollama")


@pytest.mark.parametrize(
    ("source", "speaks", "kind"),
    [
        ("openai_chat", "openai_chat", "file"),
        ("openai_responses", "openai_chat", "file"),
        ("anthropic_messages", "anthropic_messages", "file"),
        ("anthropic_messages", "anthropic_messages", "image"),
        ("gemini", "gemini", "image"),
    ],
)
def test_a_files_id_goes_to_a_provider_of_its_clients_format(source, speaks, kind):
    asked = Request(messages=(Message("user", (Media(kind, file_id="f1"),)),), source=source)
    assert all(CLIENTS[speaks].takes(name, asked, ENDPOINT) for name in asked.needs)
    assert "f1" in str(CLIENTS[speaks].chat(asked, ENDPOINT).json)


@pytest.mark.parametrize(
    ("source", "speaks", "kind"),
    [
        ("openai_chat", "anthropic_messages", "file"),
        ("openai_chat", "gemini", "file"),
        ("anthropic_messages", "openai_chat", "file"),
        ("anthropic_messages", "openai_chat", "image"),
        ("openai_responses", "openai_chat", "image"),
        ("gemini", "openai_chat", "image"),
        ("gemini", "anthropic_messages", "file"),
    ],
)
def test_a_files_id_goes_to_no_other_provider(source, speaks, kind):
    asked = Request(messages=(Message("user", (Media(kind, file_id="f1"),)),), source=source)
    assert [n for n in asked.needs if not CLIENTS[speaks].takes(n, asked, ENDPOINT)] == [f"{kind}_id"]


def test_that_a_tool_failed_is_told_or_named_as_left_out():
    call, result = ToolCall("f", "{}", "1"), ToolResult("1", (Text("bad"),), failed=True)
    asked = Request(messages=(Message("assistant", (call,)), Message("tool", (result,))), source="anthropic_messages")
    takers = {speaks: CLIENTS[speaks].takes("is_error", asked, ENDPOINT) for speaks in FORMATS}
    assert "is_error" in asked.wishes
    assert takers == {"openai_chat": False, "anthropic_messages": True, "gemini": True, "ollama": False}


def test_a_turn_of_another_formats_blocks_alone_is_no_empty_message_for_ollama():
    search = Opaque("openai_responses", {"type": "web_search_call"})
    asked = Request(messages=(Message("assistant", (search,)), Message("user", "q")), source="openai_responses")
    assert CLIENTS["ollama"].chat(asked, ENDPOINT).json["messages"] == [{"role": "user", "content": "q"}]


def test_a_block_without_a_type_is_named_by_its_field():
    code = Opaque("gemini", {"executableCode": {"code": "1"}})
    assert Request(messages=(Message("assistant", (code,)),), source="gemini").wishes == {"gemini executableCode"}
