"""A further provider and a host of one's own, both played by the mock."""

import pytest


@pytest.fixture
def hosts(mock_server, tmp_path, monkeypatch):
    """GROQ and a host of one's own, `my-vllm`, at the mock; nobody else."""
    for name in mock_server.exports:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    monkeypatch.setenv("GROQ_BASE_URL", f"{mock_server.url}/v1")
    monkeypatch.setenv("GROQ_API_KEY", "sk-groq")
    monkeypatch.setenv("LAB_TOKEN", "sk-lab")
    config = tmp_path / "config"
    (config / "samplemind").mkdir(parents=True)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(config))
    block = ("[providers.my-vllm]", f'url = "{mock_server.url}/v1"', 'key_variable = "LAB_TOKEN"')
    file = config / "samplemind" / "config.toml"
    file.write_text("\n".join((*block, 'model = "qwen3"', "local = true")))
    return mock_server
