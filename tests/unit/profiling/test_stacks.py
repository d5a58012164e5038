import json

import pytest

from samplemind_cli.profiling import stacks
from samplemind_cli.profiling.runs import Profile, ProfileRequest

# As py-spy 0.4.3 prints it; a command line may hold anything, and Python has no frames when it starts.
PRINTED = """\
process 7:"python a.py
x; z (a:1) 5";thread (7);<module> (/a.py:1);_find_and_load (<frozen importlib._bootstrap>:1176) 2
process 7:"python a.py
x; z (a:1) 5";thread (7): MainThread 2
process 7:"python a.py
x; z (a:1) 5";thread (7): MainThread;<module> (/a.py:1);make.<locals>.hot (/srv (old)/a.py:3) 50
process 7:"python a.py
x; z (a:1) 5";thread (0x9): Thread-1 (work);work (/a.py:9) 25
process 7:"python a.py
x; z (a:1) 5";process 8:"python b.py --token abc";thread (8): MainThread;<module> (/b.py:1) 10
"""


@pytest.fixture
def kept(tmp_path):
    """The sessions and times of both processes; the program's own clock told `cpu` seconds, None: it was killed."""

    def keep(cpu, *, children=False, in_children=0.5, clocks=None):
        asked = ProfileRequest(words=("a.py",), kinds=("cpu",), children=children, directory="/")
        profile = Profile.new(str(tmp_path), asked)
        if cpu is not None:
            times = {"wall": 1.0, "cpu": cpu, "main_thread": cpu, "children": in_children}
            (profile.folder / "cpu.7.json").write_text(json.dumps(times))
        stacks.keep(profile, [(PRINTED, 100)], 7, 2.0, clocks or {})
        return {file.name: json.loads(file.read_bytes()) for file in profile.folder.iterdir()}

    return keep


def test_samples_are_told_by_process_and_thread():
    found = stacks.read([(PRINTED, 100), (PRINTED, 50)])
    assert {pid: round(process.seconds, 3) for pid, process in found.items()} == {7: 2.31, 8: 0.3}
    assert found[7].command == "python a.py\nx; z (a:1) 5"
    assert found[7].names == {"7": "MainThread", "0x9": "Thread-1 (work)"}
    assert (["Thread-1 (work)\0<thread>\x009", "work\0/a.py\x009"], 0.25) in list(found[7].samples())


def test_a_thread_without_a_name_is_the_main_one_or_told_by_its_number():
    line = 'process 7:"python a.py";thread ({});work (/a.py:9) 1\n'
    (process,) = stacks.read([(line.format(9) + line.format("0x7"), 100)]).values()
    assert process.names == {"9": "thread 9", "0x7": "MainThread"}


def test_what_waits_before_the_program_begins_is_not_the_program():
    ours = "/tmp/samplemind-profile-a_1/outside.py"
    line = f'process 7:"python a.py";thread (7): MainThread;begin ({ours}:3) 1\n'
    assert stacks.read([(line, 100)]) == {}
    assert stacks.read([(line + PRINTED, 100)])[7].seconds == pytest.approx(0.77)


def test_what_children_waited_for_a_processor_is_not_their_work(kept):
    printed = stacks.read([(PRINTED, 100)])
    assert printed[8].seconds == pytest.approx(0.1)
    files = kept(1.0, in_children=0.06)
    assert files["cpu.8.raw"]["cpu_time"] == files["cpu.8.json"]["cpu"] == pytest.approx(0.06)
    assert kept(1.0, in_children=0.0)["cpu.8.json"]["cpu"] == pytest.approx(0.1)  # it waited for none of them


def test_a_sample_is_as_long_as_the_program_s_own_clock_says(kept):
    files = kept(1.54)
    assert sum(seconds for _, seconds in files["cpu.7.raw"]["frame_records"]) == pytest.approx(1.54)
    assert files["cpu.8.raw"]["cpu_time"] == pytest.approx(0.1)
    times = files["cpu.7.json"]
    assert (times["wall"], times["cpu"], times["children"], times["alone"]) == (1.0, 1.54, 0.5, True)
    assert times["active"] == pytest.approx(0.77)


def test_a_thread_counts_as_much_as_its_own_clock_says(kept):
    def own(files):
        records = files["cpu.7.raw"]["frame_records"]
        return {
            frames[0].partition("\0")[0]: pytest.approx(took)
            for frames, took in records
            if "hot" in frames[-1] or "work" in frames[-1]
        }

    files = kept(None, clocks={"7": 0.52, "0x9": 0.05, "12": 3.0})
    assert own(files) == {"MainThread": 0.5, "Thread-1 (work)": 0.05}
    assert (files["cpu.7.json"]["cpu"], files["cpu.7.json"]["active"]) == (pytest.approx(0.57), pytest.approx(0.77))
    assert own(kept(1.14, clocks={"7": 0.52, "0x9": 0.05})) == {"MainThread": 1.0, "Thread-1 (work)": 0.1}
    assert own(kept(None, clocks={"7": 0.26})) == {"MainThread": 0.25, "Thread-1 (work)": 0.125}  # as the other one


def test_of_a_program_that_was_killed_the_samples_alone_tell(kept):
    times = kept(None, children=True)["cpu.7.json"]
    assert times["cpu"] == times["main_thread"] == pytest.approx(0.77)
    assert (times["wall"], times["children"], times["alone"]) == (2.0, pytest.approx(0.1), False)


def test_a_child_s_secrets_are_not_kept(kept):
    assert kept(1.0)["cpu.8.raw"]["target_description"] == "python b.py --token ***"


def test_a_program_that_was_never_seen_leaves_nothing(tmp_path):
    profile = Profile.new(str(tmp_path), ProfileRequest(words=("a.py",), kinds=("cpu",), directory="/"))
    stacks.keep(profile, [("", 100)], 7, 2.0, {})
    assert list(profile.folder.iterdir()) == []
