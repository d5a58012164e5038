"""Official clients of every format behind one face: a conversation goes in, what the client understood comes out."""

import base64
import json
from dataclasses import dataclass
from typing import ClassVar

PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
STRICT = {**PARAMETERS, "additionalProperties": False}
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@dataclass
class Said:
    """What a client understood: `calls` are (id, name, arguments), `used` tokens of the prompt and the answer."""

    text: str
    calls: list
    finish: str
    used: tuple


class Client:
    """One official client. A turn is (role, text); ("calls", calls) and ("results", (id, name, text) pairs) beside."""

    refused = ()  # what it raises for a 400
    thinking = None  # how it asks for thoughts
    lacks = frozenset()  # features for which its format has no word

    def __init__(self, served, model):
        self.model = model
        self.served = served

    def whole(self, turns, **asked):
        return self.read(self.send(self.body(turns, **asked)))

    def ending(self, turns, **asked):
        """How a streamed answer ends."""
        return self.streamed(turns, **asked).finish

    def close(self):
        self.client.close()


class Chat(Client):
    thinking: ClassVar = {"reasoning_effort": "low"}
    ends: ClassVar = {"stop": "stop", "tool_calls": "calls", "length": "length"}

    def __init__(self, served, model):
        super().__init__(served, model)
        self.client, self.refused = served.openai(), served.official.BadRequestError

    def body(self, turns, *, system="", tools=(), schema=None, image=None, limit=None, **more):  # noqa: PLR0913
        messages = [{"role": "system", "content": system}] if system else []
        for role, said in turns:
            if role == "calls":
                calls = [(i, {"name": n, "arguments": json.dumps(a)}) for i, n, a in said]
                told = [{"id": i, "type": "function", "function": function} for i, function in calls]
                messages.append({"role": "assistant", "content": None, "tool_calls": told})
            elif role == "results":
                messages += [{"role": "tool", "tool_call_id": i, "content": text} for i, _, text in said]
            else:
                messages.append({"role": role, "content": said})
        if image:
            url = {"url": "data:image/png;base64," + base64.b64encode(image).decode()}
            words = {"type": "text", "text": messages[-1]["content"]}
            messages[-1]["content"] = [words, {"type": "image_url", "image_url": url}]
        if tools:
            more["tools"] = [{"type": "function", "function": {"name": n, "parameters": PARAMETERS}} for n in tools]
        if schema:
            more["response_format"] = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
        return {"model": self.model, "messages": messages, **({"max_tokens": limit} if limit else {}), **more}

    def send(self, body):
        return self.client.chat.completions.create(**body)

    def read(self, answer):
        choice = answer.choices[0]
        calls = [(c.id, c.function.name, json.loads(c.function.arguments)) for c in choice.message.tool_calls or ()]
        used = answer.usage.prompt_tokens, answer.usage.completion_tokens
        return Said(choice.message.content or "", calls, self.ends[choice.finish_reason], used)

    def streamed(self, turns, **asked):
        counted = {"include_usage": True}
        with self.client.chat.completions.stream(**self.body(turns, **asked), stream_options=counted) as stream:
            return self.read(stream.get_final_completion())

    def pieces(self, turns, **asked):
        return self.client.chat.completions.create(**self.body(turns, **asked), stream=True)

    def ending(self, turns, **asked):
        ends = [c.finish_reason for chunk in self.pieces(turns, **asked) for c in chunk.choices if c.finish_reason]
        return self.ends[ends[-1]]


