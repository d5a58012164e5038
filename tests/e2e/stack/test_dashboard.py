"""The page of the stack on the real engine: up, what it tells, hostile logs, restart, stop."""

import json
import subprocess

import httpx
import pytest

pytestmark = pytest.mark.e2e
HOSTILE = '<img src=x onerror="window.owned=1">'


@pytest.fixture
def served(project):
    """`serve` in a project of two services, one of which logs what no page may take for its own."""
    talk = f"import time\nprint('ERROR: {HOSTILE}', flush=True)\nwhile True: print('fine', flush=True); time.sleep(0.5)"
    ours = project({"cache": project.redis(project.free_port()), "talker": project.python(talk)})
    server = ours.start("serve", "--port", "0", "--json")
    yield json.loads(server.stdout.readline())["url"]
    server.terminate()
    server.communicate(timeout=20)


def test_the_stack_is_started_watched_and_stopped_from_its_page(served, tab, picture):
    tab.open(f"{served}/dashboard#/stack")
    tab.wait("""!!document.querySelector('[aria-label="Up cache"]')""")
    tab.click("button.primary")
    tab.wait("""!!document.querySelector('[aria-label="Restart cache"]')""", 120)
    tab.wait("document.querySelector('.badge').innerText === 'healthy'", 60)
    tab.wait("document.body.innerText.includes('fine') && document.body.innerText.includes('onerror')", 60)
    assert tab.run("window.owned") is None
    assert tab.run("document.querySelectorAll('.log img').length") == 0
    picture(tab, "stack")

    tab.press("/")
    tab.type("onerror")
    tab.wait("!document.querySelector('.log').innerText.includes('fine')")
    tab.press("Escape")
    tab.click('[aria-label="Restart talker"]')
    tab.wait("!!document.querySelector('[role=status]') && document.body.innerText.includes('talker: ')", 60)
    tab.click('[aria-label="Stop… cache"]')
    tab.sees("Stop cache? Their containers and data stay.")
    tab.click("dialog button.danger")

    tab.wait("""!!document.querySelector('[aria-label="Up cache"]')""", 60)
    assert tab.complaints == []


def test_the_stack_is_started_and_stopped_by_keyboard_on_a_narrow_page(served, tab, axe):
    tab.size(360, 700)
    tab.open(f"{served}/dashboard#/stack")
    tab.wait("""!!document.querySelector('[aria-label="Up talker"]')""")
    tab.reach("""document.activeElement.ariaLabel === 'Up talker'""", 200)
    tab.press("Enter")
    tab.wait("document.querySelector('.log').innerText.includes('fine')", 120)
    assert tab.run("document.documentElement.scrollWidth") <= 360
    assert axe(tab) == []

    tab.reach("""document.activeElement.ariaLabel === 'Stop… talker'""", 200)
    tab.press("Enter")
    tab.sees("Stop talker? Their containers and data stay.")
    tab.press("Enter")

    tab.wait("""!!document.querySelector('[aria-label="Up talker"]')""", 60)
    assert tab.complaints == []


def test_a_log_is_no_longer_followed_once_the_page_is_closed(served, chromium):
    tab = chromium.tab()
    tab.open(f"{served}/dashboard#/stack")
    tab.wait("""!!document.querySelector('[aria-label="Up talker"]')""")
    tab.click('[aria-label="Up talker"]')
    tab.wait("document.body.innerText.includes('fine')", 120)
    assert following()

    tab.close()

    tab = chromium.tab()
    tab.open("about:blank")
    try:
        for _ in range(300):
            if not following():
                break
            tab.run("new Promise((done) => setTimeout(done, 100))")
        assert not following()
    finally:
        tab.close()


def following():
    """The Compose processes that follow a log of one of our tests' stacks."""
    found = subprocess.run(
        ["pgrep", "-af", "compose.json.*logs.*--follow"], capture_output=True, text=True, check=False
    )
    return [line for line in found.stdout.splitlines() if "pgrep" not in line]


def test_what_is_no_service_is_refused_before_compose_reads_it(served):
    with httpx.Client(base_url=served, timeout=30, verify=False) as http:
        for name in ("--help", "-f", "nobody"):
            assert http.get("/dashboard/api/stack/logs", params={"service": name}).status_code == 400
            for verb in ("up", "restart", "stop"):
                body, own = {"services": [name]}, {"origin": served}
                told = http.post(f"/dashboard/api/stack/{verb}", json=body, headers=own).text
                assert "event: error" in told, (verb, name)
