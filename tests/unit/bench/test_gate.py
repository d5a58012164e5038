import json
import random

import pytest

from samplemind_cli.bench import board, gate, report
from samplemind_cli.errors import UsageError


def run(factor=1.0, seed=1, noise=0.02, machine=1.0, count=60):
    """A document with one row of 2 ms, and the reference work tookt."""
    draw = random.Random(seed)
    samples = [2 * machine * factor * draw.lognormvariate(0, noise) for _ in range(count)]
    work = [0.0002 * machine * draw.lognormvariate(0, noise) for _ in range(count)]
    return report.document([board.score("cache.redis-read", samples, work), board.score("cache.hit-rate", [74.0])])


def only(changes):
    assert len(changes) == 1
    return changes[0]


@pytest.mark.parametrize(("factor", "verdict"), [(1.3, "slower"), (1.0, "no slower"), (0.7, "faster")])
def test_a_change_beyond_the_gate_is_found(factor, verdict):
    change = only(gate.compare(run(), run(factor, seed=2), run(factor, seed=3), 0.1))

    assert change.verdict == verdict
    assert change.ratio == pytest.approx(factor, rel=0.05)
    assert gate.exit_code([change], 0.1) == (1 if verdict == "slower" else 0)


def test_a_gate_finer_than_the_noise_is_refused():
    change = only(gate.compare(run(noise=0.3), run(noise=0.3, seed=2), run(noise=0.3, seed=3), 0.05))

    assert change.visible > 0.05
    assert change.verdict == "refused"
    assert gate.exit_code([change], 0.05) == 2


def test_a_slowdown_beyond_gate_noise_and_drift_is_none_that_is_refused_or_only_reported():
    noisy = only(gate.compare(run(noise=0.3), run(3, noise=0.3, seed=2), run(3, noise=0.3, seed=3), 0.05))
    drifted = only(gate.compare(run(), run(3, machine=1.5, seed=2), run(3, machine=1.5, seed=3), 0.1))
    foreign = run()
    foreign["machine"]["processor"] = "another"

    assert noisy.visible > 0.05
    assert (noisy.verdict, noisy.why) == ("slower", "by more than this machine's noise")
    assert (drifted.verdict, drifted.why[:30]) == ("slower", "though the reference work took")
    assert gate.exit_code([noisy, drifted], 0.1) == 1
    assert only(gate.compare(foreign, run(3, seed=2), run(3, seed=3), 0.1)).verdict == "reported"


def test_a_machine_that_is_a_little_slower_today_is_taken_out_of_the_ratio():
    change = only(gate.compare(run(), run(machine=1.1, seed=2), run(machine=1.1, seed=3), 0.1))

    assert change.ratio == pytest.approx(1, rel=0.03)
    assert change.verdict == "no slower"


def test_a_ratio_that_seems_to_contradict_its_medians_is_explained():
    def told(*runs):
        return gate.meaning(gate.document(gate.compare(*runs, None, None)))

    assert told(run(), run(1.5, seed=2)) == []
    [line] = told(run(), run(1.02, machine=0.7, seed=2, noise=0.001))
    assert ": NOW is 0.7" in line
    assert "1.0" in line.partition("THEN, and ")[2]


def test_a_machine_that_has_changed_is_reported_and_fails_nothing():
    slower = only(gate.compare(run(), run(1.5, machine=2, seed=2), run(1.5, machine=2, seed=3), 0.1))
    then = run()
    then["machine"]["processor"] = "another"
    other = only(gate.compare(then, run(1.5, seed=2), run(1.5, seed=3), 0.1))

    assert (slower.verdict, other.verdict) == ("reported", "reported")
    assert gate.exit_code([slower, other], 0.1) == 0
    assert gate.incomparable(then, run()) == f"the processor was another, here it is {run()['machine']['processor']}"


def test_without_a_gate_the_change_is_told_and_nothing_fails():
    change = only(gate.compare(run(), run(1.5, seed=2), None, None))

    assert change.verdict == "slower"
    assert gate.exit_code([change], None) == 0


def test_a_gate_with_nothing_to_judge_is_not_passed():
    assert gate.exit_code([], 0.1) == 2


def test_differences_that_may_be_below_zero_make_no_ratio():
    document = report.document([board.score("serve.overhead", [-0.1] + [1.0] * 59)])

    assert gate.compare(document, document, None, None) == []


ROW = {"key": "cli.help", "samples": [1.0], "calibration": [], "now": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"rows": [], "when": "x", "machine": {"a": 1}}',
        *(
            json.dumps({"rows": [row], "when": "x", "machine": {"a": 1}})
            for row in (1, {}, {**ROW, "samples": ["1"]}, {**ROW, "calibration": [1.0, 2.0]}, {**ROW, "now": {}})
        ),
        json.dumps({"rows": [ROW], "when": "x", "machine": "mine"}),
    ],
)
def test_a_file_that_is_none_of_ours_is_refused_with_the_command_that_makes_one(tmp_path, content):
    file = tmp_path / "base.json"
    file.write_text(content)

    with pytest.raises(UsageError) as raised:
        gate.load(file)
    assert "--save" in raised.value.hint
    file.write_text(json.dumps(run()))
    assert gate.load(file)["rows"][0]["key"] == "cache.redis-read"
