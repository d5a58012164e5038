import pytest

from samplemind_cli.child.withheld import without_secrets


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (["--api-key", "abc", "x"], ["--api-key", "***", "x"]),
        (["--api-key=abc"], ["--api-key=***"]),
        (["--clientSecret", "abc"], ["--clientSecret", "***"]),
        (["-token", "abc"], ["-token", "***"]),
        (["--db_password", "-abc"], ["--db_password", "***"]),
        (["OPENAI_API_KEY=abc"], ["OPENAI_API_KEY=***"]),
        (["--url", "redis://me:abc@host/0"], ["--url", "redis://me:***@host/0"]),
        (["-H", "Authorization: Bearer abc"], ["-H", "Authorization: ***"]),
        (["use sk-proj-0123456789abcdefgh now"], ["use *** now"]),
        (["-H", "x: sm-Ab0_-Ab0_-Ab0_-Ab0_-Ab0_-Ab0_-Ab0_-Ab0_-Ab0"], ["-H", "x: ***"]),
        (["redis://me:p@ss@host/0"], ["redis://me:***@host/0"]),
        (["https://0123456789abcdef0123@github.com/x"], ["https://***@github.com/x"]),
        (["sh", "-c", "cd x && OPENAI_API_KEY=abc run; y"], ["sh", "-c", "cd x && OPENAI_API_KEY=*** run; y"]),
        (["sh", "-c", "export X_TOKEN='a b' && run"], ["sh", "-c", "export X_TOKEN='***' && run"]),
        (["http://h/x?api_key=abc&n=1#key=2"], ["http://h/x?api_key=***&n=1#key=***"]),
        (["-d", '{"api_key": "abc", "n": 1}'], ["-d", '{"api_key": "***", "n": 1}']),
        (["-c", "f(password='abc', n=1)"], ["-c", "f(password='***', n=1)"]),
        (["say", "Bearer abcdefgh.ijk"], ["say", "Bearer ***"]),
        (["curl", "-u", "me:abc", "http://h"], ["curl", "-u", "me:***", "http://h"]),
        (["gsk_0123456789abcdefghij", "hf_0123456789abcdefghij"], ["***", "***"]),
        (["github_pat_0123456789abcdefghij"], ["***"]),
        (["--password", "--verbose"], ["--password", "--verbose"]),
    ],
)
def test_what_looks_like_a_secret_is_not_kept(words, kept):
    assert without_secrets(words) == tuple(kept)


@pytest.mark.parametrize(
    "words",
    [
        ["--max-tokens", "5"],
        ["--tokenizer", "gpt2"],
        ["--token-limit=5"],
        ["--password-file", "/run/secret"],
        ["--keyboard", "us", "monkey=1"],
        ["http://host:80/a@b"],
        ["-c", "key = 1; print(key)"],
        ["-u", "http://host:80/"],
        ["-u", "root"],
        ["http://host/?monkey=1&tokens=5&keyword=x"],
        ["https://someone@host/"],
        ['{"max_tokens": "5", "author": "x"}'],
        ["café", "\udce9"],
    ],
)
def test_everything_else_is_kept_as_it_was_typed(words):
    assert without_secrets(words) == tuple(words)
