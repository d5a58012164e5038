"""A tab of a headless browser for tests of pages, and what axe has against what it shows."""

import os
from pathlib import Path

import pytest
from parts.browser import BINARY, Browser

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE = 600.0  # seconds for the tests of one module
PICTURES = os.environ.get("SAMPLEMIND_TEST_PICTURES", "")  # a folder for pictures of the pages


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if BINARY is None:
        pytest.skip("there is no Chromium")
    browser = Browser(tmp_path_factory.mktemp("profile"), "127.0.0.1", PATIENCE)
    yield browser
    browser.close()


@pytest.fixture
def tab(chromium):
    tab = chromium.tab()
    tab.size(1200, 800)
    yield tab
    tab.close()


@pytest.fixture
def axe():
    """A function that says what axe has against a page."""
    if not AXE.is_file():
        pytest.skip("axe is not here: cd web && npm ci")

    def complaints(tab):
        tab.run(AXE.read_text())
        return tab.run("axe.run().then((told) => told.violations.map((v) => v.id + ' ' + v.nodes.map((n) => n.html)))")

    return complaints


@pytest.fixture
def picture():
    """A function that keeps a picture of a tab, where somebody wants pictures."""

    def keep(tab, name):
        if PICTURES:
            tab.size(1100, 680)
            tab.wait("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true))))")
            Path(PICTURES, f"{name}.png").write_bytes(tab.picture())

    return keep
