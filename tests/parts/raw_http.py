"""HTTP as bytes, for clients that no library would be."""

import socket

HI = {"model": "ollama/any", "messages": [{"role": "user", "content": "hi"}]}


def talk(served, data, wait=20):
    """What the server says on a raw connection until it hangs up."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=wait) as connection:
        connection.sendall(data)
        heard = b""
        while data := connection.recv(65536):
            heard += data
        return heard


def post(body, *headers):
    """The bytes of a POST."""
    lines = ["POST /v1/chat/completions HTTP/1.1", "host: 127.0.0.1", "content-type: application/json", *headers]
    return ("\r\n".join([*lines, f"content-length: {len(body)}", "", ""])).encode() + body
