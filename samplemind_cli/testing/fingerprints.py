"""What a file, a folder, a piece of code or a whole project looks like now, as short digests."""

import ast
import os
import subprocess
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path

SKIPPED = {".git", "__pycache__", "node_modules", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"}
Snapshot = dict[str, tuple[int, int]]


def digest(data: bytes) -> str:
    """A short digest; 64 bits are plenty to see a change."""
    return blake2b(data, digest_size=8).hexdigest()


def of_file(path: Path) -> str:
    """The digest of a file's bytes; empty when it is gone."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""


def of_folder(path: Path) -> str:
    """The digest of the names in a folder, without hidden ones and caches; empty when it is gone."""
    try:
        names = sorted(file.name for file in path.iterdir() if file.name not in SKIPPED and file.name[0] != ".")
    except OSError:
        return ""
    return digest(os.fsencode("\n".join(names)))


def of_code(path: Path) -> dict[int, str]:
    """Digests of a Python file's functions by first line; line 0 is what the module itself does when imported.

    The module's part holds everything but function bodies, and no plain function at its top level: adding one changes
    nothing for who does not call it. A method counts by its signature, since it may replace an inherited one.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except OSError:
        return {}
    except (SyntaxError, ValueError):  # newer than this Python, perhaps: then the whole file is one piece
        return {0: of_file(path)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    found = {_first_line(function): digest(ast.dump(function).encode()) for function in functions}
    tree.body = [node for node in tree.body if node not in functions or getattr(node, "decorator_list", None)]
    for function in functions:
        function.body = []
    return {**found, 0: digest(ast.dump(tree).encode())}


def _first_line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return min([function.lineno, *(decorator.lineno for decorator in function.decorator_list)])


def snapshot(root: Path) -> Snapshot:
    """Size and time of change (ns) of every file of the project: what git tracks or would, else all but caches.

    What this process says is no change of the project, wherever its output goes.
    """
    found: Snapshot = {}
    said = {place for number in (1, 2) if (place := _place(number))}
    for name in _git_files(root) or _walked(root):
        if name.startswith((".coverage", ".testmondata")):
            continue
        try:
            status = (root / name).stat()
        except OSError:
            continue
        if (status.st_dev, status.st_ino) not in said:
            found[name] = (status.st_size, status.st_mtime_ns)
    return found


def changes(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """The files that came, went or differ, sorted."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _place(number: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(number)
    except OSError:  # it is closed
        return None
    return status.st_dev, status.st_ino


def _git_files(root: Path) -> list[str]:
    if not any(os.path.exists(folder / ".git") for folder in (root, *root.parents)):
        return []
    git = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(git, cwd=root, capture_output=True, check=True)  # noqa: S603 - a fixed command
    except (OSError, subprocess.CalledProcessError):
        return []
    return [os.fsdecode(name) for name in done.stdout.split(b"\0") if name]


def _walked(root: Path) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root):
        folders[:] = [f for f in folders if f not in SKIPPED and not os.path.exists(Path(folder, f, "pyvenv.cfg"))]
        found += [os.path.relpath(Path(folder, name), root) for name in files if not name.endswith(".pyc")]
    return found
