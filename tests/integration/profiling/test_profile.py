"""`samplemind profile` on real programs with planted leaks and hot functions."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from parts import warm

pytestmark = pytest.mark.integration

PLANTED = """
import sys, time
KEPT = []
def leak():
    KEPT.append(bytearray(10_000_000))
def hot():
    end = time.process_time() + float(sys.argv[1])
    while time.process_time() < end:
        pass
def cold():
    return sum(range(1000))
if __name__ == "__main__":
    leak(); hot(); cold()
    print("read", sys.stdin.read())
    sys.exit(3)
"""
ASYNC = """
import asyncio, json, time
took = {"provider": 0, "cache": 0}
async def provider():
    began = time.perf_counter()
    await asyncio.sleep(0.2)
    took["provider"] += time.perf_counter() - began
async def cache():
    began = time.perf_counter()
    await asyncio.sleep(0.02)
    took["cache"] += time.perf_counter() - began
async def main():
    await provider()
    await cache()
asyncio.run(main())
asyncio.run(cache())
with asyncio.Runner() as runner:
    runner.run(cache())
began = time.perf_counter()
while time.perf_counter() < began + 0.05:
    pass
took["between"] = time.perf_counter() - began
asyncio.run(cache())
print(json.dumps(took))
"""
FAMILY = """
import os, subprocess, sys, time
KEPT = []
def work():
    KEPT.append(bytearray(5_000_000))
    end = time.perf_counter() + 0.05
    while time.perf_counter() < end:
        pass
if len(sys.argv) > 1:
    work()
else:
    subprocess.run([sys.executable, __file__, "child"])
    child = os.fork()
    if not child:
        work()
        sys.exit()
    os.waitpid(child, 0)
"""
DEEP = """
import sys, time
sys.setrecursionlimit(1500)
def wait():
    time.sleep(0.02)
def dig(depth):
    dig(depth - 1) if depth else wait()
dig(1200)
"""
THREADS = """
import threading, time
def work():
    end = time.thread_time() + 0.2
    while time.thread_time() < end:
        pass
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
INSIDE = ("--engine", "pyinstrument")
PROGRAMS = {"planted": PLANTED, "waits": ASYNC, "family": FAMILY, "threads": THREADS}


@pytest.fixture
def profile(tmp_path):
    """Call `samplemind profile` in a folder of programs."""
    for name, text in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(text)

    def call(*words, stdin="", check=True, how=warm.profile):
        done = warm.run(how, *words, cwd=tmp_path, stdin=stdin.encode())
        assert not check or done.returncode == 0, done.stderr
        return done

    return call


def folder(done):
    """Where the profile that was just made lies."""
    return Path(next(line for line in done.stderr.splitlines() if line.startswith("profile ")).split(": ", 1)[1])


def under(done, heading):
    """The first line below the one that begins so."""
    lines = done.stderr.splitlines()
    return lines[next(n for n, line in enumerate(lines) if line.startswith(heading)) + 1]


def test_a_planted_leak_and_a_hot_function_are_the_top_lines_and_the_program_stays_itself(profile):
    words = ("profile", "--both", "--", "planted.py", "0.15")
    done = profile(*words, stdin="hello", check=False, how=warm.samplemind)  # with all its real interpreters
    assert (done.returncode, done.stdout) == (3, "read hello\n")
    assert re.fullmatch(r" +0\.[12]\d\d s +\d+ %  hot  planted\.py:6", under(done, "cpu: "))
    assert re.fullmatch(r" +10\.0 MB +\d+ %  leak  planted\.py:5", under(done, "memory: "))
    assert re.fullmatch(r" +10\.0 MB +\d+ %  leak  planted\.py:5", under(done, "  never freed: "))
    for page in ("cpu.html", "memory.html", "memory.leaks.html"):
        text = (folder(done) / page).read_text("utf-8")
        assert "planted.py" in text
        assert not re.search(r"fonts\.g|<script[^>]+src=|<link[^>]+stylesheet", text)
    for page in ("cpu.speedscope.json", "memory.speedscope.json"):
        assert "speedscope" in json.loads((folder(done) / page).read_bytes())["$schema"]
    assert "running it again, for the memory: its output is not shown\n" in done.stderr


