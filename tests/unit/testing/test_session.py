from samplemind_cli.testing import session


def test_a_project_that_takes_long_to_look_at_is_looked_at_more_rarely(monkeypatch, tmp_path):
    looks, pauses = [], []
    monkeypatch.setattr(session.time, "monotonic", lambda: 2.0 * len(looks))  # each look takes two seconds
    monkeypatch.setattr(session.fingerprints, "snapshot", lambda _: looks.append(1) or {"a": (1, len(looks))})

    changed, key = session.next_change(tmp_path, {"a": (1, 1)}, lambda seconds: pauses.append(seconds) or "")

    assert (changed, key) == (["a"], "")
    assert pauses == [session.PAUSE, session.REST * 2.0]


def test_a_path_is_moved_to_the_project_s_folder_and_a_long_expression_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_a.py").touch()
    words = " or ".join(["good"] * 50)
    moved = session._from_root(("test_a.py::test_b", "-k", words), tmp_path / "deep", tmp_path)
    assert moved == ("deep/test_a.py::test_b", "-k", words)


def test_a_key_without_a_meaning_ends_no_waiting(tmp_path):
    pressed = iter("x?q")

    assert session.next_change(tmp_path, {}, lambda _: next(pressed)) == ([], "q")
