"""The dashboard on a real `serve`, in a headless browser."""

from pathlib import Path

import pytest
from parts.browser import BINARY, Browser

from samplemind_cli.ledger import store
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings

AXE = Path(__file__).parents[4] / "web" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if BINARY is None:
        pytest.skip("there is no Chromium")
    browser = Browser(tmp_path_factory.mktemp("profile"), "127.0.0.1")
    yield browser
    browser.close()


@pytest.fixture
def tab(chromium):
    tab = chromium.tab()
    tab.size(1200, 800)
    yield tab
    tab.close()


@pytest.fixture
def written():
    """Writes calls into the ledger that `serve` reads."""

    def write(*calls):
        with Ledger(Settings.load()).open() as connection, store.transaction(connection):
            store.add(connection, ({"times": 1, **call} for call in calls))

    return write


@pytest.fixture
def axe():
    """A function that says what axe has against a page."""
    if not AXE.is_file():
        pytest.skip("axe is not here: cd web && npm ci")

    def complaints(tab):
        tab.run(AXE.read_text())
        found = tab.run("axe.run().then((told) => told.violations.map((v) => v.id + ' ' + v.nodes.map((n) => n.html)))")
        return found or []

    return complaints
