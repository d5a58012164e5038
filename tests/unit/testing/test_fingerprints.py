from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.testing import fingerprints as look
from samplemind_cli.testing.pieces import parse

SOURCE = """
LIMIT = 1
def plain(x):
    return x
@register
def decorated():
    return 1
class Shop:
    size = 2
    def method(self):
        return 3
"""


def of_file(path):
    return look.Contents().of(str(path))


def code(tmp_path, text):
    file = tmp_path / "a.py"
    file.write_text(text)
    return parse(file.read_bytes()).by_line


def changed(tmp_path, old, new):
    """The first lines whose digest differs after the edit."""
    before, after = code(tmp_path, SOURCE), code(tmp_path, SOURCE.replace(old, new))
    return {line for line in before if before[line] != after.get(line)}


def test_a_body_belongs_to_its_function_alone(tmp_path):
    assert changed(tmp_path, "return x", "return y") == {3}
    assert changed(tmp_path, "return 3", "return 4") == {10}


def test_a_decorated_function_is_found_by_its_decorator_s_line(tmp_path):
    assert changed(tmp_path, "    return 1", "    return 2") == {5}


def test_constants_class_bodies_decorators_and_methods_belong_to_the_module(tmp_path):
    for old, new in (("LIMIT = 1", "LIMIT = 2"), ("size = 2", "size = 3"), ("def method", "def other")):
        assert 0 in changed(tmp_path, old, new)
    assert 0 in changed(tmp_path, "@register", "@enlist")


def test_a_new_plain_function_and_a_comment_change_nothing_for_others(tmp_path):
    assert set(code(tmp_path, SOURCE).values()) <= set(
        code(tmp_path, SOURCE + "\ndef new():\n    pass  # x\n").values()
    )


@given(st.binary(max_size=60))
def test_any_bytes_have_a_fingerprint_that_a_second_look_confirms(data):
    assert parse(data) == parse(data)
    assert 0 in parse(data).by_line


def test_what_is_gone_differs_from_what_was_there(tmp_path):
    (tmp_path / "f").write_text("")
    assert of_file(tmp_path / "f") != of_file(tmp_path / "g") == ""
    assert look.of_folder(tmp_path) != look.of_folder(tmp_path / "g") == ""


def test_a_folder_is_its_names_without_caches(tmp_path):
    before = look.of_folder(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    assert look.of_folder(tmp_path) == before
    (tmp_path / "new").write_text("")
    assert look.of_folder(tmp_path) != before


def test_a_snapshot_sees_edits_arrivals_and_departures_but_no_environment(tmp_path):
    for name in ("kept", "edited", "gone"):
        (tmp_path / name).write_text("1")
    (tmp_path / "env").mkdir()
    (tmp_path / "env" / "pyvenv.cfg").write_text("")
    before = look.snapshot(tmp_path)
    assert set(before) == {"kept", "edited", "gone"}
    (tmp_path / "edited").write_text("22")
    (tmp_path / "gone").unlink()
    (tmp_path / "new").write_text("1")
    assert look.changes(before, look.snapshot(tmp_path)) == ["edited", "gone", "new"]
