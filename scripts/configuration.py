"""Writes docs/configuration.md from settings.py and the Compose file; `--check` fails if it is out of date."""

import re
import sys
from pathlib import Path

from samplemind_cli import settings
from samplemind_cli.providers import ROWS

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "configuration.md"
FIELD = re.compile(r"^    (\w+): [^#\n]*?# (.+)$", re.MULTILINE)  # a setting with a comment behind it
VARIABLE = re.compile(r"\$\{([A-Z0-9_]+):?-([^}]*)\}")
# Settings that every provider has, by the end of their names.
KINDS = {
    "api_key": "The API key of {title}",
    "base_url": "Where to send requests for {title}; empty: `{url}`; may carry a password",
    "model": "The model to ask of {title} when none is named",
    "rpm": "Requests per minute to {title}; 0: no limit",
}
PROVIDERS = {
    row.setting(kind): text.format(title=row.title, url=row.url)
    for row in ROWS
    for kind, text in KINDS.items()
    if row.setting(kind) in row.settings()
}
FOLDERS = {
    "cache_dir": ("~/.cache", "answers"),
    "config_dir": ("~/.config", "`config.toml`"),
    "data_dir": ("~/.local/share", "embedded model"),
    "state_dir": ("~/.local/state", "ledger, profiles and measurements"),
}
UNITS = {
    "cache_ttl": "s",
    "cache_size": "bytes",
    "connect_timeout": "s",
    "read_timeout": "s",
    "local_read_timeout": "s",
    "deadline": "s",
    "history_days": "days",
    "history_size": "bytes",
}
HEAD = """\
# Configuration

<!-- Written by scripts/configuration.py from samplemind_cli/settings.py and compose/compose.yaml. Do not edit. -->

A setting is looked up in this order; the first place that has it counts:

1. the command's options
2. the environment
3. the nearest `samplemind.toml` in the current folder or above it, up to the top of the repository
4. `~/.config/samplemind/config.toml`, your own file
5. what `samplemind up` recorded of the stack it started
6. the default

Files are TOML with one line for each setting, without sections:

```toml
ollama_model = "qwen2.5:7b-instruct"
cache_ttl = 86400
```

Your own file may also name OpenAI-compatible hosts of your own, as a block at its end:

```toml
[providers.my-vllm]
url = "http://127.0.0.1:8000/v1"
model = "qwen3"
local = true               # it costs nothing
key_variable = "VLLM_KEY"  # the environment variable with its key; by default MY_VLLM_API_KEY
format = "openai_chat"     # or openai_responses
```

Such a host is then a provider like the others: `ask --provider my-vllm`, and `my-vllm/MODEL` in `serve`.

What may be spent stands there too, in dollars; [Ledger](ledger.md#budgets) tells what a budget does:

```toml
[budgets]
day = 5.0                  # for all together; also week, month
month = 60.0
on_budget = "local"        # over it a local model is asked; by default the question is refused

[budgets.client]
day = 1.0                  # for each client of `serve`

[budgets.client.ci]
day = 3.0                  # for this one instead

[budgets.session]
total = 2.0                # for each terminal, or an agent's session

[budgets.batch]
total = 10.0               # for each file of answers
```

Lists are separated by commas in a variable, and are arrays in a file. A setting that is unknown, misplaced or of the
wrong type is an error that names the file or variable.

A project's file counts only if no other user could have written it. To use it anyway, name its folder in
`SAMPLEMIND_TRUSTED_FOLDERS`. See [SECURITY.md](https://github.com/samplemind/samplemind-cli/blob/main/SECURITY.md).
"""
SECTIONS = (
    ("A project's file, your own file, or the environment", settings.PROJECT_MAY, True),
    ("Your own file or the environment", settings.USER_ONLY, True),
    ("The environment only", settings.SECRETS, False),
    ("Folders", settings.FOLDERS, False),
)
STACK = """\
## The stack that comes with samplemind

These variables, from the environment or a `.env` file, change the carried Compose file:

| variable | default |
| --- | --- |
"""


def comments() -> dict[str, str]:
    """What settings.py says behind each setting."""
    return dict(FIELD.findall(Path(settings.__file__).read_text("utf-8")))


def variables(name: str) -> str:
    """The environment variables that set it, the strongest first."""
    if name in settings.FOLDERS:
        return f"`XDG_{name.removesuffix('_dir').upper()}_HOME`"
    return ", ".join(f"`{each}`" for each in (f"SAMPLEMIND_{name.upper()}", *settings.CONVENTIONS.get(name, ())))


def default(name: str, value: object) -> str:
    """The default as a reader would write it."""
    if name in settings.FOLDERS:
        return f"`{FOLDERS[name][0]}`"
    if value in ("", ()):
        return "not set"
    text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    text = f"{value:g}" if isinstance(value, float) else text.lower() if isinstance(value, bool) else text
    return f"`{text}`" + (f" {UNITS[name]}" if name in UNITS else "")


def meaning(name: str, said: dict[str, str]) -> str:
    """The comment, or what settings of this kind mean."""
    if name in settings.FOLDERS:
        return f"Holds the folder `samplemind` with its {FOLDERS[name][1]}"
    if name in PROVIDERS:
        return PROVIDERS[name]
    if name in said:
        text = said[name]
        return text[0].upper() + text[1:]
    raise SystemExit(f"say in a comment behind {name}, in samplemind_cli/settings.py, what it means")


def page() -> str:
    """The whole document."""
    said = comments()
    parts = [HEAD]
    for title, names, in_files in SECTIONS:
        head = "| setting | variable | default | meaning |\n| --- | --- | --- | --- |\n"
        rows = [
            f"| `{name}` | {variables(name)} | {default(name, value)} | {meaning(name, said)} |\n"
            for name, value in ((each.name, each.default) for each in settings.settable(ROWS))
            if name in names
        ]
        note = "" if in_files else "These are read from no file.\n\n"
        parts.append(f"## {title}\n\n{note}{head}{''.join(rows)}")
    compose = (ROOT / "compose" / "compose.yaml").read_text("utf-8")
    lines = "\n".join(line.partition("# ")[0] for line in compose.splitlines())
    found = {name: value for name, value in VARIABLE.findall(lines) if "$" not in value}
    rows = [f"| `{name}` | {f'`{value}`' if value else 'not set'} |\n" for name, value in sorted(found.items())]
    parts.append(STACK + "".join(rows))
    return "\n".join(parts)


def main() -> int:
    """Write the page, or with `--check` exit with 1 when it is out of date."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, "utf-8")
    elif PAGE.read_text("utf-8") != text:
        sys.stderr.write("docs/configuration.md is out of date: run python scripts/configuration.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
