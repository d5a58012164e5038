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


def test_anthropics_client_lists_the_models_page_by_page_and_finds_one(served, anthropic):
    import anthropic as package

    page = anthropic.models.list(limit=3)
    names = [model.id for model in page]  # of all pages
    back = anthropic.models.list(limit=2, before_id=names[4])

    with served.openai() as client:
        assert names == [model.id for model in client.models.list()]
    assert (len(page.data), page.has_more, page.last_id) == (3, True, names[2])
    assert [model.id for model in back.data] == names[2:4]
    found = anthropic.models.retrieve(names[-1])
    assert (found.id, found.type, found.display_name) == (names[-1], "model", names[-1])
    assert found.created_at.year == 1970
    with pytest.raises(package.NotFoundError) as missing:
        anthropic.models.retrieve("openai/nobody-knows-this")
    assert missing.value.body["error"]["type"] == "not_found_error"
    with pytest.raises(package.BadRequestError, match="limit"):
        anthropic.models.list(limit=0)


def test_claude_code_finds_the_models_whose_names_it_keeps(served):
    headers = {"anthropic-version": "2023-06-01", "user-agent": "claude-cli/2.1.197"}
    told = served.http.get("/v1/models?limit=1000", headers=headers).json()

    assert [model["id"] for model in told["data"] if "anthropic" in model["id"]]
    assert told["has_more"] is False


def test_a_daemon_is_not_asked_for_its_list_each_time(served, mock_server):
    for _ in range(3):
        served.http.get("/v1/models").raise_for_status()

    assert [request.path for request in mock_server.requests].count("/api/tags") == 1
