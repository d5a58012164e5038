from samplemind_cli.testing import session


def test_a_path_is_moved_to_the_project_s_folder_and_a_long_expression_stays(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "test_a.py").touch()
    words = " or ".join(["good"] * 50)
    moved = session._from_root(("test_a.py::test_b", "-k", words), tmp_path / "deep", tmp_path)
    assert moved == ("deep/test_a.py::test_b", "-k", words)
