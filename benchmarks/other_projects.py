"""`samplemind test` and `test --changed` beside plain pytest on other projects: the same outcomes?

Takes their sdists from PyPI, gives each an environment of its own, and makes one change after another, each undone
before the next. Wherever pytest fails, `test --changed` has to fail; `ran` says how many tests it took to see it.
Then it breaks one function after another, chosen at random: `test --changed` has to run every test that fails.
Two workers (`-n 2`) have to end as one process does; httpx has a server on a fixed port, and waits for ever with them,
with plain pytest too.

    python benchmarks/other_projects.py [PROJECT]... [--keep FOLDER] [--python PYTHON] [--functions N] [--seed N]

Exits with 1 if one stayed green that pytest calls red, if a test that fails was not run, if `samplemind test` told
other numbers of passed, skipped and failed tests than pytest, or if it left a file that pytest does not leave.
"""

import argparse
import ast
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BROKEN = "\nraise RuntimeError('changed')\n"
# By project: what its tests need, a module of it, a function that many of its tests call, and their folder.
PROJECTS = {
    "click": (["pytest"], "src/click/types.py", "def convert_type(", "tests"),
    "attrs": (["pytest", "hypothesis", "cloudpickle"], "src/attr/_make.py", "def attrib(", "tests"),
    "jinja2": (["pytest", "trio"], "src/jinja2/lexer.py", "def get_lexer(", "tests"),
    "pluggy": (["pytest", "pytest-benchmark", "coverage"], "src/pluggy/_execution.py", "def _multicall(", "testing"),
    "httpx": (
        [
            *[
                "pytest",
                "trio",
                "trustme",
                "uvicorn",
                "chardet",
                "cryptography",
                "brotli",
                "zstandard",
                "socksio",
                "h2",
            ],
            *["click<9", "pygments", "rich<14"],
        ],
        "httpx/_urlparse.py",
        "def urlparse(",
        "tests",
    ),
    "marshmallow": (["pytest", "simplejson"], "src/marshmallow/utils.py", "def is_collection(", "tests"),
    "structlog": (
        ["pytest", "pytest-asyncio", "simplejson", "time-machine", "twisted"],
        "src/structlog/_config.py",
        "def wrap_logger(",
        "tests",
    ),
    "tenacity": (["pytest", "tornado"], "tenacity/_utils.py", "def to_seconds(", "tests"),
    "more-itertools": (["pytest"], "more_itertools/recipes.py", "def take(", "tests"),
    "packaging": (
        ["pytest", "hypothesis", "pretend", "tomli_w", "pip"],
        "src/packaging/utils.py",
        "def canonicalize_name(",
        "tests",
    ),
    "itsdangerous": (
        ["pytest", "freezegun"],
        "src/itsdangerous/encoding.py",
        "def want_bytes(",
        "tests/test_itsdangerous",
    ),
    "h11": (["pytest"], "h11/_util.py", "def validate(", "h11/tests"),
    "tomlkit": (["pytest", "pyyaml"], "tomlkit/_utils.py", "def escape_string(", "tests"),
    "cachetools": (["pytest"], "src/cachetools/keys.py", "def hashkey(", "tests"),
    "starlette": (
        [
            *["pytest", "httpx", "trio", "itsdangerous", "jinja2", "python-multipart", "pyyaml"],
            "typing_extensions",
        ],
        "starlette/routing.py",
        "def compile_path(",
        "tests",
    ),
    "python-dotenv": (["pytest", "click", "sh", "ipython"], "src/dotenv/parser.py", "def parse_stream(", "tests"),
    "pydantic-settings": (
        ["pytest", "pytest-mock", "pytest-examples", "moto", "boto3"],
        "pydantic_settings/utils.py",
        "def path_type_label(",
        "tests",
    ),
    "werkzeug": (
        ["pytest", "pytest-timeout", "ephemeral-port-reserve", "cryptography", "watchdog"],
        "src/werkzeug/http.py",
        "def quote_header_value(",
        "tests",
    ),
    "sqlparse": (["pytest"], "sqlparse/utils.py", "def split_unquoted_newlines(", "tests"),
    "networkx": (["pytest"], "networkx/utils/misc.py", "def flatten(", "networkx/utils/tests"),
}
ALONE = {"httpx"}


