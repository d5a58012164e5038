"""What the providers' own clients read in an answer's bytes, we read too: text, calls, end and tokens."""

import json
import warnings
from fnmatch import fnmatch
from pathlib import Path

import pytest
from parts import official
from parts.scripted import JSON, NAMED, NDJSON, SSE, WIRES, events, provider, route

from samplemind_cli.ai import AICore, Message, Options, Request
from samplemind_cli.errors import ProviderError
from samplemind_cli.settings import Settings

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("no_backoff")]
WORLD = Path(__file__).with_name("world")
KEY = "topsecret-team-token"
OSLO = {"city": "Oslo"}
ARGUMENTS = {"object": OSLO, "text": json.dumps(OSLO), "twice": json.dumps(json.dumps(OSLO)), "cut": '{"city": "Os'}
ARGUMENTS |= {"none": None, "nothing": "", "null": "null", "empty": {}, "empty-text": "{}"}
IDS = {"no": ("", ""), "same": ("a", "a"), "other": ("a", "b"), "null": (None, None)}
ENDS = ("eos", "EOS_TOKEN", "end_turn", "stop_sequence", "STOP", "COMPLETE", "max_tokens", "something_new")
ERRORS = {
    "text": {"error": "the reason"},
    "nested": {"error": {"message": "the reason", "code": 400}},
    "object": {"object": "error", "message": "the reason", "code": 40_001},
    "detail": {"detail": "the reason"},
    "list": [{"error": {"message": "the reason", "code": 400}}],
}
# How each word for an end is to be read; what is in no list is an end that nobody knows.
MEANS = {
    "stop": ("completed", "stop", "end_turn", "stop_sequence", "STOP", "eos", "EOS_TOKEN", "COMPLETE"),
    "length": ("length", "max_tokens", "MAX_TOKENS"),
    "tool_calls": ("tool_calls", "tool_use"),
}

# Where the provider's client does not read the same: by the names of the cases, and why.
ELSEWHERE = {
    "*-arguments-twice": "text within text: none of them opens it",
    "*-arguments-null": "the word null, where nothing was meant",
    "*-arguments-nothing": "an empty text is handed on, or refused",
    "[aor]*-arguments-none": "null is handed on, or refused",
    "responses-streamed-arguments-object": "an object where text is due: OpenAI's client cannot join it",
    "responses-streamed-arguments-empty": "an object where text is due: OpenAI's client cannot join it",
    "responses-streamed-*-ids": "an object where text is due: OpenAI's client cannot join it",
    "responses-streamed-error-[odl]*": "in a stream OpenAI's client looks for `error` alone",
    "gemini-*-arguments-text": "text where an object is due: Gemini's client refuses it",
    "gemini-*-arguments-empty-text": "text where an object is due: Gemini's client refuses it",
    "gemini-*-arguments-cut": "text where an object is due: Gemini's client refuses it",
    "ollama-*-arguments-text": "text where an object is due: Ollama's client refuses it",
    "ollama-*-arguments-empty-text": "text where an object is due: Ollama's client refuses it",
    "ollama-*-arguments-cut": "text where an object is due: Ollama's client refuses it",
    "02_two_calls_one_index": "two calls with one index: OpenAI's client joins their arguments to what is no JSON",
    "03b_args_string_ollama": "text where an object is due: Ollama's client refuses it",
    "03c_args_string_gemini": "text where an object is due: Gemini's client refuses it",
    "04a_full_message_at_end": "OpenAI's client leaves out the event with the whole answer, and the usage in it",
    "05a_content_parts_stream": "content as a list of parts: OpenAI's client cannot join it",
    "05b_content_parts_whole": "content as a list of parts: OpenAI's client hands the list on",
    "*-whole-error-*": "of a whole answer whose status is good no client asks whether it is an error",
    "openai-streamed-error-[odl]*": "in a stream OpenAI's client looks for `error` alone",
    "gemini-streamed-error-[todl]*": "in a stream Gemini's client looks for an object in `error` alone",
    "ollama-streamed-error-[nodl]*": "Ollama's client looks for a text in `error` alone",
    "ollama-refused-list": "Ollama's client looks for an object",
    "12_sse_error_event": "OpenAI's client does not look at an event's name",
    "14_tool_calls_end_skips_schema": "an end by tool calls without a call: we say that it stopped, and do not keep it",
    "09_schema_cut_off": "OpenAI's client makes an error of an end by length",
}


