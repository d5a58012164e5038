import json

import pytest

from samplemind_cli.ai import refusal
from samplemind_cli.ai.types import Call, Fault
from samplemind_cli.errors import CutStreamError

CALL = Call("https://me:secret@api.example:8443/v1/chat?key=k", {})


def refused(status, body=b"", read_fault=None, **headers):
    return refusal.refused(
        CALL, status, {name.replace("_", "-"): value for name, value in headers.items()}, body, read_fault
    )


def test_a_place_is_host_and_port_without_who_may_use_it():
    assert refusal.place(CALL.url) == "api.example:8443"


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (400, "request", False),
        (401, "auth", False),
        (402, "credit", False),
        (403, "auth", False),
        (404, "not_found", False),
        (408, "server", True),
        (409, "server", True),
        (422, "request", False),
        (429, "rate", True),
        (500, "server", True),
        (503, "server", True),
        (529, "server", True),
    ],
)
def test_a_status_says_what_is_wrong_and_whether_another_try_may_help(status, kind, again):
    error = refused(status, b'{"error": {"message": "the reason"}}')

    assert (error.fault.kind, error.again) == (kind, again)
    assert error.message == f"HTTP {status}: the reason"


@pytest.mark.parametrize("kind", ["credit", "request", "too_long"])
@pytest.mark.parametrize("status", [429, 500])
def test_what_stays_wrong_is_not_tried_again_whatever_its_status(kind, status):
    assert refused(status, b"{}", lambda *_: Fault(kind, "no")).again is False


def test_the_wait_that_is_asked_for_is_told():
    assert refused(429, b"{}", retry_after="7").wait == 7.0
    assert refused(429, b"{}").wait is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": {"message": "no"}}', {"error": {"message": "no"}}),
        (b'\xef\xbb\xbf {"error": NaN}', {"error": None}),
        (b'event: error\ndata: {"message": "no"}\n\n', {"error": {"message": "no"}}),
        (b'data: {"error": "no"}\n\ndata: [DONE]\n\n', {"error": "no"}),
        (b'{"error": "one"}\n{"error": "two"}\n', {"error": "one"}),
        (b"<html>No", "<html>No"),
        (b"caf\xe9", "caf\ufffd"),
        (b"[" * 100_000, "[" * 100_000),
        (b"", ""),
    ],
)
def test_what_an_error_says_is_read_in_whatever_form_it_comes(body, said):
    heard = []

    def read_fault(status, told):
        heard.append((status, told))
        return Fault("server", "no")

    refused(400, body, read_fault)
    assert heard == [(400, said)]


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_path_that_is_not_there_is_told_by_what_is_no_json(status):
    error = refused(status, b"<html>Not Found")

    assert error.message == f"api.example:8443 has nothing at /v1/chat (HTTP {status})"
    assert (error.fault.kind, error.again) == ("address", False)


@pytest.mark.parametrize(
    ("location", "told"),
    [
        ("https://login.example/in?token=secret#secret", " to https://login.example/in"),
        ("/elsewhere", " to https://api.example:8443/elsewhere"),
        ("https://me:secret@b.example/", " to https://b.example/"),
        ("http://[secret", ""),
        ("https://b.example/\x1b[31m", ""),
        ("", " to https://api.example:8443/v1/chat"),
    ],
)
def test_a_redirect_is_told_by_where_it_leads_without_what_may_be_secret(location, told):
    error = refused(307, b"{}", location=location)

    assert error.message == f"api.example:8443 redirects (HTTP 307){told}"
    assert error.fault.kind == "address"


def test_a_redirect_to_nowhere_is_told():
    assert refused(304).message == "api.example:8443 redirects (HTTP 304)"


def test_a_long_address_is_cut():
    assert len(refused(307, b"", location="/" + "x" * 9000).message) < 300


@pytest.mark.parametrize(
    ("kind", "whole", "told"),
    [
        ("application/json", True, "api.example:8443 sent something that is not JSON"),
        ("Application/Problem+JSON", True, "api.example:8443 sent something that is not JSON"),
        ("text/event-stream", True, "api.example:8443 sent something that is not JSON"),
        ("text/html", False, "api.example:8443 sent something that is not JSON"),
        ("text/html; charset=x", True, "api.example:8443 answers with text/html instead of JSON (HTTP 200)"),
        ("", True, "api.example:8443 answers with no content type instead of JSON (HTTP 200)"),
    ],
)
def test_what_is_not_json_is_a_broken_answer_or_no_provider(kind, whole, told):
    error = refusal.not_json(CALL, 200, kind, whole=whole)

    assert error.message == told
    assert isinstance(error, CutStreamError) == ("answers with" not in told)


def test_a_message_has_an_end():
    assert len(refused(400, json.dumps({"error": {"message": "x" * 9000}}).encode()).message) < 600


def test_of_an_error_s_headers_clients_get_those_about_trying_again():
    headers = {"retry_after": "7", "x_should_retry": "false", "x_ratelimit_remaining_tokens": "0"}
    error = refused(429, b"{}", **headers, server="nginx", x_ratelimit_reset="\x1b[31m", retry_after_ms="é")

    assert error.refusal.headers == {name.replace("_", "-"): value for name, value in headers.items()}


def test_an_answer_without_end_is_told_by_its_limit():
    error = refusal.endless(CALL, 64_000_000)

    assert isinstance(error, CutStreamError)
    assert error.message == "api.example:8443 sent more than 64 MB as one answer"
