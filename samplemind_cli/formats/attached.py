"""What clients attach: bytes in base64, `data:` URLs and addresses, which are passed on and never fetched."""

import re
from base64 import b64decode
from typing import Any

from samplemind_cli.formats.fields import Fields
from samplemind_cli.formats.parts import Media, MediaKind

# Sounds by the names that chat completions and responses have for them.
SOUNDS = {"mp3": "audio/mpeg", "wav": "audio/wav"}
SOUNDS |= {form: f"audio/{form}" for form in ("aac", "aiff", "flac", "m4a", "mp4", "ogg", "opus", "webm")}
_DATA_URL = re.compile(r"data:([\w.+-]+/[\w.+-]+)((?:;[\w.+-]+=[^;,]*)*);base64,(.*)", re.DOTALL | re.IGNORECASE)
_NAMES = {"image": "an image", "audio": "a sound", "video": "a video"}


def media(holder: Fields, key: str, kind: MediaKind, **more: Any) -> Media:
    """What a URL names. Raises BadRequestError."""
    url = holder.need(key, str)
    if found := _DATA_URL.fullmatch(url):
        media_type = found[1].lower()
        if kind != "file" and not media_type.startswith(f"{kind}/"):
            raise holder.wrong(key, f"must contain {_NAMES[kind]}")
        return Media(kind, media_type, decoded(found[3], holder, key), **more)
    if url[:8].lower().startswith(("https://", "http://", *(("gs://",) if kind == "video" else ()))):
        return Media(kind, url=url, **more)
    raise holder.wrong(key, "must be a base64 data: URL or an https:// URL")


def sound(part: Fields, hints: dict[str, Any]) -> Media:
    """An `input_audio`: bytes in base64, which some hosts take as a `data:` URL or at an address, too."""
    holder = part.inner("input_audio")
    form, data = holder.one_of("format", tuple(SOUNDS), ""), holder.need("data", str)
    if data[:8].lower().startswith(("data:", "https://", "http://")):
        return media(holder, "data", "audio", hints=hints)
    return Media("audio", SOUNDS[form], decoded(data, holder, "data"), hints=hints)


def decoded(text: str, fields: Fields, key: str) -> bytes:
    """Bytes in base64, in either alphabet, with or without padding, line ends and what makes it a `data:` URL."""
    if found := _DATA_URL.fullmatch(text):
        text = found[3]
    plain = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        return b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise fields.wrong(key, "is not base64") from None
