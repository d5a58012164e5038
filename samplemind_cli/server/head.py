"""Encodes a response's head."""

from http import HTTPStatus

from samplemind_cli.server.message import Incoming

# Also for statuses that only a provider defines, such as Anthropic's 529.
STATUS_LINES = {number: f"HTTP/1.1 {number} \r\n" for number in range(200, 600)}
STATUS_LINES |= {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}


def head(status: int, headers: dict[str, str], date: str, incoming: Incoming, *, leaving: bool) -> bytes:
    """The status line and the headers; `date` is the Date header's line; `leaving`: the connection closes after it.

    Line breaks in values are replaced: they would inject headers.
    """
    if incoming.added:
        headers = {**headers, **incoming.added}
    lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    if lines.count("\n") != len(headers) or lines.count("\r") != len(headers):
        lines = "".join([f"{name}: {' '.join(value.split())}\r\n" for name, value in headers.items()])
    stays = "" if incoming.chunked else "connection: keep-alive\r\n"  # HTTP/1.0 needs it
    close = "connection: close\r\n" if leaving else stays
    number = f"x-request-id: {incoming.id}\r\nx-samplemind-request-id: {incoming.id}\r\n"
    return f"{STATUS_LINES[status]}{lines}{date}{number}{close}\r\n".encode("ascii", "replace")
