from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.mock.model import PromptRequest, ToolSpec, answer, embedding, text_of, tokens

ASKED = PromptRequest("m", "hello", "hello", stream=True)


@given(st.text())
def test_tokens_joined_are_the_text_again(text):
    assert "".join(tokens(text)) == text


def test_the_same_request_gets_the_same_answer():
    assert answer(ASKED) == answer(ASKED)
    assert "".join(answer(ASKED).text) == "You said: hello"


def test_a_long_prompt_is_not_echoed_whole():
    assert len(answer(PromptRequest("m", "word " * 10_000, "", stream=True)).text) < 50


def test_a_fixed_reply_is_given_as_it_is():
    assert "".join(answer(ASKED, "  two\nlines ").text) == "  two\nlines "
    assert answer(ASKED, "").text == ()


def test_thoughts_use_the_token_limit_up_first():
    said = answer(PromptRequest("m", "hello", "hello", stream=True, max_tokens=3, think=True))
    assert (len(said.thinking), said.text, said.finish) == (3, (), "length")


def test_a_model_that_only_thinks_ends_as_if_it_had_answered():
    said = answer(ASKED, None, "thinking")
    assert said.thinking
    assert (said.text, said.finish) == ((), "stop")


def test_a_tool_without_parameters_is_called_with_none():
    said = answer(PromptRequest("m", "hello", "hello", stream=True, tool=ToolSpec("ping")))
    assert (said.tool, said.call_arguments) == ("ping", {})


def test_embeddings_depend_on_the_text_and_have_length_one():
    assert embedding("a") == embedding("a") != embedding("b")
    assert abs(sum(x * x for x in embedding("a", 100)) - 1) < 1e-3
    assert len(embedding("a", 100)) == 100


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_text_is_found_in_content_of_any_shape(content):
    assert isinstance(text_of(content), str)


def test_text_of_parts_is_joined_and_pictures_are_not_text():
    assert (
        text_of([{"type": "text", "text": "a"}, {"type": "image", "source": {}}, {"parts": [{"text": "b"}]}]) == "a b"
    )
