"""The arrows and the doors, read off the imports themselves."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "samplemind_cli"
DOMAINS = {
    "stack",
    "models",
    "bench",
    "profiling",
    "testing",
    "server",
    "mock",
    "asking",
    "ledger",
    "launching",
    "batch",
}
GROUND = {
    "settings",
    "errors",
    "paths",
    "trust",
    "escapes",
    "files",
    "processors",
    "child",
    "providers",
    "recorded",
    "values",
    "spool",
    "budgets",
}
# What each room may import of the package; a room may always import itself.
ARROWS = {
    "__main__": {"hot", "cli"},
    "hot": {"paths", "trust", "spool"},
    "cli": {"commands", "hot", "output", "errors"},
    "commands": {*DOMAINS, *GROUND, "output", "ai", "hot"},
    "asking": {*GROUND, "output", "ai", "formats", "hot", "ledger"},
    "server": {*GROUND, "output", "ai", "formats", "batch"},
    "bench": {*GROUND, "output", "ai", "mock", "stack", "testing"},
    "models": {*GROUND, "output", "ai"},
    "stack": {*GROUND, "output", "ai"},
    "profiling": {*GROUND, "output"},
    "testing": {*GROUND, "output"},
    "mock": {*GROUND, "output"},
    "batch": {*GROUND, "output", "ai", "formats", "ledger"},
    "launching": {*GROUND, "output", "ai", "formats"},
    "ai": {"formats", "ledger", *GROUND} - {"child"},
    "ledger": {*GROUND} - {"child"},
    "formats": {"settings", "providers", "errors"},
    "providers": {"errors"},
    "values": {"errors"},
    "budgets": {"errors"},
    "recorded": set(),
    "output": {"errors", "escapes", "terminal"},
    "terminal": {"escapes"},
    "escapes": set(),
    "child": {"errors"},
    "settings": {"errors", "paths", "trust", "providers", "values", "recorded", "budgets"},
    "errors": set(),
    "spool": {"files"},
    "paths": {"trust"},
    "trust": {"output"},
    "files": set(),
    "processors": {"files"},
}
# One door for each world outside.
DOORS = {
    "httpx": {"ai/httpx_client.py"},
    "aiohttp": {"ai/aiohttp_client.py"},
    "urllib.request": {"ai/proxies.py"},
    "python_on_whales": {"stack/"},
    "ollama": {"models/"},
    "redis": {"ai/cache/"},
    "xllamacpp": {"ai/embedded_engine"},
    "opentelemetry": {"server/telemetry/"},
    "pytest": {"testing/", "mock/pytest_plugin.py"},
    "memray": {"profiling/"},
    "pyinstrument": {"profiling/"},
    "sqlite3": {"ledger/"},
    "genai_prices": {"ledger/prices.py"},
    "python_multipart": {"server/upload.py"},
    # The folders and the launcher run inside of the user's program, in a Python that imports nothing else of ours.
    "os.environ": {"settings.py", "__main__.py", "profiling/inject/", "bench/launcher.py", "testing/observer/"},
}
# What prints, and who may: output.py, and what is listed here.
PRINTING = re.compile(
    r"print|(pprint\.|rich\.|traceback\.)p?print\w*|(sys\.)?(__)?std(out|err)(__)?\.write(lines)?|os\.writev?|.*\.buffer\.write(lines)?"
    r"|(typer|click)\.s?echo|(output\.)?Own|Console"
)
PRINTERS = {
    "output.py": {"sys.stderr.write", "stream.buffer.write", "Own"},
    "terminal.py": {"rich.console.Console"},
    "asking/show.py": {"output.Own"},  # Markdown that the door's console rendered; JSON
    "commands/logs.py": {"output.Own"},  # the same console
    "hot.py": {"print", "os.write"},  # our version; a record, which went through the door when it was made
    "server/journal.py": {"os.write"},  # harmless JSON
    "files.py": {"os.write"},  # files
    "spool.py": {"os.write"},  # a file
    "batch/results.py": {"os.write"},  # a file
    "ai/embedded_engine.py": {"sys.stdout.write"},  # an address, into a pipe
    "child/probe.py": {"sys.stdout.write"},  # JSON, into a pipe
    "bench/launcher.py": {"sys.stdout.write"},  # numbers, into a pipe
}
COMMANDS_MAY = {"typer", "settings", "providers", "commands"}  # one command may share another's options


def sources(root=ROOT / PACKAGE):
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(root.rglob("*.py"))}


parsed = cache(ast.parse)


def imports(text, *, top_only=False):
    """Every module a source imports; what only a type checker would import does not count."""
    waiting = [*parsed(text).body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if not top_only:
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os":
            yield "os.environ"


def room(path):
    return path.split("/")[0].removesuffix(".py")


def violations(files):
    """Each arrow or door that is not in the plan, in words."""
    for path, text in files.items():
        for name in imports(text):
            yield from (f"{path} imports {name}: {why}" for why in (*arrow(path, name), *door(path, name)))
        if room(path) == "commands":
            for name in imports(text, top_only=True):
                if not light(name):
                    yield f"{path} imports {name} at its top: a command loads what it needs when it runs"


def arrow(path, name):
    here, (package, *rest) = room(path), name.split(".")
    if package != PACKAGE or here == "__init__":
        return
    if rest[0] not in (here, "__version__", *ARROWS.get(here, ())):
        yield f"no arrow leads from {here} to {rest[0]}"


def door(path, name):
    for thing, doors in DOORS.items():
        if (name + ".").startswith(thing + ".") and not path.startswith(tuple(doors)):
            yield f"its door is {', '.join(sorted(doors))}"


def light(name):
    package, *rest = name.split(".")
    return (rest[0] if package == PACKAGE else package) in COMMANDS_MAY | sys.stdlib_module_names


def test_every_import_follows_an_arrow_and_goes_through_its_door():
    assert list(violations(sources())) == []


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("ai/core.py", "from samplemind_cli import output"),
        ("ai/core.py", "import httpx"),
        ("formats/new.py", "from samplemind_cli.ai.types import Options"),
        ("mock/server.py", "from samplemind_cli.formats.types import Chunk"),
        ("commands/new.py", "import httpx"),
        ("commands/new.py", "from samplemind_cli.ai import AICore"),
        ("models/new.py", "import os\nprint(os.environ)"),
        ("output.py", "from samplemind_cli.settings import Settings"),
        ("server/front.py", "from opentelemetry import trace"),
        ("stack/new.py", "def f():\n    import ollama"),
    ],
)
def test_a_violation_is_found(path, line):
    assert len(list(violations({path: line}))) >= 1


def prints(text):
    """Each place where a source prints, or says that text holds no command for a terminal, by itself."""
    for node in ast.walk(parsed(text)):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        if PRINTING.fullmatch(name):
            yield name
    yield from (name for name in imports(text) if re.fullmatch(r"rich\.(console\.Console|print\w*|get_console)", name))


def test_everything_that_is_printed_goes_through_the_door():
    found = {(path, name) for path, text in sources().items() for name in prints(text)}

    assert found == {(path, name) for path, names in PRINTERS.items() for name in names}


@pytest.mark.parametrize(
    "line",
    [
        "print(name)",
        "import sys\nsys.stdout.write(name)",
        "import sys\nsys.stderr.buffer.write(name)",
        "import sys\nsys.__stdout__.writelines([name])",
        "import os\nos.write(1, name)",
        "import typer\ntyper.echo(name)",
        "import click\nclick.secho(name)",
        "from rich.console import Console",
        "from rich import print",
        "import traceback\ntraceback.print_exc()",
        "import pprint\npprint.pprint(name)",
        "from samplemind_cli import output\noutput.write(output.Own(name))",
        "def f(stream):\n    print(name, file=stream)",
    ],
)
def test_printing_past_the_door_is_found(line):
    assert list(prints(line))


def test_every_room_of_the_package_is_in_the_plan():
    rooms = {room(path) for path in sources()} - {"__init__"}

    assert rooms - set(ARROWS) == set()


def test_no_module_is_named_for_everything_and_nothing():
    names = {Path(path).stem for path in sources()}

    assert names & {"utils", "helpers", "manager", "base", "common", "misc"} == set()


def test_every_module_says_its_duty_in_its_first_line():
    mute = [path for path, text in sources().items() if not (ast.get_docstring(parsed(text)) or "").strip()]

    assert mute == []


def test_modules_stay_small_enough_to_be_read():
    long = {path: text.count("\n") for path, text in sources().items() if text.count("\n") > 300}

    assert long == {}


def test_every_source_is_free_of_unfinished_work():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b|NotImplementedError")

    assert [path for path, text in sources().items() if unfinished.search(text)] == []
