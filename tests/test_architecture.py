"""The arrows and the doors, read off the imports themselves."""

import ast
import re
import sys
from collections import Counter
from functools import cache
from itertools import pairwise
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
    "dashboard",
}
GROUND = {
    "settings",
    "errors",
    "paths",
    "trust",
    "escapes",
    "files",
    "processors",
    "processor_time",
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
    "cli": {"commands", "help_text", "hot", "output", "errors", "settings"},
    "commands": {*DOMAINS, *GROUND, "output", "ai", "help_text", "hot"},
    "help_text": {"output"},
    "asking": {*GROUND, "output", "ai", "formats", "hot", "ledger"},
    "server": {*GROUND, "output", "ai", "formats", "batch"},
    "dashboard": {*GROUND, "output", "server", "ledger", "ai", "formats", "stack", "models", "bench", "launching"},
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
    "formats": {"settings", "providers", "errors", "processor_time"},
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
    "processor_time": set(),
}
# One door for each world outside.
DOORS = {
    "httpx": {"ai/httpx_client.py"},
    "aiohttp": {"ai/aiohttp_client.py"},
    "urllib.request": {"ai/proxies.py"},
    "python_on_whales": {"stack/"},
    "pymongo": {"stack/mongo.py"},
    "ollama": {"models/"},
    "redis": {"ai/cache/"},
    "xllamacpp": {"ai/embedded_engine"},
    "opentelemetry": {"server/telemetry/"},
    "pytest": {"testing/", "mock/pytest_plugin.py"},
    "memray": {"profiling/"},
    "pyinstrument": {"profiling/"},
    "sqlite3": {"ledger/"},
    "genai_prices": {"ledger/prices.py"},
    "pypdf": {"asking/pdf.py"},
    "python_multipart": {"server/upload.py"},
    "httptools": {"server/reading.py"},
    "socket": {
        "ai/cache/redis.py",  # a one-shot `ask` does without redis-py, which takes longer to import than the answer
        "bench/rows/cache.py",  # a free port for the Redis it starts
        "server/run.py",  # the listening one
        "stack/engine.py",  # the pair whose other end `docker system dial-stdio` has
        "stack/http.py",  # HTTP over that pair, and to an Ollama, for `ps` and `up`, within bounds
        "stack/insight.py",  # Redis' INFO in one exchange, for `ps`; whether anything listens
        "stack/ports.py",  # whether a port can be bound
        "testing/observer/",  # a test that opens one is run every time
    },
    "uvloop": {"server/run.py"},
    "_socket": {"hot.py"},  # see PRIVATE
    "http.client": {"bench/rows/serve.py"},  # a client of its own, to measure ours against
    "*connection": {"ai/cache/redis.py", "stack/insight.py"},  # as `socket` has it
    # The folders and the launcher run inside of the user's program, in a Python that imports nothing else of ours.
    "os.environ": {"settings.py", "__main__.py", "profiling/inject/", "bench/launcher.py", "testing/observer/"},
}
CONNECTING = re.compile(r"(open|create)_(unix_)?connection")  # asyncio's functions, its loops' and the socket module's
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
    "batch/in_flight.py": {"os.write"},  # a file
    "batch/results.py": {"os.write"},  # a file
    "ai/embedded_engine.py": {"sys.stdout.write"},  # an address, into a pipe
    "child/probe.py": {"sys.stdout.write"},  # JSON, into a pipe
    "bench/launcher.py": {"sys.stdout.write"},  # numbers, into a pipe
}
# Private names of others. `hot.py`: hashlib and socket take longer to import than an answer takes to be found.
PRIVATE = {"hot.py": {"_blake2.blake2b", "_socket"}}
# One role that several classes play. `Fault`: the mock's, public, which becomes the one that `formats` reads.
ROLES = {"Events": "each format's", "Pool": "each HTTP library's", "Response": "the same", "Fault": "made, and read"}
# Modules that do the same for two rooms: the page each writes, what each keeps, how each is run, and so on.
TWICE = {"conversation", "daemon", "faults", "files", "fit", "gate", "journal", "outside", "page", "reading", "record"}
TWICE |= {"run", "schemas", "serving", "types"}
DOCUMENTED = re.compile(r"os\._exit|sys\._getframe")  # private by their spelling alone
COMMANDS_MAY = {"typer", "settings", "providers", "commands", "help_text"}  # one command may share another's options


def sources(root=ROOT / PACKAGE):
    return {path.relative_to(root).as_posix(): path.read_text("utf-8") for path in sorted(root.rglob("*.py"))}


parsed = cache(ast.parse)