def test_awaited_time_belongs_to_who_awaits_in_an_unmodified_program(profile):
    done = profile(*INSIDE, "waits.py")
    frames, took = json.loads((folder(done) / "cpu.frames.json").read_bytes())["frames"], json.loads(done.stdout)
    total = {frame["function"]: frame["total"] for frame in frames if frame["file"].endswith("waits.py")}
    assert total["provider"] == pytest.approx(took["provider"], abs=0.02)
    assert total["cache"] == pytest.approx(took["cache"], abs=0.02)
    assert total["main"] > 0.21
    between = next(frame for frame in frames if frame["function"] == "<module>" and frame["file"].endswith("waits.py"))
    assert between["own"] == pytest.approx(took["between"], abs=0.02)
    sleep = next(frame for frame in frames if frame["function"] == "sleep")
    assert sleep["awaited"] > 0.27
    assert sleep["caller"].startswith("provider ")


def test_a_deep_program_of_an_odd_name_is_profiled_too(profile, tmp_path):
    program = tmp_path / os.fsdecode(b"caf\xe9.py")
    program.write_text(DEEP)
    assert under(profile(*INSIDE, "--", program.name), "cpu: ").split()[4] in {"dig", "wait"}


def test_words_that_are_not_utf_8_are_the_program_s_own(profile, tmp_path):
    (tmp_path / "own.py").write_text("import sys\nprint(ascii(sys.argv))\n")
    done = profile("--memory", "--", "own.py", os.fsdecode(b"caf\xe9"))
    assert done.stdout == "['own.py', 'caf\\udce9']\n"
    assert re.search(r"^memory: [\d.]+ [kM]B at the peak$", done.stderr, re.MULTILINE)


