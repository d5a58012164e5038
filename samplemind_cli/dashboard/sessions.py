"""Who may use the dashboard where a token is set: a link that works once, and the session that it opens."""

import hmac
import os
import time
from contextlib import suppress
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.errors import UsageError
from samplemind_cli.settings import Settings

LINK_LIFE = 600.0  # seconds for a link to be opened
SESSION_LIFE = 30 * 86_400.0  # seconds; a new SAMPLEMIND_API_TOKEN ends all sessions at once


class Sessions:
    """Links and sessions, signed with the token: whoever knows it can make them, and no worker has to remember them.

    What must be remembered is that a link was used: an empty file in the state folder says so to every worker.
    """

    def __init__(self, settings: Settings) -> None:
        self._key = settings.api_token.encode()
        self._state_dir = settings.state_dir

    def link(self) -> str:
        """A code that opens one session."""
        return self._signed("link", time.time() + LINK_LIFE)

    def open(self, code: str) -> str | None:
        """The session that a link's code opens; None for one that is wrong, too old or used."""
        if not self._holds("link", code):
            return None
        if not self._first_use(code.split(".")[1]):
            return None
        return self._signed("session", time.time() + SESSION_LIFE)

    def knows(self, session: str) -> bool:
        """Whether a session is ours and not over."""
        return self._holds("session", session)

    def _signed(self, kind: str, until: float) -> str:
        text = f"{until:.0f}.{os.urandom(16).hex()}"
        return f"{text}.{self._mark(kind, text)}"

    def _holds(self, kind: str, code: str) -> bool:
        until, _, rest = code.partition(".")
        nonce, _, mark = rest.partition(".")
        if not (self._key and until.isdecimal() and len(until) < 16 and nonce.isalnum() and code.isascii()):  # noqa: PLR2004 - digits of a time
            return False
        return hmac.compare_digest(mark, self._mark(kind, f"{until}.{nonce}")) and time.time() < float(until)

    def _mark(self, kind: str, text: str) -> str:
        return hmac.digest(self._key, f"samplemind dashboard {kind} {text}".encode(), "sha256").hex()

    def _first_use(self, nonce: str) -> bool:
        """Whether nobody used it before; it is used now. Raises UsageError where that cannot be written down."""
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
