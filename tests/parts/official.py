"""What the providers' own clients read in the bytes that a server sends."""

import json
from dataclasses import dataclass

ASKED = [{"role": "user", "content": "q"}]


@dataclass(frozen=True)
class Reading:
    """The text, the calls (name, arguments as JSON), how it ended in the provider's word, and the tokens counted."""

    text: str = ""
    calls: tuple = ()
    finish: str | None = None
    tokens: tuple = (None, None)


def openai(url, *, stream):
    """Chat completions; a stream through the helper that joins its pieces."""
    from openai import OpenAI

    with OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        if stream:
            with client.chat.completions.stream(model="m", messages=ASKED) as events:
                answer = events.until_done().get_final_completion()
        else:
            answer = client.chat.completions.create(model="m", messages=ASKED)
    choice = answer.choices[0]
    called = [(call.function.name, arguments(call.function.arguments)) for call in choice.message.tool_calls or ()]
    tokens = (answer.usage.prompt_tokens, answer.usage.completion_tokens) if answer.usage else (None, None)
    return Reading(choice.message.content or "", tuple(called), choice.finish_reason, tokens)


def responses(url, *, stream):
    """Responses; a stream through the helper that joins its pieces."""
    from openai import OpenAI

    with OpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        if stream:
            with client.responses.stream(model="m", input="q") as events:
                answer = events.until_done().get_final_response()
        else:
            answer = client.responses.create(model="m", input="q")
    if answer.error:
        raise RuntimeError(answer.error.message)
    calls = [item for item in answer.output if item.type == "function_call"]
    called = [(call.name, arguments(call.arguments)) for call in calls]
    tokens = (answer.usage.input_tokens, answer.usage.output_tokens) if answer.usage else (None, None)
    return Reading(answer.output_text, tuple(called), answer.status, tokens)


def anthropic(url, *, stream):
    """Messages; a stream through the helper that joins its pieces."""
    from anthropic import Anthropic

    with Anthropic(base_url=url, api_key="k", max_retries=0) as client:
        if stream:
            with client.messages.stream(model="m", max_tokens=9, messages=ASKED) as events:
                answer = events.get_final_message()
        else:
            answer = client.messages.create(model="m", max_tokens=9, messages=ASKED)
    text = "".join(block.text for block in answer.content if block.type == "text")
    called = [(block.name, arguments(block.input)) for block in answer.content if block.type == "tool_use"]
    tokens = (answer.usage.input_tokens, answer.usage.output_tokens) if answer.usage else (None, None)
    return Reading(text, tuple(called), answer.stop_reason, tokens)


def gemini(url, *, stream):
    """generateContent; each event of a stream is a response, whose texts are joined."""
    from google import genai

    client = genai.Client(api_key="k", http_options=genai.types.HttpOptions(base_url=url))
    try:
        told = client.models.generate_content_stream if stream else client.models.generate_content
        found = told(model="m", contents="q")
        responses = list(found) if stream else [found]
    finally:
        client.close()
    candidates = [each.candidates[0] for each in responses if each.candidates]
    parts = [part for each in candidates for part in (each.content and each.content.parts) or ()]
    text = "".join(part.text or "" for part in parts if not part.thought)
    called = [
        (part.function_call.name, arguments(part.function_call.args or {})) for part in parts if part.function_call
    ]
    finish = next((each.finish_reason.value for each in reversed(candidates) if each.finish_reason), None)
    used = next((each.usage_metadata for each in reversed(responses) if each.usage_metadata), None)
    tokens = (used.prompt_token_count, used.candidates_token_count) if used else (None, None)
    return Reading(text, tuple(called), finish, tokens)


def ollama(url, *, stream):
    """`/api/chat`."""
    import ollama as package

    with package.Client(host=url, verify=False) as client:
        found = client.chat(model="m", messages=ASKED, stream=stream)
        lines = list(found) if stream else [found]
    text = "".join(line.message.content or "" for line in lines)
    calls = [call.function for line in lines for call in line.message.tool_calls or ()]
    called = [(call.name, arguments(dict(call.arguments))) for call in calls]
    return Reading(text, tuple(called), lines[-1].done_reason, (lines[-1].prompt_eval_count, lines[-1].eval_count))


CLIENTS = {"openai": openai, "anthropic": anthropic, "gemini": gemini, "ollama": ollama, "responses": responses}


def told_error(error):
    """Whether a client read an error that the server told, and did not stumble over the answer."""
    from anthropic import APIStatusError
    from google.genai.errors import APIError as GeminiError
    from ollama import ResponseError
    from openai import APIError

    return isinstance(error, APIError | APIStatusError | GeminiError | ResponseError)


def arguments(given):
    """Arguments as JSON that can be compared; as they are where they are none."""
    try:
        return json.dumps(json.loads(given) if isinstance(given, str) else given, sort_keys=True)
    except ValueError:
        return given
