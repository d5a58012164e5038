from samplemind_cli.formats.assembly import Assembly
from samplemind_cli.formats.types import Chunk, Opaque, Text, Thinking, ToolCall


def told(assembly, *chunks):
    return [list(assembly.of(chunk)) for chunk in chunks]


def test_a_call_is_told_once_it_is_whole():
    pieces = [Chunk(tool_calls=(piece,)) for piece in (ToolCall("f", '{"a"', "1", 0), ToolCall("", ':{"b":1}', "", 0))]
    assembly = Assembly()
    assert told(assembly, *pieces) == [[], []]
    assert told(assembly, Chunk(tool_calls=(ToolCall("", "}", "", 0),))) == [[ToolCall("f", '{"a":{"b":1}}', "1")]]
    assert list(assembly.rest()) == []


def test_interleaved_calls_and_the_words_behind_them_come_out_in_order():
    assembly = Assembly()
    begun = told(
        assembly,
        Chunk("a", tool_calls=(ToolCall("f", "{", "1", 0),)),
        Chunk(tool_calls=(ToolCall("g", "{}", "2", 1),)),
        Chunk("b"),
    )
    assert begun == [[Text("a")], [], []]
    assert told(assembly, Chunk(tool_calls=(ToolCall("", "}", "", 0),))) == [
        [ToolCall("f", "{}", "1"), ToolCall("g", "{}", "2"), Text("b")]
    ]


def test_what_never_became_whole_is_told_at_the_end():
    assembly = Assembly()
    assert told(assembly, Chunk(tool_calls=(ToolCall("f", '{"a', "1", 0),)), Chunk("x")) == [[], []]
    assert list(assembly.rest()) == [ToolCall("f", '{"a', "1"), Text("x")]
    assert list(assembly.rest()) == []


def test_a_proof_belongs_to_the_provider_that_answers():
    block = Opaque("gemini", {"parts": []})
    assert told(Assembly("gemini"), Chunk(thinking="hm", signature="s", block=block)) == [
        [Thinking("hm", "s", "gemini"), block]
    ]
