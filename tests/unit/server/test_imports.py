"""The server's modules know each other in one direction only; what a type checker alone imports counts too."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import samplemind_cli.server

FOLDER = Path(samplemind_cli.server.__file__).parent


def imported(path):
    """The server's modules that a source imports, whenever it does so."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("samplemind_cli.server"):
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if modules.get(name) else node.module for name in below)


modules = {
    ".".join(("samplemind_cli.server", *path.relative_to(FOLDER).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in FOLDER.rglob("*.py")
}


def test_no_circle_of_imports():
    graph = {name: {*imported(path)} for name, path in modules.items()}

    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle

    assert "samplemind_cli.server.connection" in graph["samplemind_cli.server.front"]
