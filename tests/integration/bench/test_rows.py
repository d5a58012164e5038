"""Each group of the board on real parts: processes, Redis, the mock, `samplemind serve`."""

import json
import shutil
import subprocess
import sys
from functools import partial
from itertools import islice

import pytest

from samplemind_cli.bench import board, measure
from samplemind_cli.bench.board import BoardRun
from samplemind_cli.bench.rows import cache, frontend, serve
from samplemind_cli.bench.rows import cli as commands
from samplemind_cli.bench.workload import Zipf
from samplemind_cli.cli import COMMANDS
from samplemind_cli.mock import MockServer
from samplemind_cli.settings import Settings

pytestmark = pytest.mark.integration

# The command after more words than a pipe holds: what it says of 400 rounds is as much.
TALKATIVE = """
import sys
from samplemind_cli.__main__ import main
print("a line\\n" * 20_000, file=sys.stderr)
main()
"""


@pytest.fixture
def scores(tmp_path):
    """Measure one group, quickly: its scores by key."""

    def scores(group, *, quick=True, **settings):
        run = BoardRun(Settings.load().changed(settings, "the test"), quick, tmp_path, lambda _: None)
        return {score.row.key: score for score in board.measure([group], run)}

    return scores


def test_the_command_line_is_measured_beside_a_bare_interpreter(scores, monkeypatch, tmp_path):
    monkeypatch.setattr(commands, "QUICK", 0)
    few = partial(measure.interleaved, least=2)  # and no more rounds than that
    monkeypatch.setattr(commands.kernel, "interleaved", few)
    monkeypatch.setattr(commands, "PACKAGE", tmp_path / "package")
    (tmp_path / "package" / "commands").mkdir(parents=True)
    for name in ("ask", "pull_models", "no_such"):
        (tmp_path / "package" / "commands" / f"{name}.py").touch()
    found = scores("cli")

    assert found["cli.repeated"].now.middle > 1
    assert len(found["cli.repeated"].calibration) == len(found["cli.repeated"].samples) == 2
    assert found["cli.help"].now.middle > found["cli.version"].now.middle
    assert "no-such" in found.pop("cli.start-no-such").reason
    assert {"cli.start-ask", "cli.start-pull-models"} <= set(found)
    assert all(score.samples for key, score in found.items() if key != "cli.uncached" or shutil.which("curl"))


def test_the_start_of_every_command_is_measured():
    names = {path.stem for path in (commands.PACKAGE / "commands").glob("[!_]*.py")}

    assert names == {name.replace("-", "_") for name in COMMANDS}


def test_the_users_own_cache_and_settings_are_left_alone_and_nothing_is_compiled_at_each_start(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    env = commands.sandbox(tmp_path)

    assert not env["PYTHONDONTWRITEBYTECODE"]
    assert all(env[f"XDG_{name}_HOME"].startswith(str(tmp_path)) for name in ("CACHE", "CONFIG", "DATA", "STATE"))


@pytest.mark.skipif(not shutil.which("redis-server"), reason="redis-server is not installed")
@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "no-redis"])
def test_a_redis_that_does_not_answer_is_replaced_by_one_of_our_own_and_the_row_says_so(tmp_path, monkeypatch, url):
    monkeypatch.setattr(cache, "CALLS", 1)
    run = BoardRun(Settings(redis_url=url), quick=True, folder=tmp_path, say=print)
    found = {score.row.key: score for score in islice(cache.measure(run), 3)}  # the tiers, before the workload

    assert "started for this" in found["cache.redis-read"].note
    assert 0 < found["cache.redis-read"].now.middle < 50
    assert found["cache.redis-write"].samples


