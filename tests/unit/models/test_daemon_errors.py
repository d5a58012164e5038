import httpx
import pytest

from samplemind_cli.models import daemon_errors
from samplemind_cli.models.daemon_errors import OllamaError, from_message

URL = "http://127.0.0.1:11434"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("pull model manifest: file does not exist", "there is no model qwen2.5:7b-instrct", "qwen2.5:7b-instruct"),
        ("model 'x' not found", "the daemon has no model", "samplemind pull-models"),
        ("write /x/blobs/sha256-1: no space left on device", "disk filled up", "models rm"),
        ("pull model manifest: 412: requires a newer version of Ollama", "needs a newer Ollama", "update Ollama"),
        ("insecure protocol http", "speaks plain HTTP", "--insecure"),
        ("Get https://x: http: server gave HTTP response to HTTPS client", "speaks plain HTTP", "--insecure"),
        ("tls: failed to verify certificate: x509: unknown authority", "does not trust", "certificate"),
        ("digest mismatch, file must be downloaded again: want a, got b", "wrong digest", "again"),
        ("pull model manifest: Get https://r: dial tcp: lookup r: no such host", "reach the registry", "network"),
        ("max retries exceeded: unexpected EOF", "kept failing", "what was downloaded is kept"),
        ("pull model manifest: 503: ", "kept failing", "again"),
        ("pull model manifest: 401: unauthorized", "refuses", "private"),
        ("model requires more system memory (9.1 GiB) than is available (2.0 GiB)", "cannot be loaded", "fits"),
        ("something new", "refused qwen2.5:7b-instrct: something new", "samplemind models"),
    ],
)
def test_the_daemons_words_become_one_clear_error(text, message, hint):
    error = from_message(text, "qwen2.5:7b-instrct")
    assert message in error.message
    assert hint in error.hint
    assert (error.exit_code, "\n" in error.message) == (4, False)


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ConnectionError("x"), "no Ollama daemon answers"),
        (httpx.ConnectError("x"), "no Ollama daemon answers"),
        (httpx.ReadError("x"), "closed the connection"),
        (httpx.RemoteProtocolError("x"), "closed the connection"),
        (TimeoutError(), "did not answer within 5 s"),
    ],
)
def test_what_the_library_raises_is_translated_once(raised, message):
    with pytest.raises(OllamaError, match=message), daemon_errors.translated(URL, "", 5):
        raise raised


@pytest.fixture
def client():
    """The package's client of a daemon that answers as told; imported here, as it takes a tenth of a second."""
    import ollama

    def client(status, body):
        return ollama.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status, content=body)))

    return client


def test_what_the_daemon_refuses_is_told_in_its_words(client):
    with pytest.raises(OllamaError, match="page not found"), daemon_errors.translated(URL):
        client(404, b"page not found").list()


@pytest.mark.parametrize(
    "body", [b"<html>", b"[]", b"7", b"\xff\xfe{", b'{"models": 7}', b'{"models": [[]]}', b"[" * 200_000]
)
def test_an_answer_that_is_not_ollamas_is_told_as_that(client, body):
    with pytest.raises(OllamaError, match="is not Ollama"), daemon_errors.translated(URL):
        client(200, body).list()


def test_a_bug_stays_a_bug():
    for bug in (KeyError("x"), TypeError("x"), ValueError("x")):
        with pytest.raises(type(bug)), daemon_errors.translated(URL):
            raise bug


@pytest.mark.parametrize(
    ("version", "old"),
    [("0.4.9", True), ("0.5.0", False), ("0.17.4-rc1", False), ("0.0.0", False), ("1.0", False), ("9" * 5000, False)],
)
def test_an_old_daemon_is_known_by_its_version(version, old):
    assert daemon_errors.older(version, (0, 5)) is old


def test_failures_are_told_together():
    error = daemon_errors.together([OllamaError("a", "do x"), OllamaError("b")])
    assert (error.message, error.hint, error.exit_code) == ("a; b", "do x", 4)
