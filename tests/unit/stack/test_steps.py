"""BuildKit's plain progress."""

from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.stack.steps import TAIL, BuildProgress

SAID = """\
#1 [api internal] load build definition from Dockerfile
#1 DONE 0.0s

#2 [api stage-1 1/3] FROM docker.io/library/python:3.13-slim@sha256:0b6d
#2 DONE 0.0s

#3 [api stage-1 2/3] COPY a   b
#3 CACHED

#4 [api stage-1 3/3] RUN make    all
#4 0.103 compiling
#4 ...

#5 [web 1/1] RUN sleep 1
#5 DONE 1.2s

#4 [api stage-1 3/3] RUN make    all
#4 1.103 linking
#4 DONE 1.6s

#6 [api] exporting to image
#6 exporting layers done
#6 DONE 0.1s
"""


def read(text):
    progress = BuildProgress()
    ended = [step for line in text.splitlines() if (step := progress.read(line))]
    return progress, ended


def test_instructions_are_steps_and_from_is_none():
    progress, _ = read(SAID)
    assert [step.name for step in progress.steps.values()] == ["COPY a b", "RUN make all", "RUN sleep 1"]


def test_each_step_ends_once():
    _, ended = read(SAID)
    assert [(step.name, step.state) for step in ended] == [
        ("COPY a b", "CACHED"),
        ("RUN sleep 1", "DONE"),
        ("RUN make all", "DONE"),
    ]


def test_hits_are_counted():
    progress, _ = read(SAID)
    assert progress.count("CACHED") == 1
    assert progress.count("CACHED", "DONE") == 3


def test_a_failure_is_told_by_its_step_and_the_end_of_its_output():
    output = "".join(f"#4 0.{n:03} line {n}\n" for n in range(50))
    progress, _ = read(f"#4 [1/1] RUN make\n{output}#4 ERROR: process did not complete: exit code: 2\n")
    lines = progress.failure().message.splitlines()
    assert lines[0] == "a build step failed: RUN make"
    assert lines[1:] == [f"line {n}" for n in range(50 - TAIL, 50)]


def test_a_failure_before_the_first_step_is_dockers():
    progress, _ = read("#1 [internal] load metadata\n#1 ERROR: x\nfailed to solve: x: pull access denied\n")
    assert "the registry refused an image" in progress.failure().message


@given(st.lists(st.text(max_size=40)))
def test_no_line_is_a_surprise(lines):
    progress = BuildProgress()
    for line in ["#1 [1/1] RUN x", *lines, *(f"#1 {line}" for line in lines)]:
        progress.read(line)
    assert len(progress.steps) >= 1
