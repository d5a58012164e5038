"""The real engine with the real model, over HTTP as the core asks it."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import aclosing
from http.client import HTTPConnection
from pathlib import Path
from signal import SIGINT

import pytest
from parts.gguf import tiny

from samplemind_cli.ai import AICore, Message, Options, Request, embedded
from samplemind_cli.errors import NoProviderError, ProviderError, UsageError
from samplemind_cli.settings import Settings

pytest.importorskip("xllamacpp", reason="the extra `embedded` is not installed")
pytestmark = pytest.mark.integration

# A program that starts the engine, asks it in a stream and then does what its last lines say.
PROGRAM = """
import asyncio, json, sys, urllib.request
from samplemind_cli.ai import embedded
from samplemind_cli.settings import Settings

endpoint = asyncio.run(embedded.start(Settings(embedded_model=sys.argv[1])))
body = {"messages": [{"role": "user", "content": "Count to a thousand"}], "stream": True, "ignore_eos": True}
headers = {"content-type": "application/json", "authorization": f"Bearer {endpoint.api_key}"}
answer = urllib.request.urlopen(
    urllib.request.Request(f"{endpoint.base_url}/chat/completions", json.dumps(body).encode(), headers)
)
answer.readline()
"""
TELL = "print(next(iter(embedded._engines.values())).process.pid, flush=True)\n"  # that it answers, and who


@pytest.fixture(scope="module")
def settings(embedded_data_home):
    return Settings(data_dir=str(embedded_data_home / "samplemind"))


@pytest.fixture(scope="module")
def endpoint(settings):
    return asyncio.run(embedded.start(settings))


def ask(endpoint, prompt, **options):
    """The status and the decoded body, or the decoded events of a stream."""
    body = {"model": endpoint.model, "messages": [{"role": "user", "content": prompt}], "max_tokens": 8, **options}
    headers = {"content-type": "application/json", "authorization": f"Bearer {endpoint.api_key}"}
    request = urllib.request.Request(f"{endpoint.base_url}/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            if not options.get("stream"):
                return response.status, json.load(response)
            lines = response.read().decode().split("\n\n")
            return response.status, [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_answers_on_loopback_under_the_models_name(endpoint):
    status, answer = ask(endpoint, "Say hi")
    assert endpoint.base_url.startswith("http://127.0.0.1:")
    assert (status, answer["model"]) == (200, "SmolLM2-135M-Instruct-Q4_1")
    assert answer["choices"][0]["message"]["content"].strip()


def test_the_chat_template_is_applied(endpoint):
    _, answer = ask(endpoint, "Say hi")
    assert answer["usage"]["prompt_tokens"] > 20  # two words, their roles and the model's own system prompt


def test_a_stream_comes_in_pieces_and_ends_with_the_usage(endpoint):
    options = {"stream": True, "stream_options": {"include_usage": True}, "temperature": 0}
    _, events = ask(endpoint, "Say hi", **options)
    pieces = [e["choices"][0]["delta"].get("content") for e in events if e["choices"]]
    assert len([piece for piece in pieces if piece]) > 1
    assert events[-1]["choices"] == []
    assert events[-1]["usage"]["completion_tokens"] == 8


def test_an_answer_keeps_to_a_schema(endpoint):
    schema = {
        "type": "object",
        "properties": {"genre": {"enum": ["jazz", "rock"]}, "bpm": {"type": "integer", "minimum": 0, "maximum": 300}},
        "required": ["genre", "bpm"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "sample", "schema": schema, "strict": True}}
    _, answer = ask(endpoint, "Classify a fast bebop sample", response_format=form, max_tokens=80)
    sample = json.loads(answer["choices"][0]["message"]["content"])
    assert sample["genre"] in ("jazz", "rock")
    assert 0 <= sample["bpm"] <= 300


def test_a_prompt_that_does_not_fit_is_refused_and_not_cut(endpoint):
    status, answer = ask(endpoint, "hi " * 2 * embedded.CONTEXT)
    assert (status, answer["error"]["type"]) == (400, "exceed_context_size_error")


def test_other_users_of_the_machine_cannot_ask(endpoint):
    status, _ = ask(type(endpoint)(endpoint.base_url, endpoint.model, "guessed"), "Say hi")
    assert status == 401
    assert endpoint.api_key not in repr(endpoint)


def test_a_second_start_is_the_same_engine(settings, endpoint):
    async def ten():
        return await asyncio.gather(*(embedded.start(settings) for _ in range(10)))

    assert set(asyncio.run(ten())) == {endpoint}


def test_a_client_that_goes_ends_the_generation(endpoint):
    host, _, path = endpoint.base_url.removeprefix("http://").partition("/")
    headers = {"content-type": "application/json", "authorization": f"Bearer {endpoint.api_key}"}
    prompt = [{"role": "user", "content": "Count to a thousand"}]
    connection = HTTPConnection(host)
    connection.request(
        "POST",
        f"/{path}/chat/completions",
        json.dumps({"messages": prompt, "stream": True, "ignore_eos": True}),
        headers,
    )
    connection.getresponse().readline()
    assert busy(host, headers)
    connection.close()
    deadline = time.monotonic() + 10
    while busy(host, headers):
        assert time.monotonic() < deadline, "still generating for nobody"


def busy(host, headers):
    with urllib.request.urlopen(urllib.request.Request(f"http://{host}/slots", headers=headers)) as response:
        return any(slot["is_processing"] for slot in json.load(response))


def test_a_file_that_only_looks_like_a_model_is_an_error_and_no_crash(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF\x03\x00\x00\x00" + b"x" * 1000)

    async def twice():
        both = (embedded.start(Settings(embedded_model=str(file))) for _ in range(2))
        return await asyncio.gather(*both, return_exceptions=True)

    for error in asyncio.run(twice()):
        assert isinstance(error, ProviderError)
        assert f"cannot load {file}" in error.message


@pytest.fixture
def own(tmp_path):
    """Settings with a model file of one's own, which is loaded in no time and can talk for seconds."""
    file = tmp_path / "own é.gguf"
    file.write_bytes(tiny(embedded.CONTEXT))
    return Settings(embedded_model=str(file))


