"""SECURITY.md promises nothing that no test attacks."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def promises():
    """Each bullet of the document, as one line."""
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    return [
        " ".join(found.split()) for found in re.findall(r"^- (.+?)(?=\n- |\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    ]


@pytest.mark.parametrize("promise", promises())
def test_each_promise_names_tests_that_exist(promise):
    named = NAMED.findall(promise)

    assert named
    for file, test in named:
        assert re.search(rf"^(async )?def {test}\(", (ROOT / file).read_text("utf-8"), re.MULTILINE), test


@pytest.mark.parametrize("against", ["cloned", "provider", "container", "client", "another user"])
def test_each_attacker_has_promises_and_what_is_not_promised(against):
    sections = (ROOT / "SECURITY.md").read_text("utf-8").split("\n## ")[1:]
    (section,) = [text for text in sections if against in text.partition("\n")[0].lower()]

    assert "\n- " in section
    assert "\nNot promised:" in section
