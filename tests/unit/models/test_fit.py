import json

import pytest

from samplemind_cli.models import fit
from samplemind_cli.models.fit import Machine

GB = 1_000_000_000


@pytest.mark.parametrize(
    ("memory", "vram", "place"),
    [
        (16 * GB, 0, "on the CPU"),
        (16 * GB, 8 * GB, "on the GPU"),
        (16 * GB, 4 * GB, "on GPU and CPU"),
        (4 * GB, 2 * GB, "more than available"),
    ],
)
def test_a_model_of_five_gigabytes_runs_where_there_is_room(memory, vram, place):
    assert Machine(memory, vram).place(5 * GB) == place


def test_a_small_machine_is_told_what_to_use_instead():
    said = fit.advice(Machine(3 * GB, 0), [("qwen2.5:7b-instruct", 4_700_000_000), ("tiny:latest", 1000)])
    assert len(said) == 1
    assert said[0].endswith("use qwen2.5:3b-instruct")


def test_a_very_small_machine_is_told_of_the_embedded_model():
    assert "--embedded" in fit.advice(Machine(GB // 2, 0), [("qwen2.5:7b-instruct", 4_700_000_000)])[0]


def test_the_store_is_where_an_installed_models_blob_lies(tmp_path):
    blob = tmp_path / "blobs" / "sha256-abc"
    blob.parent.mkdir()
    blob.touch()
    assert fit.find_store(f"# FROM x:latest\n\nFROM {blob}\nTEMPLATE x") == tmp_path


def test_the_store_of_a_container_is_dockers_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(fit, "DOCKER", str(tmp_path))
    assert fit.find_store("FROM /nowhere/blobs/sha256-abc") == tmp_path


def test_without_a_model_the_store_is_where_ollama_was_told_or_in_its_usual_place(monkeypatch, tmp_path):
    monkeypatch.setattr(fit, "DOCKER", str(tmp_path / "no docker"))
    monkeypatch.setattr(fit, "STORES", (str(tmp_path / "no"), str(tmp_path)))
    assert fit.find_store("") == tmp_path
    monkeypatch.setenv("OLLAMA_MODELS", "/elsewhere")
    assert str(fit.find_store("")) == "/elsewhere"


def test_the_disk_beneath_a_folder_that_is_yet_to_be_made_is_known(tmp_path):
    assert fit.free_disk(tmp_path / "a" / "b") > 0
    assert fit.free_disk(None) is None


def test_a_broken_downloads_notes_are_added_up(tmp_path):
    blobs = tmp_path / "blobs"
    blobs.mkdir()
    for part, done in enumerate((100, 20)):
        note = {"N": part, "Offset": 0, "Size": 200, "Completed": done}
        (blobs / f"sha256-a-partial-{part}").write_text(json.dumps(note))
    (blobs / "sha256-b-partial-0").write_text("")
    assert fit.partly(tmp_path, ["sha256:a", "sha256:b", "sha256:c"]) == {"sha256:a": 120}


def test_this_machine_has_memory():
    assert fit.this_machine().memory > 100_000_000


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (2_417_744, "2.4 MB"), (4_700_000_000, "4.7 GB"), (412e9, "412 GB")]
)
def test_sizes_read_like_the_librarys(size, text):
    assert fit.gigabytes(size) == text