def imports(text, *, top_only=False, checked=False):
    """Every module a source imports; what only a type checker would import counts if `checked`."""
    waiting = [*parsed(text).body]
    while waiting:
        node = waiting.pop()
        if not checked and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        if not top_only:
            waiting += ast.iter_child_nodes(node)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv") and ast.unparse(node.value) == "os":
            yield "os.environ"
        elif isinstance(node, ast.Attribute) and CONNECTING.fullmatch(node.attr):
            yield "*connection"


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
        ("ai/new.py", "import socket"),
        ("models/new.py", "from urllib.request import urlopen"),
        ("models/new.py", "import http.client"),
        ("ai/core.py", "import asyncio\nasyncio.open_connection"),
        ("server/front.py", "def f(loop):\n    loop.create_connection(print)"),
        ("server/front.py", "import httptools"),
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


def modules(files):
    """Each module by its dotted name, with the path of its file."""
    return {f"{PACKAGE}.{path[:-3].replace('/', '.')}".removesuffix(".__init__"): path for path in files}


def circles(files):
    """Each set of modules that import one another, what only a type checker would import included."""
    names, edges = modules(files), {}
    for module, path in names.items():
        found = (name for name in imports(files[path], checked=True) if name.startswith(PACKAGE + "."))
        edges[module] = {name if name in names else name.rpartition(".")[0] for name in found} - {module, PACKAGE}
    while leaves := {module for module, others in edges.items() if not others & edges.keys()}:
        edges = {module: others for module, others in edges.items() if module not in leaves}
    return sorted(edges)


def test_no_modules_import_one_another():
    assert circles(sources()) == []


@pytest.mark.parametrize(
    "line", ["from samplemind_cli.ai import a", "if TYPE_CHECKING:\n    from samplemind_cli.ai.a import A"]
)
def test_a_circle_is_found(line):
    assert circles({"ai/a.py": "from samplemind_cli.ai.b import b", "ai/b.py": line})


def private(text):
    """Each private name of another package's that a source imports, or reaches for in a module that it imports."""
    outside = {name.split(".")[0] for name in imports(text)} - {PACKAGE}
    yield from (name for name in imports(text) if re.search(r"(^|\.)_[a-z]", name) and name.split(".")[0] != PACKAGE)
    for node in ast.walk(parsed(text)):
        name = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
        if name.split(".")[0] in outside and re.fullmatch(r"[\w.]+\._[a-z]\w*", DOCUMENTED.sub("", name)):
            yield name


def test_nobody_elses_private_names_are_used():
    assert {(path, name) for path, text in sources().items() for name in private(text)} == {
        (path, name) for path, names in PRIVATE.items() for name in names
    }


@pytest.mark.parametrize(
    "line",
    ["import typer\ntyper._click.Tuple", "from typer._click import types", "from typer import _click", "import _io"],
)
def test_a_private_name_is_found(line):
    assert list(private(line))


def modules_of_the_current_folder(text):
    """Each place that starts our Python with a module, and lets the current folder say which one that is."""
    for node in ast.walk(parsed(text)):
        words = [ast.unparse(word) for word in node.elts] if isinstance(node, ast.List | ast.Tuple) else []
        yield from (word for word, next_word in pairwise(words) if "sys.executable" in word and next_word == "'-m'")


def test_no_folder_says_which_module_our_python_runs():
    assert [path for path, text in sources().items() if [*modules_of_the_current_folder(text)]] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[sys.executable, '-m', 'pip']", 1),
        ("run((str(sys.executable), '-m', 'memray', *words))", 1),
        ("[sys.executable, '-P', '-m', 'pip']", 0),
        ("[python, '-m', 'pytest']", 0),
    ],
)
def test_a_module_that_the_current_folder_could_replace_is_found(line, found):
    assert len([*modules_of_the_current_folder(line)]) == found


def test_every_room_of_the_package_is_in_the_plan():
    rooms = {room(path) for path in sources()} - {"__init__"}

    assert rooms - set(ARROWS) == set()


def test_a_class_s_name_means_one_thing_in_the_whole_package():
    made = Counter(
        node.name for text in sources().values() for node in ast.walk(parsed(text)) if isinstance(node, ast.ClassDef)
    )

    assert {name for name, times in made.items() if times > 1} == set(ROLES)


def test_a_module_s_name_is_one_room_s_alone():
    """But for families of like rooms: formats, dialects, and what a command or a row of the board is named for."""
    families = re.compile(r"formats/\w+/|mock/dialects/|commands/|bench/rows/|.*__init__")
    made = Counter(Path(path).stem for path in sources() if not families.match(path))

    assert {name for name, times in made.items() if times > 1} == TWICE


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