class Responses(Client):
    thinking: ClassVar = {"reasoning": {"effort": "low"}}

    def __init__(self, served, model):
        super().__init__(served, model)
        self.client, self.refused = served.openai(), served.official.BadRequestError

    def body(self, turns, *, system="", tools=(), schema=None, image=None, limit=None, **more):  # noqa: PLR0913
        items = []
        for role, said in turns:
            if role == "calls":
                items += [
                    {"type": "function_call", "call_id": i, "name": n, "arguments": json.dumps(a)} for i, n, a in said
                ]
            elif role == "results":
                items += [{"type": "function_call_output", "call_id": i, "output": text} for i, _, text in said]
            else:
                items.append({"role": role, "content": said})
        if image:
            url = "data:image/png;base64," + base64.b64encode(image).decode()
            words = {"type": "input_text", "text": items[-1]["content"]}
            items[-1]["content"] = [words, {"type": "input_image", "image_url": url, "detail": "auto"}]
        if system:
            more["instructions"] = system
        if tools:
            more["tools"] = [{"type": "function", "name": n, "parameters": PARAMETERS, "strict": False} for n in tools]
        if schema:
            more["text"] = {"format": {"type": "json_schema", "name": "n", "schema": schema}}
        if limit:
            more["max_output_tokens"] = limit
        return {"model": self.model, "input": items, "store": False, **more}

    def send(self, body):
        return self.client.responses.create(**body)

    def read(self, answer):
        calls = [(o.call_id, o.name, json.loads(o.arguments)) for o in answer.output if o.type == "function_call"]
        finish = "length" if answer.status == "incomplete" else "calls" if calls else "stop"
        return Said(answer.output_text, calls, finish, (answer.usage.input_tokens, answer.usage.output_tokens))

    def streamed(self, turns, **asked):
        with self.client.responses.stream(**self.body(turns, **asked)) as stream:
            return self.read(stream.get_final_response())

    def pieces(self, turns, **asked):
        return self.client.responses.create(**self.body(turns, **asked), stream=True)

    def ending(self, turns, **asked):
        return "length" if [*self.pieces(turns, **asked)][-1].type == "response.incomplete" else "stop"