def variations():
    for name, wire in WIRES.items():
        for stream in (True, False):
            of = f"{name}-{'streamed' if stream else 'whole'}"
            yield f"{of}-text", name, *wire("The answer is 4.", stream=stream), 200
            for word, given in ARGUMENTS.items():
                yield f"{of}-arguments-{word}", name, *wire(calls=[("x", "weather", given)], stream=stream), 200
            for word, ids in IDS.items():
                calls = [(i, "weather", {"n": n}) for n, i in enumerate(ids)]
                yield f"{of}-{word}-ids", name, *wire("Let me see.", calls=calls, stream=stream), 200
            for word in ENDS:
                yield f"{of}-end-{word}", name, *wire("The answer is 4.", finish=word, stream=stream), 200
            for word, error in ERRORS.items():
                told = events(error) if stream and name != "ollama" else json.dumps(error)
                told = f"event: error\n{told}" if stream and name in NAMED else told
                kind = JSON if not stream else NDJSON if name == "ollama" else SSE
                yield f"{of}-error-{word}", name, told, kind, 200
        for word, error in ERRORS.items():
            yield f"{name}-refused-{word}", name, json.dumps(error), JSON, 400
    for path in sorted(WORLD.glob("*.json")):
        known = json.loads(path.read_text())
        response = known["response"]
        yield path.stem, known["provider"], response["body"], response["content_type"], response["status"]


CASES = {case[0]: case[1:] for case in variations()}


def theirs(server, name, *, stream):
    """What the official client reads: a Reading, "error" for one that was told, None where it reads nothing."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of what they do not expect
            found = official.CLIENTS[name](server.url, stream=stream)
    except Exception as error:  # noqa: BLE001 - whatever it stumbles over
        return "error" if official.told_error(error) else None
    end = next((end for end, words in MEANS.items() if found.finish in words), "unknown")
    end = "tool_calls" if found.calls and end in ("stop", "unknown") else end
    said = found.text or found.calls
    return official.Reading(found.text, found.calls, end, found.tokens) if said else None


def ours(server, name, folder):
    urls = {f"{of}_base_url": server.url + "/v1" * (of == "openai") for of in ("openai", "anthropic", "gemini")}
    keys = dict.fromkeys((f"{of}_api_key" for of in ("openai", "anthropic", "gemini")), KEY)
    core = AICore(Settings(ollama_host=server.url, **urls, **keys, cache_dir=str(folder)))
    try:
        answer = core.ask_sync(Request(messages=(Message("user", "q"),)), Options(**route(name)))
    except ProviderError:
        return "error"
    calls = tuple((call.name, official.arguments(call.arguments)) for call in answer.tool_calls)
    counted = (answer.usage.input_tokens, answer.usage.output_tokens)
    return official.Reading(answer.text, calls, answer.finish_reason, counted)


def why_not(case):
    return next((reason for pattern, reason in ELSEWHERE.items() if fnmatch(case, pattern)), "")


@pytest.mark.parametrize("case", CASES)
def test_an_official_client_and_we_read_the_same(tmp_path, case):
    name, body, kind, status = CASES[case]
    with provider(body, kind=kind, status=status) as server:
        found = theirs(server, name, stream=body.lstrip()[:1] not in "{[" or kind == NDJSON)
        mine = ours(server, name, tmp_path)

    assert (found != mine) == bool(why_not(case)), (found, mine)


@pytest.mark.parametrize("pattern", ELSEWHERE)
def test_what_is_read_otherwise_is_there(pattern):
    assert any(fnmatch(case, pattern) for case in CASES)
