"""Videos, and other media that not every provider takes: told where there is a word, else refused by name."""

from dataclasses import replace

import pytest

from samplemind_cli.ai.adapters import CLIENTS
from samplemind_cli.formats.fields import BadRequestError, Fields
from samplemind_cli.formats.gemini import client as gemini_client
from samplemind_cli.formats.gemini import server as gemini
from samplemind_cli.formats.openai_chat import client as chat_client
from samplemind_cli.formats.openai_chat import server as chat
from samplemind_cli.formats.openai_responses import client as responses_client
from samplemind_cli.formats.openai_responses import server as responses
from samplemind_cli.formats.types import Endpoint

HOST = Endpoint("http://host/v1", "m")
OPENAI = Endpoint("https://api.openai.com/v1", "m")
DATA = "data:video/mp4;base64,AAAA"
ADDRESS = "https://youtu.be/x"
FRAMES = {"type": "video", "video": ["https://a/1.jpg", "https://a/2.jpg"], "fps": 2}


def in_chat(*parts):
    return chat.read(Fields({"model": "m", "messages": [{"role": "user", "content": list(parts)}]}))


def video(url, **more):
    return in_chat({"type": "video_url", "video_url": {"url": url}, **more})


def in_responses(url):
    part = {"type": "input_video", "video_url": url}
    return responses.read(Fields({"model": "m", "input": [{"role": "user", "content": [part]}]}))


def in_gemini(part):
    return gemini.read(Fields({"contents": [{"parts": [part, {"text": "q"}]}]}))


def lacks(request, speaks, endpoint=HOST):
    return sorted(name for name in request.needs if not CLIENTS[speaks].takes(name, request, endpoint))


def sent(client, request, endpoint=HOST):
    return client.chat(replace(request, body=None), endpoint).json


@pytest.mark.parametrize("url", [DATA, ADDRESS, "gs://bucket/a.mp4"])
def test_a_host_of_the_same_format_is_sent_a_video(url):
    request = video(url, fps=2)
    part = {"type": "video_url", "video_url": {"url": url}, "fps": 2}
    assert lacks(request, "openai_chat") == []
    assert request.body["messages"][0]["content"] == [part]
    assert sent(chat_client, request)["messages"][0]["content"] == [part]


@pytest.mark.parametrize("asked", [video, in_responses])
def test_gemini_is_sent_a_video_of_other_formats(asked):
    assert lacks(asked(DATA), "gemini") == lacks(asked(ADDRESS), "gemini") == []
    (part,) = sent(gemini_client, asked(DATA))["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}
    (part,) = sent(gemini_client, asked(ADDRESS))["contents"][0]["parts"]
    assert part == {"fileData": {"fileUri": ADDRESS}}


@pytest.mark.parametrize(
    ("part", "url"),
    [
        ({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}, DATA),
        ({"fileData": {"mimeType": "video/mp4", "fileUri": ADDRESS}}, ADDRESS),
    ],
)
def test_a_video_of_geminis_clients_is_one_to_hosts_of_chat_completions(part, url):
    request = in_gemini(part)
    assert lacks(request, "openai_chat") == []
    told = sent(chat_client, request)["messages"][0]["content"][0]
    assert told == {"type": "video_url", "video_url": {"url": url}}


def test_a_host_of_responses_is_sent_its_clients_video():
    for url in (DATA, ADDRESS):
        request = in_responses(url)
        assert lacks(request, "openai_responses") == []
        content = sent(responses_client, request)["input"][0]["content"]
        assert content == [{"type": "input_video", "video_url": url}]


@pytest.mark.parametrize(
    ("speaks", "endpoint"),
    [
        ("openai_chat", OPENAI),
        ("openai_responses", OPENAI),
        ("anthropic_messages", HOST),
        ("ollama", HOST),
        ("openai_chat.mistral", HOST),
    ],
)
def test_who_takes_no_video_is_named_with_it(speaks, endpoint):
    requests = (video(DATA), in_responses(DATA), in_gemini({"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}}))
    assert [lacks(request, speaks, endpoint) for request in requests] == [["video"]] * 3
    assert "video_url" in lacks(video(ADDRESS), speaks, endpoint)


def test_a_sound_at_an_address_goes_to_hosts_of_the_same_format_and_its_bytes_to_all_that_hear():
    address = in_chat({"type": "audio_url", "audio_url": {"url": "https://a/b.mp3"}})
    assert lacks(address, "openai_chat") == []
    assert sent(chat_client, address)["messages"][0]["content"][0]["type"] == "audio_url"
    assert lacks(address, "openai_chat", OPENAI) == ["audio_url"]
    data = in_chat({"type": "audio_url", "audio_url": {"url": "data:audio/wav;base64,AAAA"}})
    told = sent(chat_client, data, OPENAI)["messages"][0]["content"][0]
    assert told == {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}


def test_a_video_as_its_frames_goes_to_hosts_of_chat_completions_alone():
    request = in_chat(FRAMES, {"type": "text", "text": "q"})
    assert lacks(request, "openai_chat") == []
    assert sent(chat_client, request)["messages"][0]["content"] == [FRAMES, {"type": "text", "text": "q"}]
    for speaks, endpoint in (("openai_chat", OPENAI), ("gemini", HOST), ("anthropic_messages", HOST), ("ollama", HOST)):
        assert lacks(request, speaks, endpoint) == ["openai_chat video"]


def test_what_is_no_video_is_an_error():
    for url in ("data:image/png;base64,AAAA", "file:///etc/passwd", 5):
        with pytest.raises(BadRequestError, match="video_url"):
            video(url)