class Anthropic(Client):
    thinking: ClassVar = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    ends: ClassVar = {"end_turn": "stop", "tool_use": "calls", "max_tokens": "length"}

    def __init__(self, served, model):
        super().__init__(served, model)
        import anthropic

        plain = anthropic.DefaultHttpxClient(verify=False)
        self.client = anthropic.Anthropic(base_url=served.url, api_key="unused", max_retries=0, http_client=plain)
        self.refused = anthropic.BadRequestError

    def body(self, turns, *, system="", tools=(), schema=None, image=None, limit=None, **more):  # noqa: PLR0913
        messages = []
        for role, said in turns:
            if role == "calls":
                blocks = [{"type": "tool_use", "id": i, "name": n, "input": a} for i, n, a in said]
                messages.append({"role": "assistant", "content": blocks})
            elif role == "results":
                blocks = [{"type": "tool_result", "tool_use_id": i, "content": text} for i, _, text in said]
                messages.append({"role": "user", "content": blocks})
            else:
                messages.append({"role": role, "content": said})
        if image:
            source = {"type": "base64", "media_type": "image/png", "data": base64.b64encode(image).decode()}
            words = {"type": "text", "text": messages[-1]["content"]}
            messages[-1]["content"] = [words, {"type": "image", "source": source}]
        if system:
            more["system"] = system
        if tools:
            more["tools"] = [{"name": n, "input_schema": PARAMETERS} for n in tools]
        if schema:
            more["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        return {"model": self.model, "messages": messages, "max_tokens": limit or 2000, **more}

    def send(self, body):
        return self.client.messages.create(**body)

    def read(self, answer):
        calls = [(block.id, block.name, block.input) for block in answer.content if block.type == "tool_use"]
        text = "".join(block.text for block in answer.content if block.type == "text")
        used = answer.usage.input_tokens, answer.usage.output_tokens
        return Said(text, calls, self.ends[answer.stop_reason], used)

    def streamed(self, turns, **asked):
        with self.client.messages.stream(**self.body(turns, **asked)) as stream:
            return self.read(stream.get_final_message())

    def pieces(self, turns, **asked):
        return self.client.messages.create(**self.body(turns, **asked), stream=True)


class Gemini(Client):
    thinking: ClassVar = {"thinking_config": {"thinking_budget": 1024}}
    ends: ClassVar = {"STOP": "stop", "MAX_TOKENS": "length"}

    def __init__(self, served, model):
        super().__init__(served, model)
        from google import genai
        from google.genai import errors, types

        options = types.HttpOptions(base_url=served.url, client_args={"verify": False})
        self.client, self.refused = genai.Client(api_key="unused", http_options=options), errors.ClientError

    def body(self, turns, *, system="", tools=(), schema=None, image=None, limit=None, **more):  # noqa: PLR0913
        contents = []
        for role, said in turns:
            if role == "calls":
                parts = [{"function_call": {"id": i, "name": n, "args": a}} for i, n, a in said]
                contents.append({"role": "model", "parts": parts})
            elif role == "results":
                parts = [{"function_response": {"id": i, "name": n, "response": {"result": t}}} for i, n, t in said]
                contents.append({"role": "user", "parts": parts})
            else:
                contents.append({"role": "model" if role == "assistant" else role, "parts": [{"text": said}]})
        if image:
            contents[-1]["parts"].append({"inline_data": {"mime_type": "image/png", "data": image}})
        if system:
            more["system_instruction"] = system
        if tools:
            functions = [{"name": n, "description": "d", "parameters_json_schema": PARAMETERS} for n in tools]
            more["tools"] = [{"function_declarations": functions}]
            more["automatic_function_calling"] = {"disable": True}
        if schema:
            more |= {"response_mime_type": "application/json", "response_json_schema": schema}
        if limit:
            more["max_output_tokens"] = limit
        return {"model": self.model, "contents": contents, "config": more}

    def send(self, body):
        return self.client.models.generate_content(**body)

    def read(self, *answers):
        parts = [p for a in answers for c in a.candidates or () for p in (c.content and c.content.parts) or ()]
        calls = [(p.function_call.id, p.function_call.name, p.function_call.args) for p in parts if p.function_call]
        text = "".join(part.text or "" for part in parts if not part.thought)
        last = answers[-1]
        count = last.usage_metadata
        used = (count.prompt_token_count, count.candidates_token_count) if count else ()
        return Said(text, calls, "calls" if calls else self.ends[last.candidates[0].finish_reason.name], used)

    def streamed(self, turns, **asked):
        return self.read(*self.pieces(turns, **asked))

    def pieces(self, turns, **asked):
        return self.client.models.generate_content_stream(**self.body(turns, **asked))


class Ollama(Client):
    thinking: ClassVar = {"think": True}
    ends: ClassVar = {"stop": "stop", "length": "length"}

    def __init__(self, served, model):
        super().__init__(served, model)
        import ollama

        self.client, self.refused = ollama.Client(host=served.url, verify=False), ollama.ResponseError

    def body(self, turns, *, system="", tools=(), schema=None, image=None, limit=None, **more):  # noqa: PLR0913
        messages = [{"role": "system", "content": system}] if system else []
        for role, said in turns:
            if role == "calls":
                calls = [{"function": {"name": n, "arguments": a}} for _, n, a in said]
                messages.append({"role": "assistant", "content": "", "tool_calls": calls})
            elif role == "results":
                messages += [{"role": "tool", "content": text, "tool_name": n} for _, n, text in said]
            else:
                messages.append({"role": role, "content": said})
        if image:
            messages[-1]["images"] = [image]
        if tools:
            more["tools"] = [{"type": "function", "function": {"name": n, "parameters": PARAMETERS}} for n in tools]
        if schema:
            more["format"] = schema
        if limit:
            more["options"] = {"num_predict": limit}
        return {"model": self.model, "messages": messages, **more}

    def send(self, body):
        return self.client.chat(**body)

    def read(self, *answers):
        calls = [("", c.function.name, dict(c.function.arguments)) for a in answers for c in a.message.tool_calls or ()]
        text = "".join(answer.message.content or "" for answer in answers)
        last = answers[-1]
        used = last.prompt_eval_count, last.eval_count
        return Said(text, calls, "calls" if calls else self.ends[last.done_reason], used)

    def streamed(self, turns, **asked):
        return self.read(*self.pieces(turns, **asked))

    def pieces(self, turns, **asked):
        return self.client.chat(**self.body(turns, **asked), stream=True)


class Completions(Client):
    """The completions of before chat: a prompt in, text out, and no word for anything else."""

    ends: ClassVar = {"stop": "stop", "length": "length"}
    lacks = frozenset(
        {
            "system",
            "several turns",
            "tools and results",
            "JSON schema",
            "image",
            "thinking",
            "several calls at once",
        }
    )

    def __init__(self, served, model):
        super().__init__(served, model)
        self.client, self.refused = served.openai(), served.official.BadRequestError

    def body(self, turns, *, limit=None):
        [(_, prompt)] = turns
        return {"model": self.model, "prompt": prompt, **({"max_tokens": limit} if limit else {})}

    def send(self, body):
        return self.client.completions.create(**body)

    def read(self, *answers):
        choices = [choice for answer in answers for choice in answer.choices]
        end = next(choice.finish_reason for choice in reversed(choices) if choice.finish_reason)
        usage = answers[-1].usage
        used = (usage.prompt_tokens, usage.completion_tokens) if usage else ()
        return Said("".join(choice.text for choice in choices), [], self.ends[end], used)

    def streamed(self, turns, **asked):
        return self.read(*self.pieces(turns, **asked))

    def pieces(self, turns, **asked):
        return self.send({**self.body(turns, **asked), "stream": True, "stream_options": {"include_usage": True}})


CLIENTS = {
    "completions": Completions,
    "chat": Chat,
    "responses": Responses,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "ollama": Ollama,
}
