"""A change of any kind that makes pytest fail makes `samplemind test --changed` fail: each with a project of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from parts import warm

pytestmark = pytest.mark.integration

INI = {"pytest.ini": "[pytest]\n"}
WARNS = {"test_w.py": "import warnings\ndef test_w():\n    warnings.warn('old', DeprecationWarning)\n"}
USES_M = {"test_a.py": "from m import A\ndef test_a():\n    assert A == 1\n", "a/m.py": "A = 1\n"}
PATH_A = {"pytest.ini": "[pytest]\npythonpath = a\n", **USES_M}
GETS = "import os\ndef test():\n    assert os.environ.get('MODE', 'a') == 'a'\n"
READS = "from pathlib import Path\nHERE = Path(__file__).parent\n"
NO_PLUGINS = "-p no:hypothesispytest -p no:anyio -p no:schemathesis -p no:pytest_cov"

FILLS = {
    "its class's attribute": "class C:\n    x = None\n    @classmethod\n    def f(cls):\n        if not cls.x:\n"
    "            cls.x = g()\n        return cls.x\nf = C.f\n",
    "a single instance": "class C:\n    one = None\n    def __new__(cls):\n        if not cls.one:\n"
    "            cls.one = super().__new__(cls)\n            cls.one.x = g()\n        return cls.one\n"
    "def f():\n    return C().x\n",
    "the class of an instance": "class C:\n    x = None\n    def f(self):\n        if not self.x:\n"
    "            self.__class__.x = g()\n        return self.x\ndef f():\n    return C().f()\n",
    "an attribute of something global": "class C:\n    x = None\nc = C()\ndef f():\n    if not c.x:\n        c.x = g()\n"
    "    return c.x\n",
    "a global dictionary": "KEPT = {}\ndef f(k=1):\n    if k not in KEPT:\n        KEPT[k] = g()\n    return KEPT[k]\n",
    "a dictionary of a class": "class C:\n    kept = {}\n    @classmethod\n    def f(cls, k=1):\n"
    "        if k not in cls.kept:\n            cls.kept[k] = g()\n        return cls.kept[k]\nf = C.f\n",
    "a global list": "KEPT = []\ndef f():\n    if not KEPT:\n        KEPT.append(g())\n    return KEPT[0]\n",
    "a dictionary of a class by a method": "class C:\n    kept = {}\n    @classmethod\n    def f(cls):\n"
    "        return cls.kept[1] if cls.kept else cls.kept.setdefault(1, g())\nf = C.f\n",
    "a decorator's dictionary": "def memo(function):\n    kept = {}\n    def inner(k=1):\n        if k not in kept:\n"
    "            kept[k] = function(k)\n        return kept[k]\n    return inner\n@memo\ndef f(k):\n    return g()\n",
}

# By name: the files before, what changes (a text of None removes the file), and the environment of the second run.
CASES = {
    "settings in pytest.ini": (INI | WARNS, {"pytest.ini": "[pytest]\nfilterwarnings = error\n"}, {}),
    "settings in a pytest.ini that is new": (WARNS | {"setup.cfg": ""}, {"pytest.ini": "[pytest]\nfilterwarnings = error"}, {}),
    "settings in tox.ini": (WARNS | {"tox.ini": "[pytest]\n"}, {"tox.ini": "[pytest]\naddopts = -W error\n"}, {}),
    "settings in setup.cfg": (
        WARNS | {"setup.cfg": "[tool:pytest]\n"}, {"setup.cfg": "[tool:pytest]\naddopts = -W error\n"}, {},
    ),
    "settings in pyproject.toml": (
        WARNS | {"pyproject.toml": "[tool.pytest.ini_options]\n"},
        {"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-W error'\n"}, {},
    ),
    "settings in PYTEST_ADDOPTS": (INI | WARNS, {}, {"PYTEST_ADDOPTS": f"{NO_PLUGINS} -W error"}),
    "settings in PYTHONWARNINGS": (INI | WARNS, {}, {"PYTHONWARNINGS": "error::DeprecationWarning"}),
    "a new conftest.py": (PATH_A, {"conftest.py": "import m\nm.A = 5\n"}, {}),
    "a new conftest.py beside nested tests": (
        INI | {"t/deep/test_a.py": "def test():\n    pass\n"},
        {"t/conftest.py": "import pytest\n@pytest.fixture(autouse=True)\ndef no():\n    raise OSError\n"}, {},
    ),
    "a conftest.py that went": (
        INI | {"conftest.py": "import builtins\nbuiltins.LIMIT = 1\n", "test_a.py": "def test():\n    assert LIMIT == 1\n"},
        {"conftest.py": None}, {},
    ),
    "a module in front of another": (
        {**PATH_A, "pytest.ini": "[pytest]\npythonpath = b a\n", "b/x.txt": ""}, {"b/m.py": "A = 2\n"}, {},
    ),
    "a package in front of a module": (PATH_A, {"a/m/__init__.py": "A = 2\n"}, {}),
    "a module in front of the standard library's": (
        INI | {"test_a.py": "def test():\n    import colorsys\n    assert colorsys.rgb_to_hsv\n"}, {"colorsys.py": ""}, {},
    ),
    "a module in front of an installed one": (
        INI | {"test_a.py": "def test():\n    import iniconfig\n    assert iniconfig.IniConfig\n"}, {"iniconfig.py": ""}, {},
    ),
    "a module that was not there when it was tried": (
        INI | {"test_a.py": "try:\n    import speedups\nexcept ImportError:\n    speedups = None\ndef test():\n    assert not speedups\n"},
        {"speedups.py": ""}, {},
    ),
    "a package that becomes none": (
        INI | {"p/__init__.py": "A = 1\n", "test_a.py": "import p\ndef test():\n    assert p.A\n"}, {"p/__init__.py": None}, {},
    ),
    "a data file": (INI | {"x": "1", "test_a.py": f"{READS}def test():\n    assert (HERE / 'x').read_text() == '1'\n"}, {"x": "2"}, {}),
    "a data file that went": (INI | {"x": "1", "test_a.py": f"{READS}def test():\n    assert (HERE / 'x').read_text()\n"}, {"x": None}, {}),
    "a data file that came": (INI | {"test_a.py": f"{READS}def test():\n    assert not (HERE / 'x').exists()\n"}, {"x": "2"}, {}),
    "a file that os.path sees": (
        INI | {"test_a.py": f"import os\n{READS}def test():\n    assert not os.path.exists(HERE / 'x')\n"}, {"x": "2"}, {},
    ),
    "a file that os.stat sees": (
        INI | {"x": "1", "test_a.py": f"import os\n{READS}def test():\n    assert os.stat(HERE / 'x').st_size == 1\n"}, {"x": "22"}, {},
    ),
    "a folder's names": (
        INI | {"d/x": "", "test_a.py": f"{READS}def test():\n    assert len(list((HERE / 'd').glob('*'))) == 1\n"}, {"d/y": ""}, {},
    ),
    "package data": (
        PATH_A | {"a/m.py": "from importlib.resources import files\nA = 1\n", "a/p/__init__.py": "", "a/p/x": "1",
         "test_a.py": "from importlib.resources import files\ndef test():\n    assert files('p').joinpath('x').read_text() == '1'\n"},
        {"a/p/x": "2"}, {},
    ),
    "package data by pkgutil": (
        PATH_A | {"a/p/__init__.py": "", "a/p/x": "1",
         "test_a.py": "import pkgutil\ndef test():\n    assert pkgutil.get_data('p', 'x') == b'1'\n"},
        {"a/p/x": "2"}, {},
    ),
    "the source that a test looks at": (
        PATH_A | {"a/m.py": "def f():\n    return 1\n",
         "test_a.py": "import inspect, m\ndef test():\n    assert 'return 1' in inspect.getsource(m)\n"},
        {"a/m.py": "def f():\n    return 2\n"}, {},
    ),
    "a doctest in a text": (
        INI | {"pytest.ini": "[pytest]\naddopts = --doctest-glob=*.rst\n", "doc.rst": ">>> 1 + 1\n2\n"}, {"doc.rst": ">>> 1 + 1\n3\n"}, {},
    ),
    "a doctest in a module": (
        INI | {"pytest.ini": "[pytest]\naddopts = --doctest-modules\n", "m.py": 'def f():\n    """\n    >>> 1\n    1\n    """\n'},
        {"m.py": 'def f():\n    """\n    >>> 1\n    2\n    """\n'}, {},
    ),
    "an environment variable": (INI | {"test_a.py": GETS}, {}, {"MODE": "b"}),
    "an environment variable by os.getenv": (
        INI | {"test_a.py": "import os\ndef test():\n    assert not os.getenv('MODE')\n"}, {}, {"MODE": "b"},
    ),
    "an environment variable among all": (
        INI | {"test_a.py": "import os\ndef test():\n    assert 'MODE' not in dict(os.environ)\n"}, {}, {"MODE": "b"},
    ),
    "an environment variable of a module": (
        INI | {"m.py": "import os\nMODE = 'MODE' in os.environ\n", "test_a.py": "import m\ndef test():\n    assert not m.MODE\n"},
        {}, {"MODE": "b"},
    ),
    "an environment variable of a program": (
        INI | {"test_a.py": "import subprocess\ndef test():\n    assert subprocess.call('test -z \"$MODE\"', shell=True) == 0\n"},
        {}, {"MODE": "b"},
    ),
    "a file's mode": (
        INI | {"x.sh": "#!/bin/sh\n", "test_a.py": f"import subprocess\n{READS}def test():\n    subprocess.run([HERE / 'x.sh'], check=True)\n"},
        {"x.sh": 0o644}, {},
    ),
    "a file's mode that a test asks for": (
        INI | {"x.sh": "", "test_a.py": f"{READS}def test():\n    assert (HERE / 'x.sh').stat().st_mode & 0o100\n"}, {"x.sh": 0o644}, {},
    ),
    "two methods that swap their bodies": (
        PATH_A | {"a/m.py": "class A:\n    def f(self):\n        return 1\nclass B:\n    def f(self):\n        return 2\n",
         "test_a.py": "import m\ndef test():\n    assert m.A().f() == 1\n"},
        {"a/m.py": "class A:\n    def f(self):\n        return 2\nclass B:\n    def f(self):\n        return 1\n"}, {},
    ),
    "a function that hides another": (
        PATH_A | {"a/m.py": "def f():\n    return len('a')\n", "test_a.py": "import m\ndef test():\n    assert m.f() == 1\n"},
        {"a/m.py": "def f():\n    return len('a')\ndef len(x):\n    return 2\n"}, {},
    ),
    "what a cached function calls": (
        PATH_A | {"a/m.py": "from functools import cache\n@cache\ndef f():\n    return g()\ndef g():\n    return 1\n",
         "test_a.py": "import m\ndef test_1():\n    m.f()\ndef test_2():\n    assert m.f() == 1\n"},
        {"a/m.py": "from functools import cache\n@cache\ndef f():\n    return g()\ndef g():\n    return 2\n"}, {},
    ),
    "what fills a global variable": (
        PATH_A | {"a/m.py": "X = None\ndef f():\n    global X\n    if not X:\n        X = g()\n    return X\ndef g():\n    return 1\n",
         "test_a.py": "import m\ndef test_1():\n    m.f()\ndef test_2():\n    assert m.f() == 1\n"},
        {"a/m.py": "X = None\ndef f():\n    global X\n    if not X:\n        X = g()\n    return X\ndef g():\n    return 2\n"}, {},
    ),
    **{
        f"what fills {name}": (
            PATH_A | {"a/m.py": f"{text}\ndef g():\n    return 1\n",
             "test_a.py": "import m\ndef test_1():\n    m.f()\ndef test_2():\n    assert m.f() == 1\n"},
            {"a/m.py": f"{text}\ndef g():\n    return 2\n"}, {},
        )
        for name, text in FILLS.items()
    },
    "what a test file takes from another": (
        INI | {"test_base.py": "LIMIT = 1\ndef test():\n    pass\n", "test_b.py": "from test_base import LIMIT\ndef test():\n    assert LIMIT == 1\n"},
        {"test_base.py": "LIMIT = 2\ndef test():\n    pass\n"}, {},
    ),
    "a plugin of the project": (
        INI | {"conftest.py": "pytest_plugins = ['plug']\n", "plug.py": "", "test_a.py": "def test():\n    pass\n"},
        {"plug.py": "def pytest_runtest_setup(item):\n    raise OSError\n"}, {},
    ),
    "a text that is compiled with its name": (
        INI | {"page": "x = 1\n",
         "test_a.py": f"{READS}CODE = compile((HERE / 'page').read_text(), HERE / 'page', 'exec')\n"
         "def test():\n    n = {}\n    exec(CODE, n)\n    assert n['x'] == 1\n"},
        {"page": "x = 2\n"}, {},
    ),
    "a thread": (
        PATH_A | {"a/m.py": "def f(found):\n    found.append(1)\n",
         "test_a.py": "import m, threading\ndef test():\n    found = []\n    t = threading.Thread(target=m.f, args=(found,))\n"
         "    t.start()\n    t.join()\n    assert found == [1]\n"},
        {"a/m.py": "def f(found):\n    found.append(2)\n"}, {},
    ),
    "a generator that another test began": (
        PATH_A | {"a/m.py": "def g():\n    yield 1\n    yield 1\nG = g()\n",
         "test_a.py": "import m\ndef test_1():\n    assert next(m.G)\ndef test_2():\n    assert next(m.G) == 1\n"},
        {"a/m.py": "def g():\n    yield 1\n    yield 2\nG = g()\n"}, {},
    ),
    "a class that unittest sets up": (
        INI | {"test_a.py": "import unittest, m\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n"
         "        cls.x = m.f()\n    def test_1(self):\n        assert self.x\n    def test_2(self):\n        assert self.x == 1\n",
         "m.py": "def f():\n    return 1\n"},
        {"m.py": "def f():\n    return 2\n"}, {},
    ),
    "parameters that a function makes": (
        INI | {"m.py": "def p():\n    return [1]\n",
         "test_a.py": "import m, pytest\n@pytest.mark.parametrize('n', m.p())\ndef test(n):\n    assert n == 1\n"},
        {"m.py": "def p():\n    return [2]\n"}, {},
    ),
}  # fmt: skip


@pytest.fixture
def project(tmp_path):
    def put(files):
        for name, text in files.items():
            path = tmp_path / "p" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                path.unlink()
            elif isinstance(text, int):
                path.chmod(text)
            else:
                path.write_text(text)
                if name.endswith(".sh"):
                    path.chmod(0o755)

    return put


# What Python does at its start, and with modules that the fork of the tests has: these need a new interpreter.
REAL = (
    "settings in PYTHONWARNINGS",
    "a module in front of the standard library's",
    "a module in front of an installed one",
)


def environment(tmp_path, **env):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "PYTEST_", "COV", "SAMPLEMIND_"))}
    return {**clean, "HOME": str(tmp_path), "PYTEST_ADDOPTS": NO_PLUGINS, "PYTHONDONTWRITEBYTECODE": "1", **env}


def changed(tmp_path, folder="p", *, real=False, **env):
    """`samplemind test --changed` there: its exit code, and all it says."""
    return run(warm.test, ["samplemind_cli", "test", "--changed", "--serial"], tmp_path, folder, real=real, env=env)


def plain(tmp_path, folder="p", *, real=False, **env):
    """pytest there; its exit code."""
    return run(warm.pytest, ["pytest", "-p", "no:cacheprovider"], tmp_path, folder, real=real, env=env)[0]


def run(work, words, tmp_path, folder, *, real, env):
    place = {"cwd": tmp_path / folder, "env": environment(tmp_path, **env)}
    if real:
        done = subprocess.run([sys.executable, "-m", *words], **place, capture_output=True, text=True, check=False)
    else:
        done = warm.run(work, *words[1 if words[0] == "pytest" else 2 :], **place)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_a_change_that_makes_pytest_fail_is_seen(tmp_path, project, name):
    before, change, env = CASES[name]
    real = name in REAL
    project(before)
    assert changed(tmp_path, real=real)[0] == 0
    code, said = changed(tmp_path, real=real)
    assert (code, "changed since the last run: nothing" in said) == (0, True), said
    project(change)
    expected = plain(tmp_path, real=real, **env)
    assert expected != 0
    assert changed(tmp_path, real=real, **env)[0] == expected


@pytest.mark.parametrize(
    ("beside", "ini"), [("src/m.py", "pythonpath = ../src"), ("lib/m.py", "addopts = --import-mode=importlib -p m")]
)
def test_code_beside_the_root_is_seen(tmp_path, project, beside, ini):
    project(
        {
            beside: "A = 1\n",
            "t/pytest.ini": f"[pytest]\n{ini}\n",
            "t/test_a.py": "import m\ndef test():\n    assert m.A == 1\n",
        }
    )
    env = {"PYTHONPATH": str((tmp_path / "p" / beside).parent)}
    assert changed(tmp_path, "p/t", **env)[0] == 0
    assert "nothing" in changed(tmp_path, "p/t", **env)[1]
    project({beside: "A = 2\n"})
    assert (plain(tmp_path, "p/t", **env), changed(tmp_path, "p/t", **env)[0]) == (1, 1)


def test_a_symbolic_link_to_another_place_is_seen(tmp_path, project):
    project(
        {
            "pytest.ini": "[pytest]\n",
            "test_a.py": "from pkg.m import A\ndef test():\n    assert A == 1\n",
            "../one/m.py": "A = 1\n",
            "../two/m.py": "A = 2\n",
        }
    )
    link = tmp_path / "p" / "pkg"
    link.symlink_to("../one")
    assert changed(tmp_path)[0] == 0
    assert "nothing" in changed(tmp_path)[1]
    link.unlink()
    link.symlink_to("../two")
    assert changed(tmp_path)[0] == 1
    project({"../two/m.py": "A = 1\n"})
    assert changed(tmp_path)[0] == 0


def test_the_same_content_written_again_is_no_change(tmp_path, project):
    project(PATH_A | {"x": "1", "test_b.py": CASES["a data file"][0]["test_a.py"]})
    assert changed(tmp_path)[0] == 0
    for name in ("a/m.py", "x", "test_a.py", "pytest.ini"):
        path = tmp_path / "p" / name
        path.write_bytes(path.read_bytes())
        os.utime(path, (1, 1))
    code, said = changed(tmp_path)
    assert (code, "changed since the last run: nothing" in said) == (0, True)


def test_another_content_with_the_same_size_and_time_is_a_change(tmp_path, project):
    project(CASES["a data file"][0])
    assert changed(tmp_path)[0] == 0
    data = tmp_path / "p" / "x"
    times = data.stat().st_atime_ns, data.stat().st_mtime_ns
    data.write_text("2")
    os.utime(data, ns=times)
    assert changed(tmp_path)[0] == 1


def test_a_test_that_talks_to_a_server_elsewhere_runs_every_time_and_one_of_its_own_does_not(tmp_path, project):
    server = "import socket\nwith socket.create_server(('127.0.0.1', 0)) as s:\n    c = socket.create_connection(s.getsockname())\n    c.close()\n"
    inner = "\n".join(f"    {line}" for line in server.splitlines())
    project({"pytest.ini": "[pytest]\n", "test_a.py": f"def test_own():\n{inner}\n"})
    assert changed(tmp_path)[0] == 0
    assert "ran 0 of 1 known tests" in changed(tmp_path)[1]
    talk = "import socket\ndef test_other():\n    try:\n        socket.create_connection(('127.0.0.1', 9), 1).close()\n    except OSError:\n        pass\n"
    project({"test_b.py": talk})
    changed(tmp_path)
    assert "what 127.0.0.1:9 answers" in changed(tmp_path)[1]


def test_what_reads_its_result_from_another_file_is_told_why_it_runs(tmp_path, project):
    project(PATH_A)
    changed(tmp_path)
    project({"a/m.py": "A = 2\n"})
    assert f"because of: {Path('a/m.py')}\n" in changed(tmp_path)[1]
    assert "$PYTHONHASHSEED" in changed(tmp_path, PYTHONHASHSEED="3")[1]


def test_code_that_a_test_makes_and_runs_is_no_change_of_the_project(tmp_path, project):
    makes = (
        "import sys, zipfile\ndef test(tmp_path, monkeypatch):\n    (tmp_path / 'made_one.py').write_text('A = 1')\n"
        "    with zipfile.ZipFile(tmp_path / 'x.zip', 'w') as packed:\n        packed.writestr('made_two.py', 'A = 1')\n"
        "    monkeypatch.syspath_prepend(tmp_path)\n    monkeypatch.syspath_prepend(tmp_path / 'x.zip')\n"
        "    import made_one, made_two\n    assert made_one.A == made_two.A\n"
    )
    project({"pytest.ini": "[pytest]\n", "test_a.py": makes})
    assert changed(tmp_path)[0] == 0
    assert "ran 0 of 1 known tests" in changed(tmp_path)[1]
