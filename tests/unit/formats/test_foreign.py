"""What one format alone has a word for, told to clients of the others; what cannot be told is named."""

import json
from dataclasses import replace

import pytest

from samplemind_cli.formats.anthropic_messages import client as anthropic_client
from samplemind_cli.formats.anthropic_messages import server as anthropic
from samplemind_cli.formats.citations import Citation, read
from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.foreign import Interpreter
from samplemind_cli.formats.gemini import client as gemini_client
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.ollama import server as ollama
from samplemind_cli.formats.openai_chat import client as openai_client
from samplemind_cli.formats.openai_chat import server as openai
from samplemind_cli.formats.types import Answer, Chunk, Endpoint, Message, Opaque, Request, Route, Text

FIELDS = Fields({"model": "m", "messages": []})
PIXEL = "iVBORw0KGgo="
URL = f"data:image/png;base64,{PIXEL}"
CITED = {
    "type": "web_search_result_location",
    "url": "https://a",
    "title": "A",
    "encrypted_index": "e",
    "cited_text": "b",
}
SEARCHED = Opaque("anthropic_messages", {"type": "server_tool_use", "name": "web_search", "input": {"query": "q"}})
BASH = {"name": "bash_code_execution", "input": {"command": "ls"}}
RAN = {"type": "bash_code_execution_result", "stdout": "a.txt", "stderr": "", "return_code": 0}
CLAUDE = (
    SEARCHED,
    Text("It was born."),
    Opaque("anthropic_messages", {"type": "citations_delta", "citation": CITED}),
    Opaque(
        "anthropic_messages", {"type": "server_tool_use", "name": "bash_code_execution", "input": {"command": "ls"}}
    ),
    Opaque("anthropic_messages", {"type": "bash_code_execution_tool_result", "content": RAN}),
)
GROUNDING = {
    "groundingChunks": [{"web": {"uri": "https://g", "title": "G"}}],
    "groundingSupports": [
        {"segment": {"startIndex": 2, "endIndex": 11, "text": "ünï is"}, "groundingChunkIndices": [0]}
    ],
}
GEMINI = (
    Opaque("gemini", {"parts": [{"executableCode": {"language": "PYTHON", "code": "1+1"}}]}),
    Text("Dünï is one."),
    Opaque("gemini", {"parts": [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]}),
    Opaque("gemini", {"candidate": {"groundingMetadata": GROUNDING}}),
)
NOTE = {"type": "url_citation", "url_citation": {"start_index": 0, "end_index": 7, "url": "https://o", "title": "O"}}
IMAGE = {"type": "image_url", "image_url": {"url": URL}}
OPENAI = (Text("The sky is blue."), Opaque("openai_chat", {"annotations": [NOTE], "images": [IMAGE]}))


def answer(parts):
    return Answer(parts=parts, provider="p", model="m", key="k", finish_reason="stop")


def chunks(parts):
    told = [Chunk(part.text) if isinstance(part, Text) else Chunk(block=part) for part in parts]
    told[0] = replace(told[0], route=Route("p", Endpoint("", "m")))
    return [*told, Chunk(answer=answer(parts))]


def whole(room, own, parts, **options):
    telling = Interpreter(own, **options)
    return json.loads(room.whole(telling.answer(answer(parts)), "1", FIELDS)), telling.left


def streamed(room, own, parts):
    telling, events = Interpreter(own), room.events("1", "p/m", Fields({**FIELDS.raw, "alt": "sse"}))
    body = b"".join(event for chunk in chunks(parts) for each in telling.chunks(chunk) for event in events.of(each))
    lines = [line.removeprefix("data:") for line in (body + events.end()).decode().splitlines()]
    return [json.loads(line) for line in lines if line.strip().startswith("{")], telling.left


def test_a_chat_client_is_told_citations_of_claude_and_gemini_as_annotations():
    found, left = whole(openai, "openai_chat", CLAUDE)
    message = found["choices"][0]["message"]
    cited = {"start_index": 0, "end_index": 12, "url": "https://a", "title": "A"}
    assert message["annotations"] == [{"type": "url_citation", "url_citation": cited}]
    assert left == ("anthropic_messages server_tool_use",)

    found, left = whole(openai, "openai_chat", GEMINI)
    message = found["choices"][0]["message"]
    (note,) = message["annotations"]
    start, end = note["url_citation"]["start_index"], note["url_citation"]["end_index"]
    assert message["content"][start:end] == "ünï is"
    assert (message["images"], left) == ([IMAGE], ())


def test_code_that_a_provider_ran_is_told_as_blocks_of_code():
    assert (
        whole(openai, "openai_chat", GEMINI)[0]["choices"][0]["message"]["content"]
        == "\n```python\n1+1\n```\nDünï is one."
    )
    told = whole(ollama, "ollama", CLAUDE)[0]["message"]["content"]
    assert told == "It was born.\n```bash\nls\n```\n\n```\na.txt\n```\n"


def test_an_answer_that_must_be_json_is_told_no_code_beside_it():
    parts = (GEMINI[0], Text('{"n": 2}'))
    found, left = whole(openai, "openai_chat", parts, json=True)
    assert found["choices"][0]["message"]["content"] == '{"n": 2}'
    assert left == ("gemini executableCode",)


