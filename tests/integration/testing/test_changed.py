"""Each way to a stale green, tried on a small project: `samplemind test --changed` must not be fooled."""

import os
import shutil
import sys

import pytest
from parts import warm

pytestmark = pytest.mark.integration

FILES = {
    "pytest.ini": """[pytest]
addopts = -p no:hypothesispytest -p no:anyio -p no:schemathesis
markers =
    slow: seconds
""",
    "shop/__init__.py": "",
    "shop/prices.py": "def price():\n    return 10\n\ndef unused():\n    return 1\n",
    "shop/limits.py": "LIMIT = 10\n",
    "shop/tables.py": "def build():\n    return 5\n\nTABLE = build()\n",
    "shop/stock.py": "def load():\n    return {'nut': 1}\n",
    "shop/tool.py": "CODE = 0\nif __name__ == '__main__':\n    raise SystemExit(CODE)\n",
    "shop/late.py": "def answer():\n    return 42\n",
    "shop/child.py": "from shop.late import answer\n\ndef answered(queue):\n    queue.put(answer())\n",
    "data/greeting.txt": "hello",
    "data/parts/one.txt": "1",
    "conftest.py": """
import pytest
from shop.stock import load

@pytest.fixture(scope="session")
def stock():
    return load()
""",
    "test_shop.py": """
import multiprocessing, subprocess, sys
from pathlib import Path
import pytest
from shop.prices import price
from shop.limits import LIMIT
from shop.tables import TABLE

def test_price():
    assert price() == 10

@pytest.mark.slow
def test_slow_price():
    assert price() == 10

def test_limit():
    assert LIMIT == 10

def test_table():
    assert TABLE == 5

def test_data():
    assert Path("data/greeting.txt").read_text() == "hello"

def test_folder():
    assert len(list(Path("data/parts").iterdir())) == 1

def test_process():
    assert subprocess.run([sys.executable, "-m", "shop.tool"]).returncode == 0

def test_spawned(monkeypatch):
    from shop.child import answered
    monkeypatch.setattr("__main__.__spec__", None)  # else the child would import pytest before all
    monkeypatch.delattr("__main__.__file__", raising=False)
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    child = context.Process(target=answered, args=(queue,))
    child.start()
    assert queue.get(timeout=30) == 42
    child.join()

def test_first_with_stock(stock):
    assert stock

def test_second_with_stock(stock):
    assert stock["nut"] == 1
""",
}


PRIVATE = (
    "XDG_",
    "PYTEST_",
    "COV",
    "SAMPLEMIND_",
    "OLLAMA_",
    "DOCKER_",
    "COMPOSE_",
    "OTEL_",
)  # not in every test the same


class Project:
    """A project whose tests have run once, in two workers; `restore` takes it back to that moment."""

    def __init__(self, folder):
        self.root, self.home, self.saved = folder / "shop", folder / "home", folder / "saved"
        for name, text in FILES.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_text(text)
        self.first = self.test("--changed", "--all", "-n2")
        for part in (self.root, self.home):
            shutil.copytree(part, self.saved / part.name)

    def restore(self):
        for part in (self.root, self.home):
            shutil.rmtree(part)
            shutil.copytree(self.saved / part.name, part)

    def edit(self, name, old, new):
        text = (self.root / name).read_text()
        assert old in text
        (self.root / name).write_text(text.replace(old, new))

    def test(self, *arguments, **env):
        clean = {name: value for name, value in os.environ.items() if not name.startswith(PRIVATE)}
        env = {**clean, "HOME": str(self.home), "PYTHONDONTWRITEBYTECODE": "1", **env}
        return warm.run(warm.test, *arguments, cwd=self.root, env=env)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("changed"))


@pytest.fixture
def project(built):
    built.restore()
    return built


def failed(done):
    return sorted(line.split("::")[1].split()[0] for line in done.stdout.splitlines() if line.startswith("FAILED"))


def test_the_first_run_takes_all_and_nothing_changed_takes_none(project):
    assert project.first.returncode == 0, project.first.stdout
    assert "10 passed" in project.first.stdout
    done = project.test("--changed", "--all")
    assert done.returncode == 0
    assert "ran 0 of 10 known tests" in done.stderr


def test_an_edited_function_runs_its_tests_only(project):
    project.edit("shop/prices.py", "return 10", "return 11")
    done = project.test("--changed", "--all")
    assert done.returncode == 1
    # The test that starts a process may depend on any file.
    assert failed(done) == ["test_price", "test_slow_price"]
    assert "ran 4 of 10 known tests" in done.stderr


