"""Which share of small faults, planted one at a time in a copy of the package, the tests catch.

    python benchmarks/mutants.py [--seed N] [--each N] [MODULE...]

MODULE is a path such as ai/router.py, by default those of TESTS. Of each, N places that the seed picks are changed: a
comparison, a condition, a number, an operator, a result. Its own test file runs, and those that TESTS names. What is
not caught is printed as a diff of one line. Some of it does what the original does: no test could catch that.
"""

import argparse
import ast
import copy
import itertools
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "samplemind_cli"
COPIED = (PACKAGE, "tests", "compose", "pytest.ini", "pyproject.toml")
SECONDS = 60  # a fault that takes longer hangs, and is caught
AIM = 0.92
# The modules, and the tests beside tests/unit/ROOM/test_MODULE.py that hold them.
TESTS: dict[str, tuple[str, ...]] = {
    "ai/cache/entry.py": (),
    "ai/router.py": (),
    "ai/limits.py": ("tests/unit/ai/test_breakers.py",),
    "ai/patience.py": (),
    "ai/refusal.py": (),
    "formats/openai_chat/server.py": ("tests/unit/formats/test_openai_chat_server.py",),
    "formats/reading.py": ("tests/unit/formats/test_openai_chat_server.py", "tests/unit/formats/test_parameters.py"),
    "stack/up_plan.py": (),
    "stack/ports.py": (),
    "testing/changed.py": (),
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """A module's text with one fault in it, and the line it is in, before and after."""

    module: str
    number: int
    before: str
    after: str
    text: str


def mutants(module: str, text: str) -> Iterator[Mutant]:
    """Every fault that can be planted in a module."""
    for node in code(ast.parse(text)):
        for fault in faults(node):
            yield planted(module, text, node, fault)


def code(tree: ast.AST) -> Iterator[ast.expr | ast.Return]:
    """The expressions that a run evaluates: no annotation, no docstring, nothing of a type checker's."""
    for name, value in ast.iter_fields(tree):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or (
                isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test)
            ):
                continue
            if isinstance(child, ast.expr | ast.Return) and not isinstance(child, ast.JoinedStr):
                yield child
            if not isinstance(child, ast.JoinedStr):
                yield from code(child)


def faults(node: ast.expr | ast.Return) -> Iterator[ast.AST]:
    """What may stand in the place of a node."""
    new = copy.deepcopy(node)
    match new:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            new.ops = [COMPARISONS[type(op)]()]
            yield new
        case ast.BoolOp():
            new.op = ast.Or() if isinstance(new.op, ast.And) else ast.And()
            yield new
        case ast.UnaryOp(op=ast.Not()):
            yield new.operand
        case ast.BinOp() if type(new.op) in OPERATORS and not any(map(is_text, (new.left, new.right))):
            new.op = OPERATORS[type(new.op)]()
            yield new
        case ast.IfExp():
            yield ast.IfExp(test=ast.UnaryOp(op=ast.Not(), operand=new.test), body=new.body, orelse=new.orelse)
        case ast.Constant(value=bool()):
            yield ast.Constant(not new.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.Return(value=ast.expr()) if not isinstance(new.value, ast.Constant):
            yield ast.Return(value=ast.Constant(None))


def is_text(node: ast.AST) -> bool:
    """Whether it is text or a list, to which only more of the same can be added."""
    kinds = ast.JoinedStr | ast.List | ast.Tuple
    return isinstance(node, kinds) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes))


def planted(module: str, text: str, node: ast.expr | ast.Return, fault: ast.AST) -> Mutant:
    """The text with `fault` in the node's place, which counts its columns in bytes of UTF-8."""
    raw = text.encode()
    lines = [0, *itertools.accumulate(len(line) + 1 for line in raw.split(b"\n"))]
    start = lines[node.lineno - 1] + node.col_offset
    end = lines[(node.end_lineno or 0) - 1] + (node.end_col_offset or 0)
    said = ast.unparse(fault)
    inserted = (said if isinstance(fault, ast.Return) else f"({said})").encode()
    return Mutant(
        module=module,
        number=node.lineno,
        before=" ".join(raw[start:end].decode().split()),
        after=said,
        text=(raw[:start] + inserted + raw[end:]).decode(),
    )


def own_tests(module: str) -> list[str]:
    """The test files that hold a module: its mirror, where there is one, and those that TESTS names."""
    room, name = os.path.split(module)
    mirror = f"tests/unit/{room}/test_{name}"
    return [*([mirror] if (ROOT / mirror).exists() else []), *TESTS.get(module, ())]


def passes(folder: Path, tests: list[str]) -> bool:
    """Whether the tests pass on the copy of the package in `folder`."""
    options = ["-x", "-n", "0", "-p", "no:cacheprovider", "-m", "fast or slow", "--hypothesis-seed=0"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    try:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def survivors(folder: Path, module: str, picked: list[Mutant]) -> Iterator[Mutant]:
    """Those that the module's tests do not catch. Exits where the tests fail without a fault, too."""
    tests, file = own_tests(module), folder / PACKAGE / module
    if not tests or not passes(folder, tests):
        sys.exit(f"{module}: {' '.join(tests) or 'no tests'} must pass first")
    original = file.read_text("utf-8")
    for mutant in picked:
        file.write_text(mutant.text, "utf-8")
        if passes(folder, tests):
            yield mutant
    file.write_text(original, "utf-8")


def main() -> int:
    """Plant, test, and print the share that was caught; 1 when it is below AIM."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", default=list(TESTS), metavar="MODULE")
    parser.add_argument("--seed", type=int, default=20)
    parser.add_argument("--each", type=int, default=10, metavar="N", help="faults in each module")
    asked = parser.parse_args()
    number = missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            copied = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
            copied(ROOT / part, folder / part)
        for module in asked.modules:
            known = list(mutants(module, (ROOT / PACKAGE / module).read_text("utf-8")))
            picked = random.Random(f"{asked.seed} {module}").sample(known, min(asked.each, len(known)))
            left = list(survivors(folder, module, picked))
            print(f"{module}: {len(picked) - len(left)} of {len(picked)} caught", flush=True)
            for mutant in left:
                print(f"  line {mutant.number}: {mutant.before}  ->  {mutant.after}", flush=True)
            number, missed = number + len(picked), missed + len(left)
    share = 1 - missed / number
    print(f"{number - missed} of {number} caught, {share:.0%} (aim: {AIM:.0%})")
    return int(share < AIM)


if __name__ == "__main__":
    sys.exit(main())
