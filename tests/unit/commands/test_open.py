import webbrowser

import pytest

from samplemind_cli import cli
from samplemind_cli.stack import existing
from samplemind_cli.stack.services import ServiceState


@pytest.fixture
def opened(monkeypatch):
    """The URLs that the browser was given; a service that listens at two ports."""
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    urls = {"web": ["redis://127.0.0.1:1", "http://127.0.0.1:2"], "redis": ["redis://127.0.0.1:1"]}

    def found(_, service):
        if service not in urls:
            raise existing.without_ports(ServiceState(service=service))
        return urls[service]

    monkeypatch.setattr(existing, "urls", found)
    return opened


def test_the_first_address_that_speaks_http_is_opened(opened, capfd):
    assert cli.run(["open", "web"]) == 0
    assert opened == ["http://127.0.0.1:2"]
    assert capfd.readouterr().out == ""


def test_print_opens_nothing(opened, capfd):
    assert cli.run(["open", "web", "--print"]) == 0
    assert cli.run(["open", "redis", "--print"]) == 0
    assert capfd.readouterr().out == "http://127.0.0.1:2\nredis://127.0.0.1:1\n"
    assert opened == []


@pytest.mark.parametrize(("service", "code", "words"), [("redis", 2, "no browser could open"), ("job", 3, "no port")])
def test_what_has_no_page_is_told(opened, capfd, service, code, words):
    assert cli.run(["open", service]) == code
    assert words in capfd.readouterr().err
    assert opened == []


@pytest.mark.usefixtures("opened")
def test_a_machine_without_a_browser_is_told_how_to_go_on(capfd, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda _: False)
    assert cli.run(["open", "web"]) == 3
    assert "samplemind open web --print" in capfd.readouterr().err
