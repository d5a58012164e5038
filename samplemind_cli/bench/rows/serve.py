"""The core over HTTP: one worker, one kept connection, a mock behind it."""

import itertools
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from samplemind_cli.bench import measure as kernel
from samplemind_cli.bench.board import BoardRun, Score, score
from samplemind_cli.bench.rows.cli import MODEL, program, sandbox
from samplemind_cli.child.reaped import reaped
from samplemind_cli.errors import SamplemindError
from samplemind_cli.mock import MockServer

PATH = "/v1/chat/completions"
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer mock"}  # the mock accepts any key
OK = 200
PATIENCE = 10.0  # seconds for one answer


def measure(run: BoardRun) -> Iterator[Score]:
    """A repeated answer, and the latency that `serve` adds to an answer of the mock."""
    number = itertools.count()
    with MockServer() as mock, _serving(run.folder, mock) as url, _client(url) as ours, _client(mock.url) as theirs:
        steps = {
            "cached": lambda: _ask(ours, f"ollama/{MODEL}", "Again"),
            "uncached": lambda: _ask(ours, f"ollama/{MODEL}", f"Question {next(number)}"),
            "direct": lambda: _ask(theirs, MODEL, f"Question {next(number)}"),
            kernel.WORK: kernel.fixed_work,
        }
        kernel.interleaved(steps, 5)
        times = kernel.interleaved(steps, 60 if run.quick else 400)
    work, note = times[kernel.WORK], "one worker, one connection, against a 0-ms mock"
    yield score("serve.cached", kernel.milliseconds(times["cached"]), work, note)
    added = [through - direct for through, direct in zip(times["uncached"], times["direct"], strict=True)]
    yield score("serve.overhead", kernel.milliseconds(added), work, note)


@contextmanager
def _serving(folder: Path, mock: MockServer) -> Iterator[str]:
    """The URL of a server of our own. Raises SamplemindError with its output if it does not start."""
    argv = [*program(), "serve", "--port", "0", "--json"]
    env = sandbox(folder, mock)
    log_file = folder / "words"  # not a pipe, which would fill up and block the server
    with log_file.open("wb") as log, reaped(argv, log.fileno(), env, folder) as server:
        line = server.stdout.readline() if server.stdout else b""
        if not line:
            message = log_file.read_text("utf-8", "replace")
            raise SamplemindError(f"`samplemind serve` does not start: {message.strip().removeprefix('error: ')}")
        yield json.loads(line)["url"]


@contextmanager
def _client(url: str) -> Iterator[HTTPConnection]:
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE)) as client:
        try:
            yield client
        except (OSError, HTTPException) as error:
            raise SamplemindError(f"{url} broke off: {error!r}") from error


def _ask(client: HTTPConnection, model: str, text: str) -> None:
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]})
    client.request("POST", PATH, body, HEADERS)
    answer = client.getresponse()
    content = answer.read()
    if answer.status != OK:
        raise SamplemindError(f"unexpected status {answer.status}: {content[:200]!r}")
