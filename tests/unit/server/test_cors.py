import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.server.cors import Cors
from samplemind_cli.server.message import HttpError, Incoming

APP = "https://app.example"


def page(origin, host="127.0.0.1:8000", **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Incoming("OPTIONS", "/v1/models", {"origin": origin, "host": host, **names}, b"", "1")


@pytest.mark.parametrize("origin", [APP, "HTTPS://App.Example", "http://127.0.0.1:8000", "http://[::1]:3000"])
def test_named_origins_and_the_servers_own_pages_are_allowed(origin):
    assert Cors([f"{APP}/", "http://[::1]:3000"]).allows(page(origin))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://app.example",
        f"{APP}.evil.example",
        f"{APP}:444",
        "http://127.0.0.1:3000",
        "http://127.0.0.1:8000.evil.example",
        "127.0.0.1:8000",
    ],
)
def test_others_are_not(origin):
    assert not Cors([APP]).allows(page(origin))
    assert Cors([APP]).headers(page(origin)) == {"vary": "origin"}


def test_an_origin_without_a_host_is_not_the_servers_own():
    asked = Incoming("GET", "/", {"origin": "x://"}, b"", "1")

    assert not Cors([]).allows(asked)


@pytest.mark.parametrize("wrong", ["app.example", "null", "https://app.example/path", "https://*.example", "https://"])
def test_a_setting_that_is_not_an_origin_is_told(wrong):
    with pytest.raises(UsageError, match="not an origin"):
        Cors([wrong])


def test_a_preflight_says_what_may_be_sent():
    asked = page(APP, access_control_request_method="POST", access_control_request_headers="authorization, x-a")

    reply = Cors([APP]).preflight(asked, "POST, OPTIONS")

    assert (reply.status, reply.body) == (204, b"")
    assert reply.headers["access-control-allow-methods"] == "POST, OPTIONS"
    assert reply.headers["access-control-allow-headers"] == "authorization, x-a"


def test_a_preflight_does_not_repeat_what_is_no_list_of_names():
    asked = page(APP, access_control_request_method="POST", access_control_request_headers="a\r\nx-evil: 1")

    assert "access-control-allow-headers" not in Cors([APP]).preflight(asked, "POST").headers


def test_a_preflight_of_another_origin_is_refused():
    with pytest.raises(HttpError, match="allowed_origins"):
        Cors([APP]).preflight(page("https://evil.example", access_control_request_method="GET"), "GET")


def test_every_page_may_read_where_all_are_allowed():
    assert Cors(["*"]).headers(page("null"))["access-control-allow-origin"] == "*"
