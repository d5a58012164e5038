"""`serve --manage` before the real daemon."""

import json

import pytest

pytestmark = pytest.mark.integration
MANAGED = [("POST", "create"), ("POST", "copy"), ("POST", "push"), ("POST", "pull"), ("DELETE", "delete")]


@pytest.fixture
def managed(serve, talking_daemon):
    return serve("--manage", OLLAMA_HOST=talking_daemon.url)


def told(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_model_is_made_copied_and_deleted_through_serve(managed):
    made = managed.http.post("/api/create", json={"model": "mine", "from": "tiny", "system": "be brief"})
    assert made.headers["content-type"] == "application/x-ndjson"
    assert told(made)[-1] == {"status": "success"}

    whole = managed.http.post("/api/create", json={"model": "third", "from": "tiny", "stream": False})
    assert whole.json() == {"status": "success"}
    assert managed.http.post("/api/copy", json={"source": "mine", "destination": "other"}).status_code == 200
    assert managed.ask(model="ollama/other").status_code == 200
    gone = managed.http.request("DELETE", "/api/delete", json={"model": "other"})
    assert (gone.status_code, gone.content) == (200, b"")
    assert managed.ask(model="ollama/other", messages=[{"role": "user", "content": "new"}]).status_code == 404


def test_the_daemons_own_refusal_comes_back(managed):
    copied = managed.http.post("/api/copy", json={"source": "nothing", "destination": "other"})
    deleted = managed.http.request("DELETE", "/api/delete", json={"model": "nothing"})
    pulled = managed.http.post("/api/pull", json={"model": "127.0.0.1:9/library/none", "insecure": True})

    assert (copied.status_code, deleted.status_code) == (404, 404)
    assert "nothing" in deleted.json()["error"]
    assert "error" in told(pulled)[-1]


@pytest.mark.parametrize(("method", "name"), MANAGED)
def test_without_the_option_it_is_not_implemented_in_ollamas_words(served, method, name, mock_server):
    answer = served.http.request(method, f"/api/{name}", json={"model": "x", "source": "x", "destination": "y"})

    assert answer.status_code == 501
    assert "serve --manage" in answer.json()["error"]
    assert not mock_server.requests


def test_a_clients_named_key_changes_no_models(serve, talking_daemon):
    from samplemind_cli.server import client_keys
    from samplemind_cli.settings import Settings

    key = client_keys.of(Settings.load()).add("ci")
    served = serve("--manage", OLLAMA_HOST=talking_daemon.url, SAMPLEMIND_API_TOKEN="the-owner")

    def deleted(key):
        headers = {"authorization": f"Bearer {key}"}
        return served.http.request("DELETE", "/api/delete", json={"model": "tiny"}, headers=headers)

    assert deleted(key).status_code == 403
    assert isinstance(deleted(key).json()["error"], str)
    assert deleted("the-owner").status_code == 200
