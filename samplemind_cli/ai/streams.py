"""What a streamed body says: server-sent events, or a line of JSON each."""

from collections.abc import AsyncGenerator, AsyncIterator

END = b"[DONE]"  # OpenAI's last event
BOM = b"\xef\xbb\xbf"  # what may precede all of a text


def is_stream(kind: str) -> bool:
    """Whether a body of this content type comes in messages."""
    return "event-stream" in kind or "ndjson" in kind


async def messages(kind: str, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """The JSON texts in a body of this content type, however the network cuts it."""
    events = "event-stream" in kind
    async for line in lines(chunks, carriage_returns=events):
        message = _data(line) if events else line
        if message == END:
            return
        if message:
            yield message


async def lines(chunks: AsyncIterator[bytes], *, carriage_returns: bool = False) -> AsyncGenerator[bytes, None]:
    """Lines ended by LF or CR LF alone: U+2028 and its like are text inside JSON, not line ends.

    Server-sent ones may end with a CR alone; CR LF ends two then, of which one is empty.
    """
    rest: list[bytes] = []  # of a line that has not ended: a long one is not copied again with each chunk
    async for chunk in chunks:
        *whole, last = (chunk.replace(b"\r", b"\n") if carriage_returns else chunk).split(b"\n")
        if whole:
            whole[0] = b"".join((*rest, whole[0]))
            rest.clear()
        rest.append(last)
        for line in whole:
            yield line.rstrip(b"\r")
    yield b"".join(rest)


def _data(line: bytes) -> bytes:
    """The data of one server-sent line; the providers put each event's JSON on a single line."""
    line = line.removeprefix(BOM)
    return line.removeprefix(b"data:").strip() if line.startswith(b"data:") else b""
