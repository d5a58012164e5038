"""Writes docs/formats.md: what each provider cannot be told, and the matrix of clients and providers."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from samplemind_cli.ai.caller import CLIENTS
from samplemind_cli.ai.types import ABILITIES, CONSTRAINTS, PARAMETERS, Endpoint, Request
from samplemind_cli.providers import ROWS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "formats.md"
MATRIX = "tests/integration/server/test_matrix.py"
FORMATS = ("openai_chat", "anthropic_messages", "gemini", "ollama")


def fields() -> str:
    """Which fields that must be taken or refused each provider has no word for."""
    names = sorted({*PARAMETERS, *ABILITIES, *CONSTRAINTS, "tool_choice"} - {"functions", "function_call"})
    lines = ["| provider | refused with a 400 that names the field |", "| --- | --- |"]
    asked = [(row, row.client, row.name) for row in ROWS]
    asked += [(row, "openai_responses", f"{row.name}-responses") for row in ROWS if row.responses]
    for row, client, name in asked:
        endpoint = Endpoint(row.url, row.model)
        takes = CLIENTS[client].takes
        other = next(known for known in FORMATS if known != row.format)
        request = Request(messages=(), source=other, extra=dict.fromkeys(CONSTRAINTS, 1))
        lacks = [f"`{each}`" for each in names if not takes(each, request, endpoint)]
        lines.append(f"| `{name}` | {', '.join(lacks)} |")
    return "\n".join(lines)


def matrix() -> str:
    """Every client before every provider, as the tests find them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", MATRIX, "-m", "integration", "-q", "-n", "2"]
        subprocess.run(  # noqa: S603 - pytest
            command, cwd=ROOT, env={**os.environ, "FORMATS_FOLDER": folder}, check=True
        )
        found = {path.stem: json.loads(path.read_text()) for path in sorted(Path(folder).iterdir())}
    features = list(next(iter(found.values())))
    lines = [f"| client | provider | {' | '.join(features)} |", "| --- " * (len(features) + 2) + "|"]
    for name, told in found.items():
        client, provider = name.split()
        lines.append(f"| `{client}` | `{provider}` | {' | '.join(told[feature] for feature in features)} |")
    return "\n".join(lines)


def placed(name: str, table: str, text: str) -> str:
    """The text with a table between the marks of its name."""
    return re.sub(rf"(?s)(<!-- {name} -->\n).*?(<!-- /{name} -->)", lambda m: f"{m[1]}{table}\n{m[2]}", text)


def page() -> str:
    """The page with the fields as they are now."""
    return placed("fields", fields(), PAGE.read_text("utf-8"))


if __name__ == "__main__":
    PAGE.write_text(placed("matrix", matrix(), page()), "utf-8")
