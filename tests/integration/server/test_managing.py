"""`serve --manage` before the real daemon."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from parts.another_user import answered, only_root
from parts.ollama_daemon import MODELS

pytestmark = pytest.mark.integration
MANAGED = [("POST", "create"), ("POST", "copy"), ("POST", "push"), ("POST", "pull"), ("DELETE", "delete")]
MANAGED.append(("POST", "blobs/sha256:0"))


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


def test_the_official_client_makes_a_model_out_of_a_file_through_serve(managed, tmp_path):
    from ollama import Client

    store = Path(MODELS)
    manifest = json.loads(next(store.glob("manifests/*/library/tiny/latest")).read_text())
    (layer,) = [layer for layer in manifest["layers"] if layer["mediaType"].endswith(".model")]
    file = tmp_path / "tiny.gguf"
    file.write_bytes((store / "blobs" / layer["digest"].replace(":", "-")).read_bytes())
    with Client(host=managed.url, verify=False) as client:
        digest = client.create_blob(file)
        assert client.create(model="out-of-a-file", files={"tiny.gguf": digest}).status == "success"

    assert managed.http.head(f"/api/blobs/{digest}").status_code == 200
    assert managed.http.head("/api/blobs/sha256:" + "0" * 64).status_code == 404
    assert managed.ask(model="ollama/out-of-a-file").status_code == 200


def test_a_file_larger_than_any_body_reaches_the_daemon(managed):
    data = os.urandom(1024) * 20_000
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"

    assert managed.http.post("/api/chat", content=data).status_code in (413, 415)
    assert managed.http.post(f"/api/blobs/{digest}", content=data).status_code == 201
    wrong = managed.http.post(f"/api/blobs/sha256:{'0' * 64}", content=b"other")
    assert (wrong.status_code, "digest" in wrong.text) == (400, True)
    assert managed.http.post(f"/api/blobs/{digest}", content=b"", headers={"origin": "https://x"}).status_code == 403


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


@only_root
def test_without_a_token_another_user_of_the_machine_changes_no_models(serve, mock_server):
    served = serve("--manage")
    for method, name in MANAGED:
        head = f"{method} /api/{name} HTTP/1.1\r\nContent-Type: application/json"
        said = answered(served.port, head, b'{"model": "tiny", "source": "tiny", "destination": "y"}')
        assert said.split()[1] == b"403", (method, name, said)
    assert not mock_server.requests
