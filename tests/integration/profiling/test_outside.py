"""`samplemind profile` with py-spy: shares, threads, child processes, every way to start Python, running processes."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parts import browser, warm
from parts.waiting import runs, until

pytestmark = pytest.mark.integration
COMMAND = str(Path(sys.executable).with_name("samplemind"))

# Three kinds of work, and the processor time of each as the program's own clock tells it.
THREE = """
import json, re, sys, time
DOCUMENT = {"items": [{"id": i, "name": f"item {i}", "tags": ["a", "b"], "price": i * 1.5} for i in range(200)]}
WORD, TEXT = re.compile(r"(\\w+)@(\\w+)\\.(com|org)"), " ".join(f"user{i}@host{i}.com some words" for i in range(300))
def trips():
    for _ in range(40):
        json.loads(json.dumps(DOCUMENT))
def recursion():
    fib(23)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)
def search():
    for _ in range(30):
        WORD.findall(TEXT)
took = dict.fromkeys(("trips", "recursion", "search"), 0)
for _ in range(40):  # in turns, so that what else this machine does meets all three
    for work in (trips, recursion, search):
        began = time.process_time()
        work()
        took[work.__name__] += time.process_time() - began
print(json.dumps(took))
"""
FAMILY = """
import multiprocessing, subprocess, sys, threading, time
def spin(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass
def in_thread():
    spin(0.3)
def in_child():
    spin(0.6)
def in_fork():
    spin(0.5)
if len(sys.argv) > 1:
    in_child()
else:
    thread = threading.Thread(target=in_thread, name="the worker")
    thread.start()
    thread.join()
    subprocess.run([sys.executable, __file__, "--token", "hunter2"])
    fork = multiprocessing.get_context("fork").Process(target=in_fork)
    fork.start()
    fork.join()
"""
DEEP = """
import sys, time
sys.setrecursionlimit(20_000)
def spin():
    end = time.process_time() + 0.0005
    while time.process_time() < end:
        pass
def dig(depth):
    if depth % 100 == 0:
        spin()
    if depth:
        dig(depth - 1)
for _ in range(10):
    dig(9000)
"""
ENDLESS = """
import time
def spin():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
print("running", flush=True)
spin()
"""
SERVER = """
import time
try:
    print("running", flush=True)
    time.sleep(60 if __name__ == "__main__" else 0)
except KeyboardInterrupt:
    print("bye")
"""
GROWING = """
import time
KEPT = []
def grow():
    KEPT.append(bytearray(1_000_000))
    time.sleep(0.01)
for _ in range(3000):
    grow()
"""
BUSY = "def work():\n    end = time.process_time() + 0.3\n    while time.process_time() < end: pass\nwork()\n"
PROGRAMS = {"three": THREE, "family": FAMILY, "deep": DEEP, "endless": ENDLESS, "server": SERVER, "growing": GROWING}


@pytest.fixture
def profile(tmp_path):
    """Call `samplemind profile` in a folder of programs."""
    for name, text in PROGRAMS.items():
        (tmp_path / f"{name}.py").write_text(text)
    (tmp_path / "busy.py").write_text(f"import time\n{BUSY}")

    def call(*words, check=True, env=None):
        done = warm.run(warm.profile, *words, cwd=tmp_path, env=env)
        assert not check or done.returncode == 0, done.stderr
        return done

    return call


@pytest.fixture
def start(tmp_path, profile):  # noqa: ARG001 - it writes the programs
    """Start a program in their folder; it is ended with the test."""
    started = []

    def begin(*words):
        started.append(subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def folder(done):
    text = done if isinstance(done, str) else done.stderr
    return Path(next(line for line in text.splitlines() if line.startswith("profile ")).split(": ", 1)[1])


def frames(done):
    found = json.loads((folder(done) / "cpu.frames.json").read_bytes())
    return {frame["function"]: frame for frame in found["frames"]}


def test_the_shares_are_those_of_the_program_s_own_clock(profile):
    done = profile("three.py")
    took, found = json.loads(done.stdout), frames(done)
    whole = sum(frame["own"] for frame in found.values())
    share = {name: found[name]["total"] / whole for name in took}
    for name, seconds in took.items():
        assert share[name] == pytest.approx(seconds / sum(took.values()), abs=0.1), share
    assert whole == pytest.approx(sum(took.values()), rel=0.15)


def test_the_work_of_threads_and_children_is_told_beside_the_program_s_own(profile):
    done = profile("family.py")
    assert set(frames(done)) & {"in_child", "in_fork"} == set()
    assert re.search(r"^ +0\.[23]\d\d s +\d+ %  spin  family\.py:3$", done.stderr, re.MULTILINE)
    assert (
        "by thread and process (its child processes' work is not in the lines above; --children adds it):"
        in done.stderr
    )
    assert re.search(
        r"^ +0\.[23]\d\d s  (the worker|thread \d+), process \d+ .*: spin  family\.py:3$", done.stderr, re.MULTILINE
    )
    threads = json.loads((folder(done) / "cpu.frames.json").read_bytes())["threads"]
    assert len({thread["pid"] for thread in threads if thread["seconds"] > 0.1}) == 3
    assert len(list(folder(done).glob("cpu.*html"))) == 3


def test_from_inside_it_is_said_that_children_are_not_seen(profile):
    err = profile("--engine", "pyinstrument", "family.py").stderr
    assert re.search(r"note: 1\.\d\d s of CPU time in child processes are not in this profile", err)


def test_children_are_added_up_when_asked_for(profile):
    done = profile("--children", "family.py")
    assert re.search(r"^cpu: 1\.\d\d s of work in \d\.\d\d s, of 3 processes$", done.stderr, re.MULTILINE)
    found = frames(done)
    assert found["in_thread"]["total"] == pytest.approx(0.3, abs=0.1)
    assert found["in_child"]["total"] > 0.3
    assert found["in_fork"]["total"] > 0.2
    assert "(added up above)" in done.stderr


def test_what_looks_like_a_secret_is_in_no_kept_file(profile):
    done = profile("--both", "--children", "--", "family.py", "--api-key", "hunter2")
    inside = profile("--engine", "pyinstrument", "--", "busy.py", "--api-key", "hunter2")
    for file in (*folder(done).iterdir(), *folder(inside).iterdir(), *folder(profile("family.py")).iterdir()):
        assert b"hunter2" not in file.read_bytes(), file
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    again = profile("again", check=False)
    assert again.returncode == 0
    profile("--", "busy.py", "--api-key", "hunter2")
    refused = profile("again", check=False)
    assert (refused.returncode, "saved without its secrets: busy.py --api-key" in refused.stderr) == (2, True)


@pytest.mark.parametrize("mask", [0o000, 0o077], ids=oct)
def test_a_profile_is_the_user_s_alone_under_any_umask(profile, tmp_path, mask):
    (tmp_path / "masked.py").write_text(f"import os, time\nos.umask({mask})\n{BUSY}")
    before = os.umask(mask)
    try:
        kept = folder(profile("--both", "--", "masked.py"))
    finally:
        os.umask(before)
    assert stat.S_IMODE(kept.stat().st_mode) == stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in kept.iterdir()} == {0o600}


@pytest.mark.parametrize(
    "words",
    [
        ("-c", f"import time\n{BUSY}"),
        ("-X", "dev", "-W", "error", "-c", f"import sys, time\nassert sys.flags.dev_mode and sys.warnoptions\n{BUSY}"),
        ("-I", "-c", f"import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass\n{BUSY}"),
        ("-Xfrozen_modules=off", "-m", "busy"),
        ("-u", "busy.py"),
    ],
    ids=["-c", "-X -W -c", "-I", "-X -m", "-u"],
)
def test_python_s_own_options_are_as_typed(profile, words):
    assert "work" in frames(profile("--", *words))


def test_a_console_script_is_a_program_too(profile, tmp_path):
    (tmp_path / "test_busy.py").write_text(f"import time\ndef test_it():\n    work()\n{BUSY}")
    done = profile("--", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "test_busy.py")
    assert "1 passed" in done.stdout
    assert frames(done)["work"]["own"] > 0.3
    assert "-pytest" in folder(done).name


def test_very_deep_stacks_neither_stop_the_program_nor_their_reader(profile):
    began = time.monotonic()
    done = profile("deep.py")
    assert time.monotonic() - began < 60
    assert frames(done)["spin"]["own"] > 0.2
    assert "frames left out" in (folder(done) / "cpu.html").read_text("utf-8")


def test_a_program_that_is_killed_keeps_what_was_seen_of_it(profile, tmp_path):
    (tmp_path / "killed.py").write_text(f"import os, time\n{BUSY}os.kill(os.getpid(), 9)\n")
    done = profile("killed.py", check=False)
    assert done.returncode == 137
    assert frames(done)["work"]["own"] > 0.2


def test_a_program_that_waits_is_told_what_shows_where(profile, tmp_path):
    (tmp_path / "waits.py").write_text("import time\ntime.sleep(0.5)\n")
    err = profile("waits.py").stderr
    assert re.search(r"note: for 0\.[45]\d s it waited: --engine pyinstrument shows where", err)
    inside = profile("--engine", "pyinstrument", "waits.py").stderr
    assert "waited" not in inside
    assert "note: pyinstrument slows each call" in inside


@pytest.mark.parametrize(("program", "code", "again"), [("endless.py", 130, False), ("server.py", 0, True)])
def test_ctrl_c_ends_the_runs_unless_the_program_takes_it_as_its_end(start, program, code, again):
    done = start(COMMAND, "profile", "--both", "--", program)
    assert done.stdout.readline() == "running\n"
    done.send_signal(signal.SIGINT)
    if again:
        until(lambda: done.stderr.readline().startswith("running it again, for the memory"))
        until(lambda: _children(done.pid))
        time.sleep(1)  # Python has no handler before
        done.send_signal(signal.SIGINT)
    _, err = done.communicate(timeout=60)
    assert done.returncode == code
    assert ("interrupted: not run again for the memory" in err) is not again
    assert ("memory: " in err) is again


def _children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_a_running_process_is_looked_at_and_goes_on(profile, start):
    endless = start(sys.executable, "endless.py")
    endless.stdout.readline()
    done = profile("attach", str(endless.pid), "--seconds", "1")
    own = {name: frame["own"] for name, frame in frames(done).items()}
    assert 0 < own["spin"] == max(own.values()) <= 1.4  # its own clock: others on this machine take their share
    assert endless.poll() is None
    assert f"sampling process {endless.pid} for 1 s" in done.stderr
    again = profile("again")
    assert "cpu own" in again.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, 143)])
def test_no_profiler_stays_at_a_process_when_we_are_interrupted(start, number, code):
    endless = start(sys.executable, "endless.py")
    endless.stdout.readline()
    done = start(COMMAND, "profile", "attach", str(endless.pid), "--seconds", "60")
    until(lambda: _children(done.pid), 30)
    (spy,) = _children(done.pid)
    time.sleep(0.5)
    done.send_signal(number)
    _, err = done.communicate(timeout=30)
    assert done.returncode == code
    assert "spin  endless.py:3" in err
    assert not runs(int(spy))
    assert runs(endless.pid)


def test_a_py_spy_that_cannot_be_started_is_told_and_the_program_runs(tmp_path):
    (tmp_path / "busy.py").write_text(f"import time\n{BUSY}")
    (tmp_path / "env" / "bin").mkdir(parents=True)
    fake = tmp_path / "env" / "bin" / "py-spy"
    fake.write_text("#!/bin/sh\necho 'Error: unsupported version of Python' >&2; exit 1\n")
    fake.chmod(0o755)
    done = warm.run(_with_py_spy, str(fake), "busy.py", cwd=tmp_path)
    assert done.returncode == 0
    assert "note: py-spy could not attach: unsupported version of Python; --engine pyinstrument" in done.stderr
    fake.write_text("#!/nowhere\n")
    assert "could not attach: " in warm.run(_with_py_spy, str(fake), "busy.py", cwd=tmp_path).stderr


def _with_py_spy(program, *words):
    """`samplemind profile` where py-spy is that program."""
    from samplemind_cli.profiling import outside

    outside.find = lambda: Path(program)
    warm.profile(*words)


def test_the_memory_of_a_running_process_is_seen_where_memray_can(profile, start):
    growing = start(sys.executable, "growing.py")
    time.sleep(0.3)
    done = profile("attach", str(growing.pid), "--memory", "--seconds", "1", check=False)
    if "gdb" in done.stderr and done.returncode:
        pytest.skip("neither gdb nor lldb is on this machine")
    assert done.returncode == 0, done.stderr
    assert re.search(r"never freed: \d+\.\d MB\n +\d+\.\d MB +\d+ %  grow  growing\.py:5", done.stderr)
    assert growing.poll() is None


@pytest.mark.parametrize(("program", "told"), [("true", "py-spy at process"), ("", "there is no process")])
def test_what_cannot_be_looked_at_is_told(profile, start, program, told):
    process = start("sleep", "30") if program else start("true")
    if not program:
        process.wait()
    done = profile("attach", str(process.pid), "--seconds", "1", check=False)
    assert done.returncode in (1, 2)
    assert told in done.stderr
    assert "hint: " in done.stderr


@pytest.mark.skipif(not browser.BINARY, reason="there is no headless Chromium on this machine")
def test_the_difference_has_a_page_that_a_browser_shows_without_a_network(profile, tmp_path):
    profile("busy.py")
    (tmp_path / "busy.py").rename(tmp_path / "moved.py")
    (tmp_path / "moved.py").write_text((tmp_path / "moved.py").read_text().replace("0.3", "0.6"))
    profile("moved.py")
    done = profile("diff")
    assert re.search(r"cpu own +\+.* work  moved\.py \(was in busy\.py\)$", done.stdout, re.MULTILINE)
    page = Path(done.stderr.split("page: ")[1].strip())
    chromium = browser.Browser(tmp_path / "browser")
    shown = chromium.show(page.as_uri())
    chromium.close()
    assert "was in busy.py" in shown.dom
    assert shown.complaints == []
    assert len(shown.picture) > 10_000
