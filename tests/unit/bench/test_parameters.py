import pytest

from samplemind_cli.bench import parameters
from samplemind_cli.errors import UsageError


def test_every_combination_is_put_in_for_its_names_and_other_braces_stay():
    command = ["make", "-j{n}", "{mode}/{n}", "{other}", '{"json": 1}']
    found = parameters.read([("n", "1,2"), ("mode", "a")], command)

    assert [parameters.substitute(command, values) for values in parameters.combinations(found)] == [
        ["make", f"-j{n}", f"a/{n}", "{other}", '{"json": 1}'] for n in "12"
    ]


def test_what_a_value_holds_is_not_replaced_again_and_a_comma_may_be_escaped():
    command = ["{a}{b}"]
    found = parameters.read([("a", r"{b},1\,2"), ("b", "x")], command)

    assert [parameters.substitute(command, values) for values in parameters.combinations(found)] == [
        ["{b}x"],
        ["1,2x"],
    ]


def test_without_parameters_the_command_runs_as_it_is():
    assert parameters.combinations({}) == [{}]
    assert parameters.substitute(["a{b}"], {}) == ["a{b}"]
    assert parameters.label({}) == ""
    assert parameters.label({"n": "1", "m": "x"}) == "n=1 m=x"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("n", "1,2")], "has no {n}"),
        ([("", "1")], "has no {}"),
        ([("m", "1"), ("m", "2")], "given twice"),
        ([("m", "1,2,1")], "the same value twice"),
        ([("m=1,2", "--")], "as two words, not 'm=1,2'"),
    ],
)
def test_a_parameter_that_changes_nothing_is_an_error(given, words):
    with pytest.raises(UsageError) as told:
        parameters.read(given, ["run", "{m}"])
    assert words in told.value.message
    assert "--parameter" in told.value.hint
