"""Edits that move, hide or swap functions."""

import pytest

from samplemind_cli.testing.pieces import MODULE, parse

SOURCE = """
from other import thing
def plain():
    return [x for x in (lambda: 1)()]
class A:
    def f(self):
        return 1
class B:
    def f(self):
        return 2
"""


@pytest.fixture
def look():
    def look(text):
        return parse(text.encode())

    return look


def test_methods_that_swap_their_bodies_both_change(look):
    before, after = look(SOURCE), look(SOURCE.replace("1\nclass", "9\nclass").replace("2", "1").replace("9", "2"))
    assert not {before.at(6), before.at(9)} & {after.at(6), after.at(9)}


def test_a_lambda_and_a_comprehension_belong_to_the_function_around(look):
    found = look(SOURCE)
    assert found.at(4) == found.at(3) != found.at(MODULE)


def test_what_stands_in_no_function_belongs_to_the_module(look):
    found = look(SOURCE)
    assert found.at(5) == found.at(8) == found.at(MODULE)


@pytest.mark.parametrize("name", ["len", "thing", "plain", "pytest_runtest_setup", "setup_module", "__getattr__"])
def test_a_new_function_that_others_may_call_unnamed_changes_the_module(look, name):
    assert look(SOURCE + f"def {name}(*_):\n    pass\n").at(MODULE) != look(SOURCE).at(MODULE)


def test_a_new_function_changes_a_module_that_looks_at_its_own_names(look):
    asks = SOURCE + "ALL = globals()\n"
    assert look(asks + "def new():\n    pass\n").at(MODULE) != look(asks).at(MODULE)


def test_functions_in_branches_are_told_apart(look):
    source = "if X:\n    def f():\n        return 1\nelse:\n    def f():\n        return 2\n"
    swapped = source.replace("1", "9").replace("2", "1").replace("9", "2")
    assert not set(look(source).by_line.values()) & set(look(swapped).by_line.values()) - {look(source).at(MODULE)}


def test_the_words_of_imports_are_known(look):
    assert look("import a.b as c\nfrom d.e import f\nfrom . import g\n").imports == {"b", "e", "f", "g", ""}


def test_a_file_of_a_newer_python_is_one_piece(look):
    assert set(look("def f(:\n").by_line) == {MODULE}
