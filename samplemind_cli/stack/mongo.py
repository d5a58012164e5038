"""MongoDB's serverStatus in one message: mongosh takes a second of CPU to start, and a driver is a dependency.

Wire facts: https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/ (OP_MSG) and https://bsonspec.org/spec.html.
"""

import socket
import struct
from typing import Any

from samplemind_cli.stack.answer import Answer

OP_MSG = 2013
LARGEST = 48_000_000  # bytes; MongoDB's own limit for a message
_HEADER = struct.Struct("<iiii")  # length of all, request, in answer to, code
_SERVER_STATUS = b"\x10serverStatus\0\x01\0\0\0\x02$db\0\x06\0\0\0admin\0"  # {serverStatus: int32 1, $db: "admin"}

_STRING, _BINARY, _NESTED = 0x02, 0x05, (0x03, 0x04)
_FIXED = {0x01: "<d", 0x08: "<?", 0x09: "<q", 0x10: "<i", 0x11: "<Q", 0x12: "<q"}
_SKIPPED = {0x06: 0, 0x07: 12, 0x0A: 0, 0x13: 16, 0x7F: 0, 0xFF: 0}  # undefined, id, null, decimal, max and min key


def server_status(address: tuple[str, int], timeout: float, whole: float = 3.0) -> dict[str, Any]:
    """The server's own account of itself; `timeout` seconds to connect, `whole` for all of its answer.

    Raises OSError when it does not answer, ValueError when it is no MongoDB.
    """
    document = struct.pack("<i", len(_SERVER_STATUS) + 5) + _SERVER_STATUS + b"\0"
    body = struct.pack("<IB", 0, 0) + document  # no flags; section kind 0: one document
    with socket.create_connection(address, timeout) as line:
        line.sendall(_HEADER.pack(_HEADER.size + len(body), 1, 0, OP_MSG) + body)
        answer = Answer(line, LARGEST, whole)
        length, _, _, code = _HEADER.unpack(answer.exactly(_HEADER.size))
        if code != OP_MSG or not _HEADER.size < length < LARGEST:
            raise ValueError("not MongoDB's wire protocol")
        return decoded(answer.exactly(length - _HEADER.size)[5:])


def decoded(document: bytes) -> dict[str, Any]:
    """A BSON document's numbers, strings and documents, arrays as documents. Raises ValueError when it is none."""
    try:
        return _document(document, 0)[0]
    except (IndexError, ValueError, RecursionError, struct.error) as error:
        raise ValueError("not BSON") from error


def _document(data: bytes, at: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    at += 4  # the length; a zero byte ends the document
    while kind := data[at]:
        end = data.index(b"\0", at + 1)
        found[data[at + 1 : end].decode("utf-8", "replace")], at = _value(kind, data, end + 1)
    return found, at + 1


def _value(kind: int, data: bytes, at: int) -> tuple[Any, int]:
    if kind in _FIXED:
        return struct.unpack_from(_FIXED[kind], data, at)[0], at + struct.calcsize(_FIXED[kind])
    if kind in _SKIPPED:
        return None, at + _SKIPPED[kind]
    if kind in _NESTED:
        return _document(data, at)
    (length,) = struct.unpack_from("<i", data, at)
    if length < 0:  # it would lead back, again and again
        raise ValueError(length)
    if kind == _STRING:
        return data[at + 4 : at + 3 + length].decode("utf-8", "replace"), at + 4 + length
    if kind == _BINARY:
        return None, at + 5 + length
    raise ValueError(kind)
