import time

import pytest

from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration
HOSTILE = (
    '</pre><script>window.owned=1</script><img src=x onerror="window.owned=1">'
    '<a href="javascript:owned=1">x</a>\u202e[x](javascript:owned=1)'
)


def call(number, **facts):
    route = {"provider": "ollama", "model": "tiny", "tier": "miss", "command": "ask"}
    took = {"at": time.time() - 10_000 + number, "ms": 900.0, "first_ms": 300.0, "held_ms": 100.0}
    return {"id": f"{number:016x}", **route, **took, **facts}


def test_what_is_asked_appears_by_itself_and_opens(served, tab):
    tab.open(f"{served.url}/dashboard")
    tab.sees("Nothing was asked yet", "live")

    served.ask()

    tab.sees("1 request")
    tab.click("[role=row] a")
    tab.sees("connect", "first token", "tokens in", "Its words were not kept")
    assert tab.complaints == []
    assert all(address.startswith(served.url) for address in tab.asked)


def test_a_call_tells_why_it_was_not_cached_and_leads_to_the_nearest_question(serve, tab):
    served = serve("--keep-content")
    for text in ("who sleeps", "who roars"):
        served.ask(messages=[{"role": "user", "content": text}], model="openai/gpt-4o")
    tab.open(f"{served.url}/dashboard")
    tab.sees("2 requests", "who roars")

    tab.click("[role=row] a")
    tab.sees("message 1 differs, beside the nearest stored question: who sleeps")
    tab.click(".why a")

    tab.sees("no question is stored yet")
    assert tab.complaints == []


def test_filters_stand_in_the_address_and_a_link_leads_to_one_call(served, tab, written):
    written(
        call(1, prompt="about lions", answer="they sleep"), call(2, error="too late", tier=None), call(3, tier="local")
    )

    tab.open(f"{served.url}/dashboard#/requests?status=error")
    tab.sees("1 request", "error")
    tab.open(f"{served.url}/dashboard#/requests/{1:016x}?words=lion")

    tab.sees("they sleep", "queue", "stream", "600 ms")
    assert tab.run("document.querySelector('input[type=search]').value") == "lion"
    assert tab.complaints == []


def test_a_call_that_is_gone_is_told(served, tab):
    tab.open(f"{served.url}/dashboard#/requests/abcdef")

    tab.sees("there is no call 'abcdef'")


def test_everything_is_done_by_keyboard(served, tab, written, picture):
    written(*(call(n, prompt=f"question {n} {'odd' if n % 2 else 'even'}", answer=f"answer {n}") for n in range(30)))
    tab.open(f"{served.url}/dashboard")
    tab.sees("30 requests")

    tab.press("/")
    tab.type("odd")
    tab.sees("15 requests")
    tab.press("Escape", "j", "j", "k", "j", "Enter")
    tab.sees("answer 27")
    picture(tab, "requests")
    tab.press("j")
    tab.sees("answer 25")
    tab.press("Escape")
    tab.wait("!document.querySelector('article')")
    tab.press("?")
    tab.sees("the next, the previous row")
    tab.press("Escape")
    tab.wait("!document.querySelector('dialog')")
    assert tab.complaints == []


def test_the_position_of_rows_holds_while_new_ones_come(served, tab, written):
    written(*(call(n, prompt=f"question {n}.") for n in range(3000)))
    tab.open(f"{served.url}/dashboard")
    tab.sees("3,000 requests", "question 2999.")

    tab.run("document.querySelector('.rows').scrollTop = 34 * 1500")
    tab.sees("question 1495.")
    seen = tab.run("document.elementFromPoint(400, 500).closest('[role=row]').innerText")
    written(*(call(n, prompt=f"question {n}.") for n in range(3000, 3010)))
    tab.sees("3,010 requests")

    tab.wait("document.elementFromPoint(400, 500).closest('[role=row]').innerText.includes('question')")
    assert tab.run("document.elementFromPoint(400, 500).closest('[role=row]').innerText") == seen
    assert tab.run("document.querySelectorAll('[role=row]').length") < 80


def test_rows_that_were_pruned_are_gone_from_the_list(served, tab, written):
    written(*(call(n, prompt=f"question {n}.") for n in range(250)))
    tab.open(f"{served.url}/dashboard")
    tab.sees("250 requests")
    tab.run("document.querySelector('.rows').scrollTop = 34 * 240")
    tab.sees("question 0.")

    with Ledger(Settings.load()).open() as connection:
        connection.execute("DELETE FROM calls WHERE number <= 40")

    tab.sees("210 requests", "question 40.")
    tab.wait("!document.body.innerText.includes('question 39.')")


def test_hostile_words_stay_words(served, tab, written):
    written(call(1, prompt=HOSTILE, answer=HOSTILE, system=HOSTILE, model=HOSTILE, client=HOSTILE, error=HOSTILE))

    tab.open(f"{served.url}/dashboard#/requests/{1:016x}")

    tab.sees("window.owned=1")
    assert tab.run("window.owned") is None
    assert tab.run("document.querySelectorAll('article img, article script, article a:not(.button)').length") == 0
    assert tab.complaints == []
    assert all(address.startswith(served.url) for address in tab.asked)


@pytest.mark.parametrize("look", [(1200, False), (1200, True), (360, False), (360, True)])
def test_the_page_fits_and_axe_has_nothing_against_it(served, tab, written, axe, look):
    width, dark = look
    tab.size(width, 700, dark=dark)
    written(*(call(n, prompt="question " * 20, error="too late" if n == 3 else None) for n in range(40)))
    for place, word in (("#/requests", "40 requests"), (f"#/requests/{1:016x}", "first token")):
        tab.open(f"{served.url}/dashboard{place}")
        tab.sees(word)

        assert axe(tab) == []
        assert tab.run("document.documentElement.scrollWidth") <= width


def test_the_page_outlives_the_server(serve, tab):
    served = serve()
    tab.open(f"{served.url}/dashboard")
    tab.sees("live")

    served.stop()
    tab.sees("serve does not answer")
    again = serve("--port", str(served.port))
    again.ask()

    tab.sees("live", "1 request")


def test_a_page_that_nobody_sees_asks_for_nothing_and_catches_up(served, tab):
    seen = "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
    seen += " document.dispatchEvent(new Event('visibilitychange'))"
    tab.open(f"{served.url}/dashboard")
    tab.sees("live", "Nothing was asked yet")

    tab.run(seen % "true")
    served.ask()
    time.sleep(2.5)
    tab.run("0")
    assert sum("api/live" in address for address in tab.asked) == 1
    tab.sees("Nothing was asked yet")
    tab.run(seen % "false")

    tab.sees("live", "1 request")


def test_with_a_token_the_page_opens_by_its_link_alone(serve, tab, monkeypatch):
    from samplemind_cli.dashboard.sessions import Sessions

    monkeypatch.setenv("SAMPLEMIND_API_TOKEN", "t0ken")
    served, link = serve(), Sessions(Settings.load()).link()
    tab.open(f"{served.url}/dashboard")
    tab.sees("no session")

    tab.open(f"{served.url}/dashboard?new#link={link}")
    tab.sees("live", "Nothing was asked yet")
    assert link not in tab.run("location.href")
    tab.open(f"{served.url}/dashboard?again#link={link}")
    tab.sees("this link was used")
