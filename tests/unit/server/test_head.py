import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.server.head import head
from samplemind_cli.server.message import Incoming

INCOMING = Incoming("GET", "/", {}, b"", "id-1")


@given(st.dictionaries(st.sampled_from(["x-a", "x-b", "x-c"]), st.text(max_size=30)))
def test_no_value_makes_a_header_of_its_own(headers):
    written = head(200, headers, "date: now\r\n", INCOMING, leaving=True)

    lines = written.removesuffix(b"\r\n\r\n").split(b"\r\n")
    names = [*headers, "date", "x-request-id", "x-samplemind-request-id", "connection"]
    assert [line.partition(b":")[0].decode() for line in lines[1:]] == names
    assert written.count(b"\n") == written.count(b"\r") == len(names) + 2


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x=1", "a\nb: c", "a\rb: c", "\r\n\r\n<script>", "a\n"])
@pytest.mark.parametrize("added", [False, True])
def test_a_lines_end_in_a_value_ends_no_line(value, added):
    incoming = Incoming("GET", "/", {}, b"", "id-1", added={"x-b": value} if added else None)
    written = head(200, {} if added else {"x-a": value}, "date: now\r\n", incoming, leaving=False)
    assert written.count(b"\n") == written.count(b"\r") == 6
    assert b"\r\n\r\n" not in written.removesuffix(b"\r\n\r\n")


def test_what_every_response_to_a_request_says_comes_with_it():
    incoming = Incoming("GET", "/", {}, b"", "id-1", added={"vary": "origin"})

    assert b"vary: origin\r\n" in head(404, {}, "", incoming, leaving=False)


def test_a_status_that_http_has_no_name_for_has_a_line():
    assert head(529, {}, "", INCOMING, leaving=False).startswith(b"HTTP/1.1 529 \r\n")


def test_a_client_of_http_1_0_that_wished_to_stay_hears_that_it_may():
    old = Incoming("GET", "/", {}, b"", "id-1", chunked=False)
    assert b"connection: keep-alive\r\n" in head(200, {}, "", old, leaving=False)
    assert b"keep-alive" not in head(200, {}, "", old, leaving=True)
    assert b"connection" not in head(200, {}, "", INCOMING, leaving=False)
