from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.errors import UsageError
from samplemind_cli.models.names import Name, nearest, resolve, smaller

PART = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,12}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("qwen2.5:7b-instruct", "qwen2.5:7b-instruct"),
        ("tiny", "tiny:latest"),
        ("library/tiny", "tiny:latest"),
        ("me/tiny:x", "me/tiny:x"),
        ("registry.ollama.ai/library/tiny", "tiny:latest"),
        ("http://localhost:5000/library/tiny", "localhost:5000/library/tiny:latest"),
        ("localhost:5000/library/tiny:q4", "localhost:5000/library/tiny:q4"),
    ],
)
def test_a_name_is_shown_as_the_daemon_shows_it(text, shown):
    assert str(Name.parse(text)) == shown


@pytest.mark.parametrize("text", ["", " ", "a b", "/x", "a:b:c", "a/b/c/d", "a:", "ftp://", "-x", "a\nb"])
def test_what_is_no_name_is_refused(text):
    with pytest.raises(UsageError, match="is not a valid model name"):
        Name.parse(text)


@given(PART, PART, PART, PART)
def test_a_shown_name_reads_as_itself(host, namespace, model, tag):
    name = Name(model, tag, namespace, host)
    assert Name.parse(str(name)) == name


@given(st.text())
def test_any_text_is_a_name_or_a_usage_error(text):
    with suppress(UsageError):
        assert Name.parse(str(Name.parse(text))) == Name.parse(text)


def test_an_alias_becomes_the_librarys_own_name():
    assert resolve("phi3.5:mini") == resolve("Phi3.5:mini") == "phi3.5:3.8b-mini-instruct-q4_K_M"


def test_the_manifest_is_asked_for_where_the_daemon_asks():
    name = Name.parse("localhost:5000/library/tiny")
    assert name.manifest_url(insecure=True) == "http://localhost:5000/v2/library/tiny/manifests/latest"
    assert Name.parse("tiny").manifest_url(insecure=False).startswith("https://registry.ollama.ai/v2/library/tiny/")


def test_a_typo_finds_what_was_meant():
    assert nearest("qwen2.5:7b-instrct")[0] == "qwen2.5:7b-instruct"
    assert nearest("lama3.2:3b-instruct-q8_0")[0] == "llama3.2:3b-instruct-q8_0"
    assert nearest("zzzzzz") == []


def test_what_takes_a_models_place_is_smaller_and_largest_first():
    sizes = list(smaller("qwen2.5:7b-instruct").values())
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] < 4_700_000_000
    assert smaller("of-my-own:latest") == {}