def test_a_program_that_is_looked_at_from_inside_has_its_own_functions(profile, tmp_path):
    names = "asyncio.Runner.run, asyncio.Runner.close, asyncio.ensure_future, asyncio.Runner._lazy_init, os._exit"
    text = f"import asyncio, os\nprint([f.__module__ for f in ({names})], asyncio.__spec__.loader)\n"
    (tmp_path / "look.py").write_text(text)
    bare = subprocess.run([sys.executable, "look.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    place = re.compile(r"0x\w+")
    assert place.sub("", profile(*INSIDE, "look.py").stdout) == place.sub("", bare.stdout)


def test_a_traceback_is_the_program_s_own(profile, tmp_path):
    text = "import asyncio\nasync def main():\n    raise KeyError('boom')\nasyncio.run(main())\n"
    (tmp_path / "boom.py").write_text(text)
    bare = subprocess.run([sys.executable, "boom.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    done = profile("boom.py", check=False)
    assert done.returncode == bare.returncode == 1
    assert done.stderr.startswith(bare.stderr)


def test_the_program_sees_the_path_and_environment_it_would_have_had(profile, tmp_path):
    (tmp_path / "look.py").write_text(
        "import json, os, sys\nprint(json.dumps([sys.path, sys.argv, dict(os.environ)]))\n"
    )
    env = dict(os.environ)  # without what readline has put into pytest's own, unseen
    words = [sys.executable, "look.py", "-x"]
    bare = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert json.loads(profile("look.py", "-x").stdout) == json.loads(bare.stdout)


@pytest.mark.parametrize(
    "run", ["import asyncio; asyncio.run(main())", "main().send(None)"], ids=["in a loop", "without one"]
)
def test_a_program_that_is_asked_to_end_still_leaves_its_profile(profile, tmp_path, run):
    busy = "    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\n"
    text = f"import os, sys, time\nasync def main():\n{busy}    sys.argv = [b'']\n    os.kill(os.getpid(), 15)\n{run}\n"
    (tmp_path / "ends.py").write_text(text)
    done = profile(*INSIDE, "ends.py", check=False)
    assert done.returncode == 143
    assert "main  ends.py:2" in under(done, "cpu: ")
    assert "Traceback" not in done.stderr


def test_a_program_that_another_thread_ends_ends_then(profile, tmp_path):
    text = "import os, threading, time\nthreading.Thread(target=lambda: os._exit(6)).start()\ntime.sleep(60)\n"
    (tmp_path / "ends.py").write_text(text)
    assert profile("ends.py", check=False).returncode == 6


@pytest.mark.parametrize("engine", [INSIDE, ("--memory",)], ids=["pyinstrument", "memray"])
def test_a_profiler_inside_of_a_program_does_not_see_os_exit_which_is_told(profile, tmp_path, engine):
    (tmp_path / "ends.py").write_text("import os\nassert os._exit.__module__ == 'posix'\nos._exit(7)\n")
    done = profile(*engine, "ends.py", check=False)
    assert done.returncode == 7
    assert "profile: the program was killed, ended by os._exit or replaced by exec" in done.stderr


def test_a_process_of_multiprocessing_leaves_its_profile_though_it_ends_by_os_exit(profile, tmp_path):
    work = "    end = time.process_time() + 0.2\n    while time.process_time() < end: pass\n"
    start = "p = multiprocessing.get_context('fork').Process(target=work)\np.start()\np.join()\n"
    (tmp_path / "pool.py").write_text(f"import multiprocessing, time\ndef work():\n{work}{start}")
    done = profile(*INSIDE, "--children", "pool.py")
    assert "of 2 processes" in done.stderr
    assert "work  pool.py:2" in done.stderr


def test_a_program_that_is_killed_leaves_none_and_it_is_said(profile, tmp_path):
    (tmp_path / "ends.py").write_text("import os\nos.kill(os.getpid(), 9)\n")
    done = profile(*INSIDE, "ends.py", check=False)  # from outside something of it may have been seen
    assert done.returncode == 137
    assert "there is no cpu profile" in done.stderr


def test_children_are_profiled_when_asked_for_and_only_then(profile):
    done = profile(*INSIDE, "--both", "--children", "family.py")
    assert "of 3 processes" in next(line for line in done.stderr.splitlines() if line.startswith("cpu: "))
    assert "sitecustomize" not in done.stderr
    assert max(int(share) for share in re.findall(r"(\d+) %", done.stderr)) <= 100
    assert " work  family.py:" in done.stderr.split("\nmemory: ")[0]
    assert re.fullmatch(r" +10\.0 MB +\d+ %  work  family\.py:5", under(done, "  never freed: "))
    assert len(list(folder(done).glob("*.html"))) == 3 + 2 * 3
    assert " work " not in profile(*INSIDE, "--both", "family.py").stderr


def test_again_repeats_the_last_profile_and_tells_what_grew(profile, tmp_path):
    profile("planted.py", "0.05", check=False)
    (tmp_path / "planted.py").write_text(PLANTED.replace("float(sys.argv[1])", "0.3"))
    done = profile("again", check=False)
    assert done.returncode == 3
    told = profile("diff").stdout.splitlines()
    assert re.match(r"cpu own +\+ +0\.[23]\d\d s .* all$", told[1])
    assert re.match(r"cpu own +\+ +0\.[23]\d\d s .* hot  planted\.py$", told[2])
    assert "\n".join(told) in done.stderr
    changes = json.loads(profile("diff", "previous", "last", "--json").stdout)["changes"]
    assert changes[1]["function"] == "hot"
    listed = json.loads(profile("list", "--json").stdout)
    assert [entry["words"] for entry in listed] == [["planted.py", "0.05"]] * 2
    assert profile("list").stdout.count("planted.py 0.05") == 2


def test_the_overhead_is_measured_against_runs_without_a_profiler(profile):
    done = profile("--overhead", "planted.py", "0.1", stdin="twice", check=False)
    assert done.stdout == "read twice\n"
    assert re.search(r"overhead: cpu x\d\.\d\d of 0\.\d\d s without a profiler \(2 runs, \d+ % apart\)", done.stderr)


def test_a_module_and_a_subcommand_are_programs_too(profile):
    assert profile("-m", "planted", "0", check=False).returncode == 3
    done = profile("--", "profile", "list")
    assert "planted" in done.stdout
    assert "cpu: " in done.stderr


def test_work_in_other_threads_is_not_passed_over_in_silence(profile):
    assert re.search(r"note: 0\.[2-9]\d s of CPU time in other threads", profile(*INSIDE, "threads.py").stderr)


@pytest.mark.parametrize("words", [("absent.py",), ("--native", "planted.py"), ("-m",)])
def test_what_cannot_be_profiled_is_a_usage_error(profile, words):
    done = profile(*words, check=False)
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "hint: " in done.stderr
