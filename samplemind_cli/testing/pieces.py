"""Digests of a Python file's functions: after a change of one, only the tests that ran it are stale."""

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from samplemind_cli.testing.fingerprints import digest

Function = ast.FunctionDef | ast.AsyncFunctionDef
MODULE = 0  # the line that stands for the module's own code, which runs on import
# A module that looks up names at run time may call a function whose name is in no code.
INTROSPECTION = re.compile(rb"\b(globals|vars|locals|getmembers|dir|getattr)\(|import \*|__all__")
CALLED_BY_NAME = ("pytest_", "setup", "teardown", "__")  # by pytest or Python
BLOCKS = ("body", "handlers", "orelse", "finalbody", "cases")
BUILTINS = frozenset(dir(builtins))


@dataclass(frozen=True, slots=True)
class Pieces:
    """Digests by a function's first line, and its span of lines; `imports`: the last part of each imported name."""

    by_line: dict[int, str]
    spans: list[tuple[int, int]] = field(default_factory=list)
    imports: frozenset[str] = frozenset()

    def at(self, line: int) -> str:
        """The digest of the innermost function with code at this line, else of the module's own code."""
        if line not in self.by_line:
            around = [first for first, last in self.spans if first <= line <= last]
            line = max(around, default=MODULE)
        return self.by_line.get(line, "")


def parse(source: bytes) -> Pieces:
    """The pieces of a file's text; a single one if it cannot be parsed.

    The module's own code is everything but function bodies. The signature of a plain function at its top level is left
    out, unless the function's mere presence may change a result: one that replaces another or a builtin, or that
    pytest calls by its name.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):  # perhaps newer than this Python: the whole file is one piece
        return Pieces({MODULE: digest(source)})
    by_line: dict[int, str] = {}
    spans, seen = [], Counter[str]()
    for name, node in _functions(tree, ""):
        seen[name] += 1
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
        by_line[first] = digest(f"{name} {seen[name]} {ast.dump(node)}".encode("utf-8", "surrogatepass"))
        spans.append((first, node.end_lineno or first))
    imports = frozenset(word for node in _statements(tree) for word in _imported(node))
    by_line[MODULE] = _module_part(tree, source)
    return Pieces(by_line, spans, imports)


def _module_part(tree: ast.Module, source: bytes) -> str:
    bound = Counter(_bound(tree))
    every = INTROSPECTION.search(source) is not None
    for _, function in list(_functions(tree, "")):
        function.body = []
    tree.body = [node for node in tree.body if not _is_plain(node, bound, every=every)]
    return digest(ast.dump(tree).encode("utf-8", "surrogatepass"))


def _is_plain(node: ast.AST, bound: Counter[str], *, every: bool) -> bool:
    if not isinstance(node, Function) or node.decorator_list or bound[node.name] > 1:
        return False
    test = node.name.startswith("test")
    return test or not (every or node.name in BUILTINS or node.name.startswith(CALLED_BY_NAME))


def _functions(node: ast.AST, name: str) -> Iterator[tuple[str, Function]]:
    for child in _blocks(node):
        inner = f"{name}.{child.name}" if isinstance(child, Function | ast.ClassDef) else name
        if isinstance(child, Function):
            yield inner, child
        yield from _functions(child, inner)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in _blocks(node):
        yield child
        yield from _statements(child)


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """The statements, handlers and cases right below a node; expressions define and import nothing."""
    for name in BLOCKS:
        yield from getattr(node, name, ())


def _bound(tree: ast.Module) -> Iterator[str]:
    """The names that the module binds outside of functions, with repetitions."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Function | ast.ClassDef):
            yield node.name
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.split(".")[0] for alias in node.names)
        waiting += ast.iter_child_nodes(node)


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name.rpartition(".")[2] for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield (node.module or "").rpartition(".")[2]
        yield from (alias.name for alias in node.names)
