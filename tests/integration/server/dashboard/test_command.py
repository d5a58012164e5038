"""`samplemind dashboard`: on a server of its own, and on one that runs."""

import os
import signal
import subprocess
import sys
import urllib.request
from urllib.error import HTTPError, URLError

import pytest

pytestmark = pytest.mark.integration
COMMAND = [sys.executable, "-m", "samplemind_cli", "dashboard"]


def answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status
    except HTTPError as error:
        return error.code
    except URLError:
        return 0


@pytest.mark.parametrize("token", ["", "t0ken"])
def test_without_a_server_one_is_started_that_lives_until_ctrl_c(mock_server, token):  # noqa: ARG001 - sets the environment
    env = {**os.environ, **({"SAMPLEMIND_API_TOKEN": token} if token else {})}
    started = subprocess.Popen(
        [*COMMAND, "--print"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    page, _, link = started.stdout.readline().strip().partition("#link=")
    try:
        assert bool(link) == bool(token)
        assert answers(page) == 200
        assert answers(f"{page}/api/requests") == (401 if token else 200)
    finally:
        started.send_signal(signal.SIGINT)
        _, told = started.communicate(timeout=20)

    assert started.returncode == 130
    assert "until Ctrl-C" in told
    assert link not in told or not link
    assert answers(page) == 0


def test_the_browser_is_opened_on_a_server_that_runs(served, tmp_path):
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n')
    browser.chmod(0o755)
    env = {**os.environ, "BROWSER": f"{browser} %s"}

    done = subprocess.run([*COMMAND, "--url", f"{served.url}/"], env=env, capture_output=True, text=True, check=True)

    assert opened.read_text() == f"{served.url}/dashboard\n"
    assert done.stderr == f"opened {served.url}/dashboard\n"
    assert done.stdout == ""


def test_a_link_is_not_among_the_arguments_of_the_browser_and_opens_the_page_there(serve, tab, tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served = serve()
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\necho "$@" > {opened}\n')
    browser.chmod(0o755)
    env = {**os.environ, "BROWSER": f"{browser} %s"}

    done = subprocess.run([*COMMAND, "--url", served.url], env=env, capture_output=True, text=True, check=True)

    arguments = opened.read_text().strip()
    assert arguments.startswith("file:///")
    assert "link" not in arguments + done.stdout + done.stderr
    tab.open(arguments)
    tab.wait(f"location.href.startsWith('{served.url}/dashboard')")
    tab.sees("Nothing was asked yet")
    assert "link" not in tab.run("location.href")


def test_where_there_is_no_browser_the_address_is_printed(served, tmp_path):
    env = {**os.environ, "BROWSER": str(tmp_path / "none"), "PATH": str(tmp_path)}
    env.pop("DISPLAY", None)

    done = subprocess.run([*COMMAND, "--url", served.url], env=env, capture_output=True, text=True, check=True)

    assert done.stdout == f"{served.url}/dashboard\n"
