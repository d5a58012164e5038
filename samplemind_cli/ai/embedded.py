"""The embedded model as an endpoint: its engine starts on first use and ends with this process.

It runs in a child process, because inside this one llama.cpp would hold the GIL while it loads, hang at exit as long as
a client is connected, and crash this process when it fails an assertion. An engine either chats or makes
embeddings, as in llama.cpp's server: for both, two engines run.
"""

import asyncio
import atexit
import importlib.util
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, cast

from samplemind_cli import processors
from samplemind_cli.ai.embedded_model import (
    DOWNLOAD_BYTES,
    Progress,
    fetch,
    is_present,
    model_name,
    model_path,
)
from samplemind_cli.ai.types import Endpoint
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

__all__ = ["DOWNLOAD_BYTES", "Progress", "available", "fetch", "is_present", "model_name", "model_path", "start"]

INSTALL = "pip install 'samplemind-cli[embedded]'"
CONTEXT = 8192  # tokens, what the default model was trained on: 185 MB; a model trained on less gets less
# Tokens of one text that becomes a vector. All of them are computed at once: 0.24 GB with short texts, 1 GB with one
# of this length.
TEXT = 2048
GLANCE = 0.005  # seconds between polls for the engine to be ready


@cache  # cached: `serve` calls it for every request, and finding a missing module searches every folder
def available() -> str | None:
    """None when the engine can be used, else the reason. Imports nothing."""
    return None if importlib.util.find_spec("xllamacpp") else "the extra `embedded` is not installed"


async def start(settings: Settings, progress: Progress | None = None, *, vectors: bool = False) -> Endpoint:
    """The endpoint of the configured model: fetched if necessary, loaded once, and kept until this process ends.

    It answers chats or, with `vectors`, embeddings. Raises UsageError and ProviderError. Cancelling stops a download;
    loading continues for the next caller.
    """
    if reason := available():
        raise ProviderError(f"the embedded model cannot be used: {reason}", INSTALL)
    path = await fetch(settings, progress)
    engine = _engine(path, model_name(settings), vectors=vectors)
    while not (endpoint := engine.endpoint()):  # noqa: ASYNC110 - a pipe that several event loops may wait for
        await asyncio.sleep(GLANCE)
    return endpoint


class EngineProcess:
    """A running engine. It reads its configuration from stdin, whose end tells it that our process has ended."""

    def __init__(self, path: Path, name: str, *, vectors: bool) -> None:
        import secrets

        self.path, self.name, self.key = path, name, secrets.token_urlsafe()
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            [
                sys.executable,
                "-P",
                "-c",
                f"from {__name__}_engine import serve; serve()",
            ],  # -P: nothing from the user's folder
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for us
        )
        self._said = b""
        self._listening = threading.Lock()
        size = {"tokens": TEXT if vectors else CONTEXT, "threads": _threads()}
        order = {"path": os.fspath(path.absolute()), "name": name, "key": self.key, "vectors": vectors, **size}
        with suppress(BrokenPipeError):  # it has ended already: `endpoint` tells
            _pipe(self.process.stdin).write(json.dumps(order).encode() + b"\n")
        os.set_blocking(_pipe(self.process.stdout).fileno(), False)

    def endpoint(self) -> Endpoint | None:
        """Its URL, None while it loads. Raises ProviderError when it has exited instead."""
        with self._listening:
            if self._said.endswith(b"\n"):
                return Endpoint(f"{self._said.decode().strip()}/v1", self.name, self.key)
            pipe = _pipe(self.process.stdout)
            heard = b"" if pipe.closed else pipe.read()  # None: nothing yet; b"": its end
            if heard == b"":
                self.stop()
                raise ProviderError(
                    f"the engine cannot load {self.path}",
                    "SAMPLEMIND_EMBEDDED_MODEL names a whole GGUF file of a chat model that fits into memory",
                )
            self._said += heard or b""
            return None

    def stop(self) -> None:
        """Kill it."""
        with self.process as process:
            process.kill()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """The pipe, which exists because it was requested; the type cannot know."""
    return cast("IO[bytes]", stream)


_engines: dict[tuple[Path, str, bool], EngineProcess] = {}
_starting = threading.Lock()


def _engine(path: Path, name: str, *, vectors: bool) -> EngineProcess:
    """The engine of that model and kind, started unless it runs."""
    with _starting:
        engine = _engines.get((path, name, vectors))
        if engine and engine.process.poll() is not None:
            engine.stop()
            engine = None
        if not engine:
            engine = _engines[path, name, vectors] = EngineProcess(path, name, vectors=vectors)
        return engine


@atexit.register
def _stop() -> None:
    """Kill every engine; one whose parent was killed exits by itself."""
    while _engines:
        _engines.popitem()[1].stop()


def _threads() -> int:
    """The number of threads: half of the processors this process may use.

    They spin while they wait for each other, so one that shares its processor delays all: on two processors with one
    busy neighbour, two threads make 3 tokens/s and one makes 25; with none, 120 and 70. With two hardware threads to a
    core, half of the processors is every core.
    """
    return max(1, processors.usable() // 2)
