"""Decodes JSON as providers really send it: fast when it is strict, by the standard library when it is not."""

import json
import math
import re
from typing import Any

BOM = b"\xef\xbb\xbf"  # a byte order mark
# A whole number that may not fit 64 bits: orjson would round it to a float without a word.
_LONG_INTEGER = re.compile(rb"(?<![.\d])\d{19,}(?![.\deE])")


def loads(text: bytes) -> Any:
    """The value of a JSON text. Raises ValueError.

    Integers keep all their digits. NaN, Infinity and numbers beyond a float's range become None, half a surrogate pair
    "?", and bytes that are not UTF-8 U+FFFD; control characters may stand in strings.
    """
    import orjson

    if not _LONG_INTEGER.search(text):
        try:
            return orjson.loads(text)
        except ValueError:
            pass
    try:
        return _lenient(text.removeprefix(BOM).decode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def dumps(value: Any) -> bytes:
    """A value as JSON text, with integers of any size; half a surrogate pair, which no UTF-8 can hold, becomes "?"."""
    import orjson

    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _lenient(text: str) -> Any:
    value = json.loads(text, strict=False, parse_constant=lambda _: None, parse_float=_finite)
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.loads(text.encode("utf-8", "replace"))
    return value


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None