def test_a_gemini_client_is_told_annotations_and_images_as_its_own():
    for found, left in (whole(gemini, "gemini", OPENAI), streamed(gemini, "gemini", OPENAI)):
        events = found if isinstance(found, list) else [found]
        candidates = [event["candidates"][0] for event in events]
        grounding = next(one["groundingMetadata"] for one in candidates if "groundingMetadata" in one)
        assert grounding["groundingChunks"] == [{"web": {"uri": "https://o", "title": "O"}}]
        assert grounding["groundingSupports"][0]["segment"] == {"startIndex": 0, "endIndex": 7, "text": "The sky"}
        parts = [part for one in candidates for part in one["content"]["parts"]]
        assert {"inlineData": {"mimeType": "image/png", "data": PIXEL}} in parts
        assert left == ()


def test_anthropics_client_is_told_annotations_as_citations_of_the_text_before_them():
    found, left = whole(anthropic, "anthropic_messages", OPENAI)
    (citation,) = found["content"][0]["citations"]
    assert (citation["type"], citation["url"], citation["title"]) == ("web_search_result_location", "https://o", "O")
    assert left == ("openai_chat images",)
    events, _ = streamed(anthropic, "anthropic_messages", OPENAI)
    assert [
        event["delta"]["citation"] for event in events if event.get("delta", {}).get("type") == "citations_delta"
    ] == [citation]


@pytest.mark.parametrize("parts", [CLAUDE, GEMINI, OPENAI], ids=["claude", "gemini", "openai"])
def test_a_stream_tells_and_leaves_out_what_the_whole_answer_does(parts):
    events, left = streamed(openai, "openai_chat", parts)
    deltas = [event["choices"][0]["delta"] for event in events]
    message, left_whole = whole(openai, "openai_chat", parts)
    message = message["choices"][0]["message"]
    assert left == left_whole
    assert "".join(delta.get("content") or "" for delta in deltas) == message["content"]
    for name in ("annotations", "images"):
        assert [one for delta in deltas for one in delta.get(name, ())] == message.get(name, [])


def test_what_a_format_has_no_word_for_is_named_and_its_own_provider_is_told_as_it_is():
    assert whole(ollama, "ollama", OPENAI)[1] == ("citations",)
    assert whole(ollama, "ollama", OPENAI)[0]["message"]["images"] == [PIXEL]
    found, left = whole(anthropic, "anthropic_messages", CLAUDE)
    assert [block["type"] for block in found["content"]].count("server_tool_use") == 2
    assert left == ()


def test_an_answer_out_of_the_cache_is_told_as_the_fresh_one_was():
    cached = replace(answer(CLAUDE), cached="local")
    telling = Interpreter("openai_chat")
    (told,) = telling.chunks(Chunk("It was born.", answer=cached, route=Route("p", Endpoint("", "m"))))
    assert told.answer.text == whole(openai, "openai_chat", CLAUDE)[0]["choices"][0]["message"]["content"]
    assert telling.left == ("anthropic_messages server_tool_use",)


def test_a_further_choice_is_told_its_words_and_what_it_lost_is_named():
    telling = Interpreter("openai_chat")
    (told,) = telling.chunks(Chunk("a", others=((1, Chunk(block=GEMINI[0])), (2, Chunk(block=GEMINI[3])))))
    assert [(number, one.text, one.block) for number, one in told.others] == [
        (1, "\n```python\n1+1\n```\n", None),
        (2, "", None),
    ]
    assert telling.left == ("gemini groundingMetadata",)


FLAT = {"type": "url_citation", "url": "u", "start_index": 1, "end_index": 2}
PLACE = {"type": "char_location", "document_index": 0}


@pytest.mark.parametrize(
    ("origin", "value", "cited"),
    [
        ("openai_chat", {"annotations": [FLAT]}, [Citation("u", "", 1, 2)]),
        ("openai_chat", {"annotations": "no"}, []),
        ("gemini", {"citationMetadata": {"citations": [{"uri": "u", "endIndex": 3}]}}, [Citation("u", "", 0, 3)]),
        ("gemini", {"groundingMetadata": {"groundingChunks": [{"web": {"uri": "u"}}]}}, [Citation("u")]),
        ("gemini", {"groundingMetadata": {"groundingSupports": [{"groundingChunkIndices": [7, "x"]}]}}, []),
        ("anthropic_messages", {"type": "citations_delta", "citation": PLACE}, []),
    ],
)
def test_citations_of_any_shape_are_read(origin, value, cited):
    block = Opaque(origin, {"candidate": value} if origin == "gemini" else value)
    assert read(block, "text", 0) == cited


def test_sources_that_hosts_name_beside_an_answer_are_annotations():
    event = {"choices": [{"index": 0, "delta": {"content": "a"}}], "citations": ["https://x", 5]}
    found = openai_client.reader(Request(messages=()))(event)
    assert read(found.block, "a", 0) == [Citation("https://x")]
    assert (
        openai_client.reader(Request(messages=()))({"choices": [{"delta": {"content": "a", "annotations": []}}]}).block
        is None
    )


def test_what_was_told_in_a_clients_own_words_may_come_back_to_any_provider():
    found, _ = whole(openai, "openai_chat", CLAUDE)
    turns = [{"role": "user", "content": "q"}, found["choices"][0]["message"], {"role": "user", "content": "go on"}]
    request = openai.read(Fields({"model": "m", "messages": turns}))
    for room in (anthropic_client, gemini_client, openai_client):
        assert "annotations" not in json.dumps(room.chat(replace(request, body=None), Endpoint("http://x", "m")).json)
    assert Message("user", "go on") == request.messages[-1]
