"""What Compose reads of .env files."""

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.stack import dotenv


def test_quotes_exports_and_comments_are_read_as_compose_reads_them(tmp_path):
    (tmp_path / ".env").write_text("# COMPOSE_A=no\nexport COMPOSE_B='x y' # yes\nCOMPOSE_C=${COMPOSE_B}!\nCOMPOSE_D\n")
    found = dotenv.variables(tmp_path)
    assert (found["COMPOSE_B"], found["COMPOSE_C"]) == ("x y", "x y!")
    assert not {"COMPOSE_A", "COMPOSE_D"} & set(found)


def test_the_process_s_own_variables_are_stronger(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("COMPOSE_FILE=a\n")
    monkeypatch.setenv("COMPOSE_FILE", "b")
    assert dotenv.variables(tmp_path)["COMPOSE_FILE"] == "b"


def test_files_named_in_the_environment_replace_it_and_the_last_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("COMPOSE_FILE=a\n")
    (tmp_path / "one").write_text("COMPOSE_FILE=b\nCOMPOSE_PROFILES=x\n")
    (tmp_path / "two").write_text("COMPOSE_FILE=c\n")
    monkeypatch.setenv("COMPOSE_ENV_FILES", "one,two")
    found = dotenv.variables(tmp_path)
    assert (found["COMPOSE_FILE"], found["COMPOSE_PROFILES"]) == ("c", "x")


def test_it_can_be_switched_off(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("COMPOSE_FILE=a\n")
    monkeypatch.setenv("COMPOSE_DISABLE_ENV_FILE", "1")
    assert "COMPOSE_FILE" not in dotenv.variables(tmp_path)


def test_bytes_that_are_no_text_and_folders_of_that_name_do_no_harm(tmp_path):
    (tmp_path / ".env").write_bytes(b"X=\xff\nCOMPOSE_FILE=a\n")
    assert dotenv.variables(tmp_path)["COMPOSE_FILE"] == "a"
    (tmp_path / "x" / ".env").mkdir(parents=True)
    assert "COMPOSE_FILE" not in dotenv.variables(tmp_path / "x")


def test_a_file_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    (tmp_path / ".env").touch()
    monkeypatch.setattr("samplemind_cli.trust.content", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(UsageError, match=r"cannot read .*\.env"):
        dotenv.variables(tmp_path)
