"""`/v1/models`: what can really be asked."""

import pytest

pytestmark = pytest.mark.integration


def test_the_models_of_every_provider_are_listed_and_found_one_by_one(served):
    with served.openai() as client:
        listed = [model.id for model in client.models.list()]
        found = client.models.retrieve(listed[-1])
        with pytest.raises(served.official.NotFoundError):
            client.models.retrieve("openai/nobody-knows-this")

    assert {name.partition("/")[0] for name in listed} >= {"auto", "ollama", "openai", "anthropic", "gemini"}
    assert found.id == listed[-1]


def test_a_daemon_is_not_asked_for_its_list_each_time(served, mock_server):
    for _ in range(3):
        served.http.get("/v1/models").raise_for_status()

    assert [request.path for request in mock_server.requests].count("/api/tags") == 1
