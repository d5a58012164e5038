"""The engine's own API over one connection: about a millisecond per container.

python-on-whales starts a process per container and `docker stats` waits two seconds, so polling happens here.
`docker system dial-stdio` is the client's raw connection to its engine, whatever context, host or login it uses.
"""

import json
import socket
import subprocess
from typing import Any, Self
from urllib.parse import quote

from samplemind_cli.child.reaped import kill
from samplemind_cli.errors import SamplemindError
from samplemind_cli.stack.docker import ANSWER, SILENCE, docker_command, failure
from samplemind_cli.stack.http import HttpConnection

NOT_OK, NOT_FOUND = 400, 404


class Engine:
    """One open connection. The client is started at once and awaited by the first request.

    `timeout`: seconds to wait for a response; ANSWER at most for the first one, so get `/version` first.
    """

    def __init__(self, timeout: float = SILENCE) -> None:
        command = docker_command("system", "dial-stdio")
        ours, theirs = socket.socketpair()
        ours.settimeout(min(timeout, ANSWER))
        self._socket, self._timeout = ours, timeout
        with theirs:
            pipe = theirs.fileno()
            # In a group of its own: Ctrl-C must not end it before us.
            self._client = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.PIPE, process_group=0)  # noqa: S603 - no shell
        self._stderr: str | None = None  # set once the client has ended
        self._connection = HttpConnection(ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def get(self, path: str, **query: Any) -> Any:
        """The JSON at an unversioned path, which means the engine's newest version; None if not found.

        A query value other than a string is sent as JSON. Raises StackError.
        """
        parameters = (f"{name}={quote(v if isinstance(v, str) else json.dumps(v))}" for name, v in query.items())
        try:
            status, body = self._connection.get(f"{path}?{'&'.join(parameters)}")
            self._socket.settimeout(self._timeout)
        except (OSError, ValueError) as error:
            raise self._failure() from error
        if status == NOT_FOUND:
            return None
        if status >= NOT_OK:
            raise failure(body.get("message", ""))
        return body

    def close(self) -> None:
        """End the connection and its client; a second call does nothing."""
        if self._stderr is None:
            self._connection.close()
            kill(self._client)  # docker ignores SIGTERM while it waits for the daemon
            self._stderr = self._client.communicate()[1].decode("utf-8", "replace").strip()

    def _failure(self) -> SamplemindError:
        self.close()
        return failure(self._stderr or "error during connect")