class Project:
    """An unpacked sdist, installed in editable form into an environment of its own."""

    def __init__(self, name: str, folder: Path, python: str) -> None:
        self.name, self.home = name, folder / "home"
        self.left_out: list[str] = []  # what fails unchanged would hide what a change breaks
        wanted, self.module, self.function, self.tests = PROJECTS[name]
        command = [python, "-m", "venv", str(folder / "env")]
        subprocess.run(command, check=True)
        self.python = folder / "env" / "bin" / "python"
        self.root = _unpacked(self.python, name, folder)
        pip = [str(self.python), "-m", "pip", "install", "-q", *wanted, "pytest-xdist", "-e", str(self.root)]
        subprocess.run(pip, check=True)

    def run(self, *command: str, **env: str) -> tuple[int, str, float]:
        """The exit code, what was said and the seconds of a command in the project's folder."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "XDG_", "PYTHON"))}
        whole = {**kept, "VIRTUAL_ENV": str(self.python.parents[1]), "HOME": str(self.home), **env}
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=self.root, env=whole, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr, time.perf_counter() - begun

    def pytest(self, **env: str) -> tuple[int, str, float]:
        """Plain pytest."""
        return self.run(str(self.python), "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *self.left_out, **env)

    def samplemind(self, *words: str, **env: str) -> tuple[int, str, float]:
        """`samplemind test`."""
        return self.run(sys.executable, "-m", "samplemind_cli", "test", "-q", "-x", *self.left_out, *words, **env)

    def failing(self, *command: str) -> tuple[int, set[str], str, float]:
        """The exit code, the tests that fail, what was said and the seconds, as pytest's cache has them."""
        cache = self.home / "cache"
        shutil.rmtree(cache, ignore_errors=True)
        code, said, seconds = self.run(*command, *self.left_out, "-q", "-o", f"cache_dir={cache}")
        last = cache / "v" / "cache" / "lastfailed"
        return code, set(json.loads(last.read_text())) if last.exists() else set(), said, seconds

    def files(self) -> set[str]:
        """All files of the project but compiled ones."""
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*"))
        return {name for name in found if "__pycache__" not in name and "_cache" not in name}

    def leave_out_failures(self) -> None:
        """What fails as it was released, here."""
        _, said, _ = self.run(str(self.python), "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider")
        red = re.findall(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        self.left_out = [f"--deselect={test}" for test in red]
        print(f"{self.name}: {', '.join(red) or 'nothing'} fails unchanged, and is left out")


def _unpacked(python: Path, name: str, folder: Path) -> Path:
    download = ["pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", str(folder / "sdist"), name]
    subprocess.run([str(python), "-m", *download], check=True)
    [archive] = (folder / "sdist").iterdir()
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "source", filter="data")
    [root] = (folder / "source").iterdir()
    return root


@contextmanager
def written(path: Path, text: str | None) -> Iterator[None]:
    """A file has this text for a while; None: there is none."""
    before = path.read_bytes() if path.exists() else None
    if text is None:
        path.unlink()
    else:
        path.write_text(text)
    try:
        yield
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def changes(project: Project) -> Iterator[tuple[str, Callable[[], object], dict[str, str]]]:
    """What changes, how to make it (a context), and the environment meanwhile."""
    root, tests = project.root, project.root / project.tests
    module = root / project.module
    text = module.read_text()
    start = text.index(project.function)
    body = text.index("\n    ", text.index(":\n", start))
    test = min(tests.glob("test_*.py"))
    settings = (root / "pyproject.toml").read_text()
    strict = settings.replace("[tool.pytest.ini_options]", "[tool.pytest.ini_options]\nrequired_plugins = 'absent'")
    strict = (
        strict
        if strict != settings
        else settings.replace("[tool.pytest]", "[tool.pytest]\nrequired_plugins = ['absent']")
    )
    hook = "def pytest_runtest_setup(item):\n    raise RuntimeError('changed')\n"
    yield "nothing", lambda: written(test, test.read_text()), {}
    yield "a function", lambda: written(module, text[:body] + "\n    raise RuntimeError('changed')" + text[body:]), {}
    yield "a module", lambda: written(module, text + BROKEN), {}
    yield "a test", lambda: written(test, test.read_text() + "\n\ndef test_new():\n    assert False\n"), {}
    yield "settings in pyproject.toml", lambda: written(root / "pyproject.toml", strict), {}
    yield "a pytest.ini in front", lambda: written(root / "pytest.ini", "[pytest]\nrequired_plugins = absent\n"), {}
    yield "a new conftest.py", lambda: written(root / "conftest.py", hook), {}
    yield "a module in front", lambda: written(tests / "random.py", BROKEN), {}
    yield "PYTEST_ADDOPTS", lambda: written(test, test.read_text()), {"PYTEST_ADDOPTS": "-p absent"}
    yield (
        "an environment variable",
        lambda: written(test, test.read_text()),
        {"PYTHONPATH": "/nowhere", "NO_COLOR": "1"},
    )
    yield "a file that went", lambda: written(module, None), {}
    site = next((project.python.parents[1] / "lib").glob("python*/site-packages"))
    yield (
        "a module in site-packages",
        lambda: written(site / "sitecustomize.py", "import builtins\ndel builtins.len\n"),
        {},
    )


