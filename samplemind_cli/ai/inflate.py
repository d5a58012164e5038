"""Decompresses a body piece by piece, so that its reader can stop at a limit: kilobytes may expand to gigabytes."""

import zlib
from collections.abc import Callable, Iterator

ACCEPTED = "gzip, deflate, br"
PIECE = 256 * 1024  # bytes inflated at once
_ZLIB, _RAW, _GZIP = zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS
Feed = Callable[[bytes], Iterator[bytes]]
_HEAD = 2  # bytes that distinguish zlib's deflate from a raw one


class EncodingError(Exception):
    """A content encoding that is refused, or a body that does not match it."""


class Inflater:
    """Decompresses one body. Raises EncodingError for an encoding that is refused.

    Refused are unrequested encodings: stacked ones, in which each layer multiplies, and unknown ones.
    """

    def __init__(self, encoding: str) -> None:
        names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in ("", "identity")]
        begin = _BEGINNINGS.get("".join(names[:1])) if len(names) <= 1 else None
        if begin is None:
            raise EncodingError(f"the content encoding {', '.join(names)[:100]!r} was not requested")
        self.feed: Feed = begin()  # the inflated bytes, in pieces of `PIECE` at most. Raises EncodingError


def _identity() -> Feed:
    return lambda data: iter((data,) if data else ())


def _gzip() -> Feed:
    return _Deflated(_GZIP).feed


def _deflate() -> Feed:
    return _Deflated(0).feed


def _brotli() -> Feed:
    return _Brotli().feed


_BEGINNINGS: dict[str, Callable[[], Feed]] = {
    "": _identity,
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _brotli,
}


class _Deflated:
    """gzip of one or more members, or deflate with zlib's head or without; `bits` are zlib's, 0: by the first bytes."""

    def __init__(self, bits: int) -> None:
        self._bits = bits
        self._head = b""
        self._stream = zlib.decompressobj(bits) if bits else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            data = self._head = self._head + data
            if len(data) < _HEAD:
                return
            zlibs = data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:_HEAD]) % 31 == 0
            self._bits = _ZLIB if zlibs else _RAW
            self._stream = zlib.decompressobj(self._bits)
        try:
            yield from self._inflated(self._stream, data)
        except zlib.error as error:
            raise EncodingError(f"the body does not match its content encoding: {error}") from error

    def _inflated(self, stream: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
        while data:
            if stream.eof:  # another member of gzip; padding and whatever else follows is nothing
                data = data.lstrip(b"\0")
                if self._bits != _GZIP or not data.startswith(b"\x1f"):
                    return
                stream = self._stream = zlib.decompressobj(_GZIP)
            while (piece := stream.decompress(data, PIECE)) or stream.unconsumed_tail:
                data = stream.unconsumed_tail
                if piece:
                    yield piece
            data = stream.unused_data


class _Brotli:
    def __init__(self) -> None:
        import brotli

        self._stream = brotli.Decompressor()
        self._error: type[Exception] = brotli.error

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            piece: bytes = self._stream.process(data, output_buffer_limit=PIECE)
            while piece or not self._stream.can_accept_more_data():
                yield piece
                piece = self._stream.process(b"", output_buffer_limit=PIECE)
        except self._error as error:
            raise EncodingError(f"the body does not match its content encoding: {error}") from error
