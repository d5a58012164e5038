"""What each tool of `launch` is to be told, to be pasted where the tool is started without it."""

import shlex
from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.launching import tools
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings


class Connect:
    """The tools, for the address by which the page itself is reached; a token is named, never shown."""

    def __init__(self, settings: Settings) -> None:
        self._token = "$SAMPLEMIND_API_TOKEN" if settings.api_token else ""

    async def answer(self, incoming: Incoming) -> Reply:
        """`model` in the query, if the tool shall ask another than its own or `auto`."""
        model = Query(incoming).text("model")
        url = f"http://{incoming.headers.get('host', '127.0.0.1:8000')}"
        return as_json({"url": url, "tools": [self._tool(name, url, model) for name in tools.TOOLS]})

    def _tool(self, name: str, url: str, model: str) -> dict[str, Any]:
        setup = tools.setup(name, url, self._token, model)
        exports = [f"export {variable}={_quoted(value)}" for variable, value in setup.variables.items()]
        command = shlex.join([*setup.command, *setup.arguments]).replace("'{config}'", setup.config_name)
        chosen = ["-m", model] if model else []
        return {
            "name": name,
            "launch": shlex.join(["samplemind", "launch", name, *chosen]),
            "paste": "\n".join([*exports, command]),
            "config": setup.config or None,
            "config_name": setup.config_name or None,
            "install": setup.install,
        }


def _quoted(value: str) -> str:
    """For a shell, where the token's variable is to be read."""
    return '"$SAMPLEMIND_API_TOKEN"' if value == "$SAMPLEMIND_API_TOKEN" else shlex.quote(value)