def functions(project: Project, seed: int, count: int) -> list[tuple[Path, str, int, int]]:
    """File, name, and line and column of the first statement of functions chosen at random."""
    package = (project.root / project.module).parent
    found = []
    for path in sorted(package.rglob("*.py")):
        if "test" in str(path.relative_to(project.root)):
            continue
        found += [
            (path, node.name, node.body[0].lineno, node.body[0].col_offset)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.body[0].lineno > node.lineno
        ]
    return random.Random(seed).sample(found, min(count, len(found)))


def break_functions(project: Project, seed: int, count: int) -> bool:
    """Print a line for each function that is broken; whether every test that fails was run, and fails."""
    ours = (sys.executable, "-m", "samplemind_cli", "test", "--changed")
    project.failing(*ours)
    saved = project.home.with_name("saved-functions")
    shutil.copytree(project.home, saved)
    good = True
    for path, name, line, column in functions(project, seed, count):
        lines = path.read_text().splitlines(keepends=True)
        lines.insert(line - 1, " " * column + "raise RuntimeError('changed')\n")
        with written(path, "".join(lines)):
            code, chosen, said, seconds = project.failing(*ours)
            expected, failed, _, plain = project.failing(str(project.python), "-m", "pytest")
        same = bool(code) == bool(expected) and failed <= chosen
        good = good and same
        ran = re.search(r"ran (\d+ of \d+)", said)
        print(
            f"  {'' if same else 'WRONG '}{path.name}:{line} {name}: pytest {expected}, {len(failed)} fail "
            f"in {plain:.1f} s, --changed {code}, {len(chosen)} fail, ran {ran[1] if ran else 'none'} "
            f"in {seconds:.1f} s {sorted(failed - chosen)[:3] or ''}",
            flush=True,
        )
        shutil.rmtree(project.home)
        shutil.copytree(saved, project.home)
    return good


def counts(said: str) -> dict[str, int]:
    """How many tests ended how, as pytest's last line has it."""
    told = re.findall(r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?)\b", said)
    return {kind: int(number) for number, kind in told}


def compare(project: Project) -> bool:
    """Print a line for every change; whether each was as pytest has it."""
    project.leave_out_failures()
    plain = project.pytest()
    before = project.files()
    ours = project.samplemind()
    good = plain[0] == ours[0] == 0
    if left := project.files() - before:
        good = False
        print(f"  WRONG left behind: {sorted(left)[:5]}")
    same = counts(plain[1]) == counts(ours[1])
    good = good and same
    print(f"  {'' if same else 'WRONG '}pytest tells {counts(plain[1])}, samplemind test {counts(ours[1])}")
    print(f"{project.name}: pytest {plain[0]} in {plain[2]:.1f} s, samplemind test {ours[0]} in {ours[2]:.1f} s")
    if project.name not in ALONE:
        workers = project.samplemind("-n", "2")
        good = good and workers[0] == 0 and counts(workers[1]) == counts(plain[1])
        print(f"  with two workers {workers[0]} in {workers[2]:.1f} s")
    first = project.samplemind("--changed")
    print(f"  first --changed {first[0]} in {first[2]:.1f} s")
    saved = project.home.with_name("saved")
    shutil.copytree(project.home, saved)
    for name, make, env in list(changes(project)):
        with make():  # type: ignore[attr-defined]
            code, said, seconds = project.samplemind("--changed", **env)
            expected = project.pytest(**env)
        same = bool(code) == bool(expected[0])
        good = good and same
        ran = re.search(r"ran (\d+ of \d+)", said)
        told = f"{name}: pytest {expected[0]} in {expected[2]:.1f} s, --changed {code} in {seconds:.1f} s"
        print(f"  {'' if same else 'WRONG '}{told}, ran {ran[1] if ran else 'none'}", flush=True)
        shutil.rmtree(project.home)
        shutil.copytree(saved, project.home)
    return good


def main() -> int:
    """Compare on the projects named, or on all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*", default=[*PROJECTS], metavar="PROJECT")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="unpack here, and leave it")
    parser.add_argument("--python", default=sys.executable, help="for the projects")
    parser.add_argument("--functions", type=int, default=10, metavar="N", help="to break, of each project")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="another one breaks other functions")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.keep or Path(temporary)
        for name in asked.projects:
            (folder / name).mkdir(parents=True)
        projects = [Project(name, folder / name, asked.python) for name in asked.projects]
        good = [compare(each) & break_functions(each, asked.seed, asked.functions) for each in projects]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