def test_without_any_redis_its_rows_are_skipped_and_the_others_are_not(scores, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(cache, "CALLS", 1)
    monkeypatch.setattr(cache, "Zipf", partial(Zipf, prompts=100, requests=200))
    found = scores("cache")

    assert found["cache.redis-read"].reason == "no Redis answers, and there is no redis-server to start"
    assert found["cache.local"].now.middle > 0
    assert found["cache.efficiency"].samples == pytest.approx((100.0,))
    assert found["cache.calls-saved"].samples[0] == pytest.approx(2 * found["cache.hit-rate"].samples[0])
    assert found["cache.dollars-saved"].now.middle > 0


def test_providers_without_a_key_and_a_daemon_that_is_not_there_are_skipped_with_the_command(scores):
    found = scores("providers", ollama_host="127.0.0.1:1")

    assert found["providers.gemini"].reason == "no key: export GEMINI_API_KEY=…"
    assert found["providers.ollama-first-token"].reason.endswith(": samplemind up ollama")
    assert found["providers.ollama-overhead"].verdict == "met"


def test_a_provider_that_is_somewhere_else_says_where(scores):
    with MockServer(models=["tiny:latest"]) as mock:
        found = scores(
            "providers",
            ollama_host=mock.url,
            ollama_model="tiny",
            openai_base_url=f"{mock.url}/v1".replace("//", "//me:secret@"),
            openai_api_key="mock",
            openai_model="tiny:latest",
        )

    assert found["providers.openai"].note == f"tiny:latest at {mock.url}/v1"
    assert len(found["providers.openai"].samples) == 3
    assert found["providers.ollama-first-token"].samples
    assert not [request for request in mock.requests if request.hung_up]  # Ollama bears it only a few times


def test_a_model_that_ollama_lacks_is_named_with_the_command_that_pulls_it(scores):
    with MockServer(models=["other:latest"]) as mock:
        found = scores("providers", ollama_host=mock.url, ollama_model="tiny")

    assert found["providers.ollama-first-token"].reason == "Ollama has no tiny: samplemind pull-models tiny"


def test_the_core_answers_a_repeated_question_in_process(scores):
    found = scores("core")

    assert 0 < found["core.hit"].now.middle < 50
    assert "--quick" in found["core.answer"].reason


def test_serve_is_measured_with_the_mock_behind_it_or_says_why_not(scores, monkeypatch):
    monkeypatch.setattr(serve, "program", lambda: [sys.executable, "-c", TALKATIVE])
    found = scores("serve")

    if subprocess.run([sys.executable, "-c", "import uvloop"], check=False, capture_output=True).returncode:
        assert "not installed" in found["serve.cached"].reason
    else:
        assert 0 < found["serve.cached"].now.middle < 100


def test_the_projects_tests_are_timed_and_red_ones_measure_nothing(scores, tmp_path, monkeypatch):
    project = tmp_path / "project"
    project.mkdir()
    (project / "pytest.ini").write_text(
        "[pytest]\naddopts = -p no:hypothesispytest -p no:anyio -p no:schemathesis -p no:pytest_cov -p no:testmon\n"
        "markers =\n    fast: quick\n    slow: not\n"
    )
    (project / "test_it.py").write_text(
        "import pytest\n\n@pytest.mark.fast\ndef test_a():\n    pass\n\n"
        "@pytest.mark.slow\n@pytest.mark.parametrize('n', 'xy')\ndef test_b(n):\n    raise AssertionError\n"
    )
    monkeypatch.chdir(project)
    monkeypatch.setenv("PYTEST_XDIST_AUTO_NUM_WORKERS", "0")  # two tests want no processes of their own
    found = scores("tests", quick=False)

    assert found["tests.fast"].note == str(project)
    assert len(found["tests.fast"].samples) == 1
    red = "FAILED test_it.py::test_b[x] - AssertionError, and 1 more"
    assert found["tests.all"].reason == f"`samplemind test --all` ended with 1: {red}"


BUILD = {"name": "shop", "scripts": {"build": "node build.js"}}


def front_end(folder, package, lock="package-lock.json"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(json.dumps(package))
    (folder / "build.js").write_text("require('fs').writeFileSync('built', 'yes')")
    if lock:
        (folder / lock).write_text("")
    return folder


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
@pytest.mark.parametrize(("name", "start"), [(".", "."), ("frontend", "."), ("web", "."), ("ui", "src/deep")])
def test_the_build_of_the_front_end_is_timed(scores, tmp_path, monkeypatch, name, start):
    project = tmp_path / "project"
    (project / start).mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)
    folder = front_end(project / name, BUILD)
    monkeypatch.chdir(project / start)
    found = scores("frontend", quick=False)["frontend.build"]

    assert found.note == f"npm run build in {folder}"
    assert (found.verdict, len(found.samples)) == ("met", 1)
    assert (folder / "built").read_text() == "yes"


@pytest.mark.skipif(not shutil.which("npm"), reason="npm is not installed")
def test_a_front_end_whose_build_fails_or_never_ends_says_so(scores, tmp_path, monkeypatch):
    monkeypatch.chdir(front_end(tmp_path / "project", BUILD))
    (tmp_path / "project" / "build.js").write_text("console.error('no flour'); process.exit(3)")
    reason = scores("frontend", quick=False)["frontend.build"].reason
    assert "`npm run build`" in reason
    assert "ended with 3" in reason
    assert "no flour" in reason

    (tmp_path / "frontend").rmdir()
    (tmp_path / "project" / "build.js").write_text("setInterval(() => {}, 1000)")
    monkeypatch.setattr(frontend, "LIMIT", 1)
    assert "had not ended after 1 s" in scores("frontend", quick=False)["frontend.build"].reason