def test_what_a_test_used_beside_its_code_is_not_called_green_until_it_passes(project):
    project.edit("data/greeting.txt", "hello", "bye")
    project.edit("shop/tool.py", "CODE = 0", "CODE = int('1')")
    project.edit("shop/late.py", "42", "43")
    (project.root / "data/parts/two.txt").write_text("2")
    for how in ("-n1", "--serial"):  # a failed test stays failed
        done = project.test("--changed", "--all", how)
        assert done.returncode == 1
        assert failed(done) == ["test_data", "test_folder", "test_process", "test_spawned"]
        assert "ran 4 of 10 known tests" in done.stderr
    project.edit("data/greeting.txt", "bye", "hello")
    project.edit("shop/tool.py", "int('1')", "0")
    project.edit("shop/late.py", "43", "42")
    (project.root / "data/parts/two.txt").unlink()
    assert project.test("--changed", "--all").returncode == 0


def test_what_ran_outside_of_any_test_is_not_called_green(project):
    project.edit("shop/limits.py", "10", "11")  # a constant
    project.edit("shop/tables.py", "return 5", "return 6")  # a function called at import
    project.edit("shop/stock.py", "1", "2")  # code behind a shared fixture
    hook = "\ndef pytest_runtest_setup(item):\n    assert item.name != 'test_data'\n"
    project.edit("conftest.py", "import pytest\n", "import pytest\n" + hook)
    done = project.test("--changed", "--all")
    assert failed(done) == ["test_limit", "test_second_with_stock", "test_table"]
    assert "ERROR test_shop.py::test_data" in done.stdout
    assert "because of: conftest.py, shop/limits.py, shop/stock.py, shop/tables.py\n" in done.stderr


def test_a_run_of_everything_tells_what_recording_costs_where_python_has_no_sys_monitoring(project):
    assert "two to five times" not in project.test("--changed", "--all").stderr
    project.edit("conftest.py", "import pytest\n", "import pytest\nLIMIT = 1\n")
    told = project.test("--changed", "--all").stderr
    assert ("two to five times as long as pytest alone" in told) == (sys.version_info < (3, 12))


@pytest.mark.parametrize("option", ["--setup-plan", "--setup-only"])
def test_a_run_of_the_fixtures_alone_is_refused_and_calls_nothing_green(project, option):
    project.edit("shop/prices.py", "return 10", "return 11")
    done = project.test("--changed", "--all", PYTEST_ADDOPTS=option)
    assert (done.returncode, option in done.stderr) == (4, True)
    assert failed(project.test("--changed", "--all")) == ["test_price", "test_slow_price"]


def test_narrowing_the_tests_keeps_the_selection_on(project):
    assert project.test("--changed", "--all", "-k", "price or limit").returncode == 0
    assert "ran 0 of 3 known tests" in project.test("--changed", "--all", "-k", "price or limit").stderr
    project.edit("shop/prices.py", "return 10", "return 11")
    done = project.test("--changed", "--all", "-k", "price or limit")
    assert failed(done) == ["test_price", "test_slow_price"]
    assert "ran 2 of 3 known tests" in done.stderr


def test_a_test_left_out_by_a_filter_is_still_stale_without_it(project):
    project.edit("shop/prices.py", "return 10", "return 11")
    assert project.test("--changed", "--all", "-k", "limit").returncode == 0
    assert failed(project.test("--changed", "--all")) == ["test_price", "test_slow_price"]


def test_a_run_of_everything_that_was_cut_short_leaves_everything_to_do(project):
    project.edit("shop/limits.py", "10", "11")
    project.edit("shop/tables.py", "return 5", "return 6")
    assert len(failed(project.test("--changed", "--all", "-x"))) == 1  # whichever was the quicker of the two before
    assert failed(project.test("--changed", "--all")) == ["test_limit", "test_table"]


def test_coverage_of_the_project_s_own_does_not_fail_a_changed_run_and_its_variables_stay(project):
    project.edit("pytest.ini", "addopts =", "addopts = --cov=shop --cov-branch --cov-fail-under=100")
    core = "def test_core():\n    import os\n    assert os.environ['COVERAGE_CORE'] == 'sysmon'\n\n"
    project.edit("test_shop.py", "def test_price", core + "def test_price")
    assert project.test("--changed", "--all", COVERAGE_CORE="sysmon").returncode == 0
    done = project.test("--changed", "--all", COVERAGE_CORE="sysmon")
    assert (done.returncode, "ran 0 of 11 known tests" in done.stderr) == (0, True)
