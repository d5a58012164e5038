"""How to set up each tool of `launch` without `launch`, as lines to paste into a shell."""

import shlex
from typing import Any

from samplemind_cli.dashboard.admission import as_json
from samplemind_cli.dashboard.query import Query
from samplemind_cli.launching import tools
from samplemind_cli.server.message import Incoming, Reply
from samplemind_cli.settings import Settings


class Connect:
    """The tools, for the URL of the page itself; the token is a shell variable, never shown."""

    def __init__(self, settings: Settings) -> None:
        self._token = tools.TOKEN if settings.api_token else ""

    async def answer(self, incoming: Incoming) -> Reply:
        """Each tool's commands; `model` in the query replaces the tool's own, or `auto`."""
        model = Query(incoming).text("model")
        url = f"http://{incoming.headers.get('host', '127.0.0.1:8000')}"
        return as_json({"url": url, "tools": [self._tool(name, url, model) for name in tools.TOOLS]})

    def _tool(self, name: str, url: str, model: str) -> dict[str, Any]:
        setup = tools.setup(name, url, self._token, model)
        home = f"$HOME/.samplemind/{name}"
        started = setup.with_home(home)
        exports = [f"export {variable}={_quoted(value)}" for variable, value in started.variables.items()]
        command = " ".join(map(_quoted, [*setup.command, *started.arguments]))
        options = ["-m", model] if model else []
        return {
            "name": name,
            "launch": shlex.join(["samplemind", "launch", name, *options]),
            "paste": "\n".join([*_folder_lines(setup, home), *exports, command]),
            "install": setup.install,
        }


def _folder_lines(setup: tools.Setup, home: str) -> list[str]:
    """The lines that make a tool's folder and config file, if it needs them."""
    if not setup.config:
        return [f'mkdir -p "{home}"'] if any("{home}" in value for value in setup.variables.values()) else []
    file = f"{home}/{setup.config_name}"
    return [f'mkdir -p "{file.rpartition("/")[0]}"', f"cat > \"{file}\" <<'END'", setup.config.rstrip("\n"), "END"]


def _quoted(value: str) -> str:
    """Quoted for a shell, which must still expand the token's variable and the user's home."""
    if value == tools.TOKEN or value.startswith("$HOME/.samplemind/"):
        return f'"{value}"'
    return shlex.quote(value)
