"""README.md and docs/ say what is true: links lead somewhere, commands and options exist, generated pages are new."""

import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest

from samplemind_cli import cli, settings
from samplemind_cli.ai.core import AICore
from samplemind_cli.server.clients import NOT_HERE
from samplemind_cli.server.service import Service

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
DOCUMENTS = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")] + PAGES
REPOSITORY = "https://github.com/samplemind/samplemind-cli/blob/main/"
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
named = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def anchors(path):
    """The anchors of a page's headings, as GitHub and the site generator make them."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def missing(document, text):
    """The links in a text that lead nowhere."""
    for link in LINK.findall(CODE.sub("", text)):
        target, _, anchor = link.removeprefix(REPOSITORY).partition("#")
        if target.startswith(("https:", "http:", "mailto:")):
            continue
        start = ROOT if link.startswith(REPOSITORY) else document.parent
        path = (start / target).resolve() if target else document
        if not path.exists() or (anchor and anchor not in anchors(path)):
            yield link


def typed():
    """Each samplemind command in a console block, as (document, words)."""
    for document in DOCUMENTS:
        for block in CONSOLE.findall(document.read_text("utf-8")):
            for line in re.findall(r"^\$ (.+?)(?<!\\)$", block, re.MULTILINE | re.DOTALL):
                for found in re.findall(r"(?:^|[|;(] ?)samplemind ([^|;)]+)", line):
                    yield document.name, shlex.split(found.partition("  #")[0])


def options(words):
    """The long options that a command line gives to samplemind and its subcommand, and those which they have."""
    command = cli.command(words[0])
    inner = getattr(command, "commands", {})
    chosen = [inner[word] for word in words[1:] if word in inner] or inner.values()  # a group has a default
    known = {name for each in (command, *chosen) for param in each.params for name in param.opts}
    ours = words[: words.index("--")] if "--" in words else words
    return {word.partition("=")[0] for word in ours if word.startswith("--")}, {*known, "--help"}


@named
def test_every_relative_link_leads_somewhere(document):
    assert list(missing(document, document.read_text("utf-8"))) == []


@pytest.mark.parametrize("link", ["[a](gone.md)", "[a](design.md#no-such-heading)", f"[a]({REPOSITORY}GONE.md)"])
def test_a_link_that_leads_nowhere_is_found(link):
    assert list(missing(ROOT / "docs" / "ask.md", link))


def test_every_command_that_is_shown_exists():
    shown = list(typed())

    assert len(shown) > 30
    for document, words in shown:
        if not words[0].startswith("-"):
            assert words[0] in cli.COMMANDS, (document, words)
            given, known = options(words)
            assert given <= known, (document, words)


def test_every_command_is_in_the_documentation():
    text = "".join(page.read_text("utf-8") for page in PAGES)

    for name in cli.COMMANDS:
        assert re.search(rf"(samplemind |`){re.escape(name)}\b", text), name


def test_the_site_shows_every_page():
    nav = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))["project"]["nav"]

    assert sorted(path for entry in nav for path in entry.values()) == [page.name for page in PAGES]


def test_the_configuration_page_is_up_to_date():
    script = runpy.run_path(str(ROOT / "scripts" / "configuration.py"))

    assert script["page"]() == script["PAGE"].read_text("utf-8"), "run python scripts/configuration.py"


def test_the_page_about_formats_says_what_each_provider_takes():
    script = runpy.run_path(str(ROOT / "scripts" / "formats.py"))

    assert script["page"]() == script["PAGE"].read_text("utf-8"), "run python scripts/formats.py"


def test_every_route_is_on_the_page_about_serve():
    page = (ROOT / "docs" / "serve.md").read_text("utf-8")
    paths = {operation.path for operation in Service(AICore(settings.Settings()), bytes).operations}

    for path in paths - {f"/api/{name}" for name in NOT_HERE}:
        start, verb = re.fullmatch(r"(.*?)(?::(\w+))?", path).groups()
        assert f"{start.replace('/v1/', '/v1beta/')}:VERB`" in page if verb else f"{path}`" in page, path
        assert not verb or f"`{verb}`" in page, path


def test_every_setting_is_on_the_configuration_page():
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")

    assert [each.name for each in settings.settable() if f"| `{each.name}` |" not in page] == []


def test_the_readme_is_short_and_its_first_commands_are_those_that_are_run():
    text = (ROOT / "README.md").read_text("utf-8")
    first = re.search(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)

    assert len(text.splitlines()) < 200
    assert len(first[1].splitlines()) == 2


def test_no_link_of_the_readme_leads_nowhere_on_pypi():
    text = (ROOT / "README.md").read_text("utf-8")
    hook = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["metadata"]["hooks"]
    for change in hook["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(change["pattern"], change["replacement"], text)

    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert [target for target in targets if not target.startswith(("https://", "#"))] == []
    assert [target for target in targets if target.endswith(".png") and "/blob/" in target] == []
