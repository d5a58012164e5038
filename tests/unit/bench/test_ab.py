from samplemind_cli.bench import ab


def told(pairs):
    found = ab.Comparison(pairs=pairs)
    ab._judge(found, 0.03)
    return ab.summary(ab.document(found, ["main", "the working tree"], ["echo"], 0.03))


def test_a_comparison_says_what_its_ratio_is():
    said = told([(0.010, 0.012)] * 40)

    assert said.splitlines() == [
        "main              10.0 ms median",
        "the working tree  12.0 ms median",
        "worse: 1.200x, between 1.200 and 1.200",
        "1.200x is the median of 40 ratios, each of two consecutive runs",
    ]


def test_medians_that_seem_to_contradict_the_ratio_are_explained():
    # The machine slows down threefold for part of the time, and the candidate always takes 5 % longer than its pair.
    base = [0.010] * 30 + [0.030] * 31
    pairs = [(seconds, seconds * 1.05) for seconds in base]
    pairs[30:33] = [(0.030, 0.0105)] * 3

    said = told(pairs)

    assert "worse: 1.050x" in said
    assert "the quotient of the two medians is 0.350x" in said
    assert "decides nothing" in said
