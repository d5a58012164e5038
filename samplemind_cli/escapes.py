"""Makes untrusted text safe to print: characters that a terminal would obey are escaped."""

import json
import re
from typing import Any

# Control characters except tab and newline, and the characters that change the direction of text. Zero-width characters
# are left: they control nothing, and several scripts need them.
_OBEYED = r"\x7f-\x9f\u202a-\u202e\u2066-\u2069"
_COMMANDS = re.compile(rf"(\r(?=\n))|[\x00-\x08\x0b-\x1f{_OBEYED}]")
_IN_JSON = rf"[{_OBEYED}\ud800-\udfff]"  # json escapes the others; compiled when it is first used
_IN_UTF_8 = rb"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]|\xe2\x81[\xa6-\xa9]"


def harmless(text: str) -> str:
    r"""The text with every character that a terminal would obey as an escape, `\x1b` or `\u202e`; CR LF becomes LF."""
    return _COMMANDS.sub(_escaped, text)


def harmless_line(text: str) -> str:
    """The same on one line, so that the text cannot begin a line that looks like one of ours."""
    return harmless(text).replace("\n", "\\n").replace("\t", "\\t")


def json_text(document: Any, indent: int | None = None) -> str:
    """JSON that keeps non-ASCII letters and escapes every character that a terminal would obey."""
    return re.sub(_IN_JSON, _escaped_in_json, json.dumps(document, ensure_ascii=False, indent=indent))


def harmless_json(document: bytes) -> bytes:
    """The same for a document that a faster encoder wrote, in UTF-8."""
    return re.sub(_IN_UTF_8, lambda match: b"\\u%04x" % ord(match[0].decode()), document)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[1]:
        return ""
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"  # noqa: PLR2004 - two hexadecimal digits


def _escaped_in_json(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"
