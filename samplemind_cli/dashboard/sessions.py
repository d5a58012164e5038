"""Access to the dashboard where a token is set: a link that works once, and the session that it opens."""

import hmac
import os
import time
from contextlib import suppress
from html import escape
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

LINK_LIFE = 600.0  # seconds in which a link can be opened
SESSION_LIFE = 30 * 86_400.0  # seconds; a new SAMPLEMIND_API_TOKEN ends all sessions at once
_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>samplemind</title>
<a href="{address}">samplemind dashboard</a>
"""


class Sessions:
    """Links and sessions, signed with the token, so that workers need not store them.

    Only used links are stored: as empty files in the state folder, which all workers see.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_token.encode()
        self._state_dir = settings.state_dir

    def link(self) -> str:
        """A code that opens one session."""
        return self._signed("link", time.time() + LINK_LIFE)

    def open(self, code: str) -> str | None:
        """The session that a link's code opens; None for an invalid, expired or used one. Raises UsageError."""
        if self._is_valid("link", code) and self._first_use(code.split(".")[1]):
            return self._signed("session", time.time() + SESSION_LIFE)
        return None

    def knows(self, session: str) -> bool:
        """Whether a session is ours and has not expired."""
        return self._is_valid("session", session)

    def _signed(self, kind: str, until: float) -> str:
        text = f"{until:.0f}.{os.urandom(16).hex()}"
        return f"{text}.{self._signature(kind, text)}"

    def _is_valid(self, kind: str, code: str) -> bool:
        until, _, rest = code.partition(".")
        nonce, _, signature = rest.partition(".")
        if not (self._key and until.isdecimal() and len(until) < 16 and nonce.isalnum() and code.isascii()):  # noqa: PLR2004 - digits of a time
            return False
        return hmac.compare_digest(signature, self._signature(kind, f"{until}.{nonce}")) and time.time() < float(until)

    def _signature(self, kind: str, text: str) -> str:
        return hmac.digest(self._key, f"samplemind dashboard {kind} {text}".encode(), "sha256").hex()

    def _first_use(self, nonce: str) -> bool:
        """Whether the nonce was unused; marks it as used. Raises UsageError if that cannot be stored."""
        try:
            folder = Path(files.private_folder(self._state_dir, "dashboard", "links"))
            for old in folder.iterdir():
                if time.time() - old.stat().st_mtime > 2 * LINK_LIFE:
                    with suppress(OSError):
                        old.unlink()
            os.close(os.open(folder / nonce, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return False
        except OSError as error:
            problem = f"a used link cannot be recorded in {self._state_dir}: {error.strerror or error}"
            raise UsageError(problem, files.remedy(error)) from error
        return True


def redirect_page(folder: Path, address: str) -> Path:
    """Write a private page that redirects a browser to an address with a link; old ones are removed. Raises OSError.

    All users of a machine can see a browser's arguments, but not the page.
    """
    for old in folder.glob("open-*.html"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LINK_LIFE:
                old.unlink()
    page = folder / f"open-{os.urandom(8).hex()}.html"
    files.write(page, _PAGE.format(address=escape(address)).encode())
    return page
