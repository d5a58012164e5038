import pytest


@pytest.fixture
def no_backoff(monkeypatch):
    """Backoff without its seconds; what a provider asks for is waited for."""
    import tenacity

    monkeypatch.setattr(tenacity, "wait_exponential_jitter", lambda **_: lambda _: 0.0)
