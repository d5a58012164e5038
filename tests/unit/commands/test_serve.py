import pytest

from samplemind_cli.cli import run


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com"])
def test_any_bind_but_loopback_demands_a_token(host, capsys):
    assert run(["serve", "--host", host]) == 2
    assert "SAMPLEMIND_API_TOKEN" in capsys.readouterr().err


def test_a_token_may_not_stand_in_a_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "samplemind.toml").write_text('api_token = "x"')
    monkeypatch.chdir(tmp_path)

    assert run(["serve"]) == 2
    assert "SAMPLEMIND_API_TOKEN" in capsys.readouterr().err
