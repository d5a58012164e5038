import pytest

from samplemind_cli.profiling.withheld import without_secrets


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
        ["café", "\udce9"],
    ],
)
def test_everything_else_is_kept_as_it_was_typed(words):
    assert without_secrets(words) == tuple(words)
