"""A provider that answers with given bytes, and what each format's answers look like on the wire."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SSE, NDJSON, JSON = "text/event-stream", "application/x-ndjson", "application/json"


@contextmanager
def provider(body, *, status=200, kind=JSON, headers=()):
    """A server whose every answer is `body`; it notes the decoded requests (`asked`) and their headers (`heads`)."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            server.heads.append(dict(self.headers.items()))
            server.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            data = body if isinstance(body, bytes) else body.encode()
            self.send_response(status)
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


def events(*values, done=""):
    return "".join(f"data: {json.dumps(value)}\n\n" for value in values) + done


def openai(text="", calls=(), finish="stop", *, stream=True):
    """`calls` are (id, name, arguments), the arguments of whatever type."""
    told = [{"id": i, "type": "function", "function": {"name": name, "arguments": given}} for i, name, given in calls]
    if not stream:
        message = {"role": "assistant", "content": text or None, **({"tool_calls": told} if told else {})}
        return json.dumps(
            {"object": "chat.completion", "choices": [{"message": message, "finish_reason": finish}]}
        ), JSON
    deltas = [{"content": text}] if text else []
    deltas += [{"tool_calls": [{"index": n, **call}]} for n, call in enumerate(told)]
    chunks = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    return events(
        *chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}, done="data: [DONE]\n\n"
    ), SSE


def anthropic(text="", calls=(), finish="end_turn", *, stream=True):
    blocks = [{"type": "text", "text": text}] if text else []
    blocks += [{"type": "tool_use", "id": i, "name": name, "input": given} for i, name, given in calls]
    if not stream:
        return json.dumps({"type": "message", "content": blocks, "stop_reason": finish}), JSON
    told = [{"type": "message_start", "message": {"type": "message", "content": [], "usage": {"input_tokens": 5}}}]
    for n, block in enumerate(blocks):
        told.append({"type": "content_block_start", "index": n, "content_block": block})
        told.append({"type": "content_block_stop", "index": n})
    told += [{"type": "message_delta", "delta": {"stop_reason": finish}, "usage": {"output_tokens": 1}}]
    return events(*told, {"type": "message_stop"}), SSE


def gemini(text="", calls=(), finish="STOP", *, stream=True):
    parts = [{"text": text}] if text else []
    parts += [{"functionCall": {"id": i, "name": name, "args": given}} for i, name, given in calls]
    whole = {"candidates": [{"content": {"parts": parts}, "finishReason": finish}]}
    return (events(whole), SSE) if stream else (json.dumps(whole), JSON)


def ollama(text="", calls=(), finish="stop", *, stream=True):
    told = [{"id": i, "function": {"name": name, "arguments": given}} for i, name, given in calls]
    message = {"role": "assistant", "content": text, **({"tool_calls": told} if told else {})}
    whole = {"model": "m", "message": message, "done": True, "done_reason": finish}
    if not stream:
        return json.dumps(whole), JSON
    end = {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "done_reason": finish}
    return "".join(json.dumps(line) + "\n" for line in ({**whole, "done": False}, end)), NDJSON


WIRES = {"openai": openai, "anthropic": anthropic, "gemini": gemini, "ollama": ollama}
