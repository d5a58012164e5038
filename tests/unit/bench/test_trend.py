import pytest

from samplemind_cli.bench import trend


def document(seconds, commit="abcdef0123456789", **changes):
    row = {
        "key": "time",
        "metric": "time",
        "unit": "s",
        "now": seconds,
        "low": None,
        "high": None,
        "samples": [seconds],
    }
    known = {"name": "main", "when": "now", "commit": commit, "changed": False, "machine": {}, "command": ["a"]}
    return {**known, "rows": [row], **changes}


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([1.0, 8.0, 4.5], "▁█▅"),
        ([1.0, 1.0], "▅▅"),  # the same is neither high nor low
        ([100.0, 101.0], "▄▅"),  # one percent looks like one
        ([0.0, 0.0], "▁▁"),
    ],
)
def test_medians_become_blocks(values, line):
    assert trend.sparkline(values) == line


def test_each_name_and_metric_is_a_line_and_one_measurement_is_none():
    documents = [document(0.010), document(0.020), document(1.0, name="other")]

    assert trend.plots(documents) == ["main  time  ▁█  10 ms -> 20 ms"]


def test_the_table_marks_what_was_not_committed():
    lines = trend.table([document(0.5), document(0.5, changed=True), document(0.5, commit=None)])

    assert [line[2] for line in lines] == ["abcdef0123", "abcdef0123+", ""]
    assert lines[0] == ("main", "now", "abcdef0123", "time", "500 ms", "", "1")


def test_another_machine_and_another_command_are_told():
    same, other = document(1.0), document(1.0, machine={"python": "4"}, command=["b"])

    assert trend.remarks([same, same]) == []
    assert [line.split(" is not")[0] for line in trend.remarks([same, other])] == [
        "main: the machine",
        "main: the command",
    ]
