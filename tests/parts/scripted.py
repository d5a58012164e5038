"""A provider that answers with given bytes, and what each format's answers look like on the wire."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"


@contextmanager
def provider(body, *, status=200, kind=JSON, headers=()):
    """A server whose every answer is `body`; of a list one after the other, the last again and again.

    A function is given the decoded request, and gives a status and a body. `asked` of what it yields are the requests,
    `heads` their headers.
    """

    def answer(request):
        if callable(body):
            return body(request)
        bodies = body if isinstance(body, list) else [body]
        return status, bodies[min(len(server.asked), len(bodies)) - 1]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["content-length"])))
            server.asked.append(request)
            server.heads.append(dict(self.headers.items()))
            code, said = answer(request)
            data = said if isinstance(said, bytes) else said.encode()
            self.send_response(code)
            for name, value in (("content-type", kind), ("content-length", str(len(data))), *headers):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.asked, server.heads = [], []
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def events(*values, done="", named=False):
    """Server-sent events; `named`: each by its type, as Anthropic's client demands."""
    names = (f"event: {value['type']}\n" if named else "" for value in values)
    return "".join(f"{name}data: {json.dumps(value)}\n\n" for name, value in zip(names, values, strict=True)) + done


def openai(text="", calls=(), finish="stop", *, stream=True):
    """`calls` are (id, name, arguments), the arguments of whatever type."""
    told = [{"id": i, "type": "function", "function": {"name": name, "arguments": given}} for i, name, given in calls]
    counted = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    if not stream:
        message = {"role": "assistant", "content": text or None, **({"tool_calls": told} if told else {})}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
        return json.dumps({**head, "choices": [choice], "usage": counted}), JSON
    deltas = [{"content": text}] if text else []
    deltas += [{"tool_calls": [{"index": n, **call}]} for n, call in enumerate(told)]
    choices = [{"index": 0, "delta": delta, "finish_reason": None} for delta in deltas]
    choices.append({"index": 0, "delta": {}, "finish_reason": finish})
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**head, "choices": [choice]} for choice in choices]
    return events(*chunks, {**head, "choices": [], "usage": counted}, done="data: [DONE]\n\n"), SSE


def anthropic(text="", calls=(), finish="end_turn", *, stream=True):
    blocks = [{"type": "text", "text": text}] if text else []
    blocks += [{"type": "tool_use", "id": i, "name": name, "input": given} for i, name, given in calls]
    head = {"id": "m", "type": "message", "role": "assistant", "model": "m"}
    if not stream:
        counted = {"input_tokens": 5, "output_tokens": 1}
        return json.dumps({**head, "content": blocks, "stop_reason": finish, "usage": counted}), JSON
    counted = {"input_tokens": 5, "output_tokens": 0}
    told = [{"type": "message_start", "message": {**head, "content": [], "stop_reason": None, "usage": counted}}]
    for n, block in enumerate(blocks):
        told.append({"type": "content_block_start", "index": n, "content_block": block})
        told.append({"type": "content_block_stop", "index": n})
    told += [{"type": "message_delta", "delta": {"stop_reason": finish}, "usage": {"output_tokens": 1}}]
    return events(*told, {"type": "message_stop"}, named=True), SSE


def gemini(text="", calls=(), finish="STOP", *, stream=True):
    parts = [{"text": text}] if text else []
    parts += [{"functionCall": {"id": i, "name": name, "args": given}} for i, name, given in calls]
    counted = {"promptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 6}
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": finish}], "usageMetadata": counted}
    return (events(whole), SSE) if stream else (json.dumps(whole), JSON)


def ollama(text="", calls=(), finish="stop", *, stream=True):
    told = [{"id": i, "function": {"name": name, "arguments": given}} for i, name, given in calls]
    message = {"role": "assistant", "content": text, **({"tool_calls": told} if told else {})}
    end = {"model": "m", "done": True, "done_reason": finish, "prompt_eval_count": 5, "eval_count": 1}
    whole = {**end, "message": message}
    if not stream:
        return json.dumps(whole), JSON
    first = {"model": "m", "message": message, "done": False}
    last = {**end, "message": {"role": "assistant", "content": ""}}
    return f"{json.dumps(first)}\n{json.dumps(last)}\n", NDJSON


def responses(text="", calls=(), finish="completed", *, stream=True):
    """OpenAI's responses; `finish` is the status."""
    part = {"type": "output_text", "text": text, "annotations": []}
    said = [{"id": "msg_1", "type": "message", "role": "assistant", "content": [part]}] if text else []
    said += [
        {"id": f"fc_{n}", "type": "function_call", "call_id": i, "name": name, "arguments": given}
        for n, (i, name, given) in enumerate(calls)
    ]
    head = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "error": None}
    counted = {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}
    whole = {**head, "status": finish, "output": said, "usage": counted}
    whole["parallel_tool_calls"], whole["tool_choice"], whole["tools"] = True, "auto", []
    if not stream:
        return json.dumps(whole), JSON
    told = [{"type": "response.created", "response": {**whole, "status": "in_progress", "output": [], "usage": None}}]
    for n, item in enumerate(said):
        told += _item(item, {"item_id": item["id"], "output_index": n})
    told.append({"type": "response.completed", "response": whole})
    return events(*({**event, "sequence_number": n} for n, event in enumerate(told)), named=True), SSE


def _item(item, where):
    """The events of one item."""
    place = {"output_index": where["output_index"]}
    message = item["type"] == "message"
    empty = {"content": []} if message else {"arguments": ""}
    yield {"type": "response.output_item.added", "item": {**item, **empty}, **place}
    if message:
        (part,) = item["content"]
        where = {**where, "content_index": 0}
        yield {"type": "response.content_part.added", "part": {**part, "text": ""}, **where}
        yield {"type": "response.output_text.delta", "delta": part["text"], "logprobs": [], **where}
        yield {"type": "response.output_text.done", "text": part["text"], "logprobs": [], **where}
        yield {"type": "response.content_part.done", "part": part, **where}
    else:
        yield {"type": "response.function_call_arguments.delta", "delta": item["arguments"], **where}
        said = {"name": item["name"], "arguments": item["arguments"]}
        yield {"type": "response.function_call_arguments.done", **said, **where}
    yield {"type": "response.output_item.done", "item": item, **place}


WIRES = {"openai": openai, "anthropic": anthropic, "gemini": gemini, "ollama": ollama, "responses": responses}
NAMED = ("anthropic", "responses")  # whose events have names


def route(name):
    """The options with which a provider is asked so."""
    return {"provider": "openai", "model": "gpt-5-codex"} if name == "responses" else {"provider": name}