def begun(settings):
    """The engine of that model."""
    return embedded._engines[embedded.model_path(settings), embedded.model_name(settings), False]


def test_another_file_runs_beside_the_default_under_its_own_name(own, endpoint):
    other = asyncio.run(embedded.start(own))
    assert other.base_url != endpoint.base_url
    assert other.model.startswith("own é-")
    assert ask(other, "Say hi")[1]["model"] == other.model


@pytest.mark.parametrize(("end", "code"), [("", 0), ("sys.exit(3)", 3), ("import os; os.kill(os.getpid(), 9)", -9)])
def test_a_process_and_its_engine_end_at_once_and_silently_while_it_answers(own, end, code):
    command = [sys.executable, "-c", PROGRAM + TELL + end, own.embedded_model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        said, complaint = process.communicate(timeout=30)
    assert (process.returncode, complaint) == (code, "")
    wait_for_the_end_of(int(said))


def test_an_interrupted_process_ends_at_once_and_silently(own):
    end = f"try:\n    {TELL}    answer.read()\nexcept KeyboardInterrupt:\n    sys.exit(130)\n"
    command = [sys.executable, "-c", PROGRAM + end, own.embedded_model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        engine = int(process.stdout.readline())
        process.send_signal(SIGINT)
        _, said = process.communicate(timeout=10)
    assert (process.returncode, said) == (130, b"")
    wait_for_the_end_of(engine)


def wait_for_the_end_of(pid):
    deadline = time.monotonic() + 10
    while running(pid):
        assert time.monotonic() < deadline, "the engine outlives its owner"


def running(pid):
    """Whether that process runs; a dead one that nobody has waited for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_the_loop_goes_on_while_the_engine_loads(own):
    async def count():
        start = asyncio.create_task(embedded.start(own))
        turns = 0
        while not start.done():
            await asyncio.sleep(0.001)
            turns += 1
        return turns

    assert asyncio.run(count()) > 20


def test_cancelling_does_not_wait_for_the_load_and_the_next_one_takes_it_over(own):
    async def give_up():
        await asyncio.wait_for(embedded.start(own), 0.01)

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    first = begun(own)
    assert asyncio.run(embedded.start(own)).api_key == first.key


def test_an_engine_that_died_is_started_again(own):
    first = asyncio.run(embedded.start(own))
    process = begun(own).process
    process.kill()
    process.wait()
    second = asyncio.run(embedded.start(own))
    assert second.base_url != first.base_url
    assert ask(second, "Say hi")[0] == 200


def test_the_key_is_in_no_process_list(endpoint, settings):
    assert endpoint.api_key not in " ".join(begun(settings).process.args)


@pytest.fixture
def core(settings, tmp_path):
    return AICore(Settings(data_dir=settings.data_dir, cache_dir=str(tmp_path)))


def embedded_texts(core, *texts, **options):
    return asyncio.run(core.embed(texts, Options(provider="embedded", cache="off"), **options))


def likeness(one, other):
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_like_texts_are_nearer_than_others_and_every_vector_has_the_length_one(core, settings):
    texts = ("A cat sits on the mat", "A kitten lies on the rug", "The stock market fell sharply today")
    found = embedded_texts(core, *texts)
    cat, kitten, market = found.vectors
    assert likeness(cat, kitten) > max(likeness(cat, market), likeness(kitten, market))
    assert [likeness(v, v) for v in found.vectors] == pytest.approx([1, 1, 1], abs=1e-5)
    assert (found.model, found.cached) == (embedded.model_name(settings), False)
    assert found.tokens > 10


def test_a_text_has_the_same_vector_in_whatever_company(core):
    alone = embedded_texts(core, "a dusty drum break").vectors
    among = embedded_texts(core, "a dusty drum", "a dusty drum break", "jazz").vectors
    assert among[1] == pytest.approx(alone[0], abs=1e-5)


def test_a_text_too_long_for_a_vector_is_refused_and_not_cut(core):
    with pytest.raises(
        NoProviderError, match=rf"a text of \d+ tokens is too long for this embedding model: at most {embedded.TEXT}"
    ):
        embedded_texts(core, "short", "hi " * 2 * embedded.TEXT)


def test_other_dimensions_than_the_models_are_refused(core):
    size = len(embedded_texts(core, "hi").vectors[0])
    assert len(embedded_texts(core, "hi", dimensions=size).vectors[0]) == size
    with pytest.raises(UsageError, match=f"have {size} dimensions, not 7"):
        embedded_texts(core, "hi", dimensions=7)


def test_chat_and_vectors_are_answered_at_the_same_time_by_an_engine_each(core, settings, endpoint):
    async def both():
        vectors = await embedded.start(settings, vectors=True)
        request = Request(messages=(Message("user", "Count to a hundred"),), max_tokens=40)
        async with aclosing(core.stream(request, Options(provider="embedded", cache="off"))) as answer:
            await anext(answer)  # it speaks, and goes on while the vectors are made
            found = await core.embed(["hi"], Options(provider="embedded", cache="off"))
            rest = [chunk.text async for chunk in answer]
        return vectors, found, rest

    vectors, found, rest = asyncio.run(both())
    assert (vectors.base_url, vectors.api_key) != (endpoint.base_url, endpoint.api_key)
    assert found.vectors[0]
    assert "".join(rest)
