"""The engine's own API over one connection: asked once, it answers for every container in a millisecond each.

python-on-whales starts a process per container and `docker stats` waits two seconds, so what is watched is asked here.
`docker system dial-stdio` is the client's raw line to its engine, whatever context, host or login that is reached by.
"""

import json
import socket
import subprocess
from typing import Any, Self
from urllib.parse import quote

from samplemind_cli.child.reaped import kill
from samplemind_cli.errors import SamplemindError
from samplemind_cli.stack.docker import ANSWER, SILENCE, docker_command, failure
from samplemind_cli.stack.http import HttpLine

NOT_OK, NOT_FOUND = 400, 404


class Engine:
    """One open connection. The client is started at once and waited for at the first question.

    `timeout`: seconds to wait for an answer; for the first one ANSWER at most, so ask for `/version` first.
    """

    def __init__(self, timeout: float = SILENCE) -> None:
        command = docker_command("system", "dial-stdio")
        ours, theirs = socket.socketpair()
        ours.settimeout(min(timeout, ANSWER))
        self._socket, self._timeout = ours, timeout
        with theirs:
            line = theirs.fileno()
            # In a group of its own: Ctrl-C is ours to answer.
            self._client = subprocess.Popen(command, stdin=line, stdout=line, stderr=subprocess.PIPE, process_group=0)  # noqa: S603 - no shell
        self._last_words: str | None = None
        self._line = HttpLine(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at an unversioned path (there every engine speaks its newest version); None when not found.

        A query value that is no string is sent as JSON. Raises StackError.
        """
        words = (f"{name}={quote(v if isinstance(v, str) else json.dumps(v))}" for name, v in query.items())
        try:
            status, body = self._line.get(f"{path}?{'&'.join(words)}")
            self._socket.settimeout(self._timeout)
        except (OSError, ValueError) as error:
            raise self._gone() from error
        if status == NOT_FOUND:
            return None
        if status >= NOT_OK:
            raise failure(body.get("message", ""))
        return body

    def close(self) -> None:
        """End the connection, and the client with it; again is no error."""
        if self._last_words is None:
            self._line.close()
            kill(self._client)  # docker ignores SIGTERM while it waits for the daemon
            self._last_words = self._client.communicate()[1].decode("utf-8", "replace").strip()

    def _gone(self) -> SamplemindError:
        self.close()
        return failure(self._last_words or "error during connect")
