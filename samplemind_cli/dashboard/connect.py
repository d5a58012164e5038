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
        home = f"$HOME/.samplemind/{name}"
        placed = setup.placed(home)
        exports = [f"export {variable}={_quoted(value)}" for variable, value in placed.variables.items()]
        command = " ".join(map(_quoted, [*setup.command, *placed.arguments]))
        chosen = ["-m", model] if model else []
        return {
            "name": name,
            "launch": shlex.join(["samplemind", "launch", name, *chosen]),
            "paste": "\n".join([*_made(setup, home), *exports, command]),
            "install": setup.install,
        }


def _made(setup: tools.Setup, home: str) -> list[str]:
    """The lines that make a tool's folder and the file in it, where it wants them."""
    if not setup.config:
        return [f'mkdir -p "{home}"'] if any("{home}" in value for value in setup.variables.values()) else []
    file = f"{home}/{setup.config_name}"
    return [f'mkdir -p "{file.rpartition("/")[0]}"', f"cat > \"{file}\" <<'END'", setup.config.rstrip("\n"), "END"]


def _quoted(value: str) -> str:
    """For a shell, where the token's variable and the user's home are to be read."""
    if value == "$SAMPLEMIND_API_TOKEN" or value.startswith("$HOME/.samplemind/"):
        return f'"{value}"'
    return shlex.quote(value)
