"""Templates of `ask -T`: prompts with variables and options, from the user's folder or a project's.

NAME.md may begin with TOML between two lines `+++`; NAME.toml holds the same, and the text as `prompt`.
"""

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, get_args

from samplemind_cli import output, trust
from samplemind_cli.errors import UsageError
from samplemind_cli.providers import Effort, Task
from samplemind_cli.settings import CLOUD, Settings, environment, here

FOLDER = "templates"  # the user's, beside the settings
PROJECT = f".samplemind/{FOLDER}"  # a project's, in the current folder or above
INPUT = "input"  # the variable for the prompt and the piped input
LARGEST = 1_000_000  # bytes
_NAME = re.compile(r"[\w.-]{1,64}")
_VARIABLE = re.compile(r"\{\{[ \t]*([A-Za-z_]\w*)[ \t]*\}\}")
_FENCE = "+++"
# What a template may set beside its text, and the types; `schema` is a file beside it.
FIELDS: dict[str, type | tuple[type, ...]] = {
    "model": str, "system": str, "schema": str, "task": str, "effort": str, "temperature": (int, float),
    "max_tokens": int, "variables": dict,
}  # fmt: skip

WORDS: dict[str, tuple[str, ...]] = {"task": get_args(Task), "effort": get_args(Effort)}


@dataclass(frozen=True, slots=True)
class Template:
    """One template. `own`: it is in the user's folder. `fields`: those of `FIELDS` that it sets."""

    name: str
    path: Path
    own: bool
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def schema(self) -> Path | None:
        """The file of its JSON Schema, if any."""
        return self.path.parent / self.fields["schema"] if "schema" in self.fields else None

    @property
    def origin(self) -> str:
        """Its file, whose it is, and the model that it names, for display."""
        model = f", model {self.fields['model']}" if "model" in self.fields else ""
        whose = "your own" if self.own else "the project's"
        return f"template {self.name}: {self.path}, {whose}{model}"

    def options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options given on the command line; the template's where one is None."""
        defaults = {**self.fields, "schema": self.schema}
        return {name: defaults.get(name) if value is None else value for name, value in given.items()}

    def fill(self, prompt: str, variables: Mapping[str, str]) -> str:
        """The text with its variables filled in; the prompt is appended if the text has no `{{input}}`.

        Raises UsageError for a variable without a value, and for a value without a variable.
        """
        names = dict.fromkeys(_VARIABLE.findall(self.text))
        values = {name: str(value) for name, value in self.fields.get("variables", {}).items()} | dict(variables)
        values |= {INPUT: prompt} if prompt else {}
        if unknown := set(variables) - set(names):
            raise UsageError(f"{self.path} has no variable {min(unknown)!r}", f"it has: {', '.join(names) or 'none'}")
        if missing := [name for name in names if name not in values]:
            hint = "give a prompt, or pipe one in" if missing[0] == INPUT else f"--var {missing[0]}=…"
            raise UsageError(f"{self.path}: {missing[0]} has no value", hint)
        text = _VARIABLE.sub(lambda match: values[match[1]], self.text)
        return text if INPUT in names else "\n\n".join(filter(None, (text, prompt)))


def find(settings: Settings, name: str) -> Template:
    """The template of this name: the user's own, else the nearest project's. Raises UsageError."""
    if _NAME.fullmatch(name):
        for path, own in _files(settings):
            if path.stem == name:
                return _read(path, name, settings, own=own)
    known = ", ".join(names(settings))
    file = f"{name}.md" if _NAME.fullmatch(name) else "NAME.md"
    hint = f"known: {known}" if known else f"write {Path(settings.config_dir, FOLDER, file)}"
    raise UsageError(f"there is no template {name!r}", hint)


def apply(
    settings: Settings, name: str, assignments: Iterable[str], given: Mapping[str, Any], *, verbose: bool
) -> tuple[dict[str, Any], Callable[[str], str]]:
    """The options of the command line and the template; and a function that makes the text from a prompt.

    A project's template is reported on stderr. Raises UsageError.
    """
    if not name:
        raise UsageError("--var is for a template's variables", "samplemind ask -T NAME --var …")
    template = find(settings, name)
    if verbose or not template.own:
        output.say(template.origin)
    return template.options(given), partial(template.fill, variables=variables(assignments))


def names(settings: Settings) -> list[str]:
    """The names of all templates, sorted."""
    return sorted({path.stem for path, _ in _files(settings)})


def variables(assignments: Iterable[str]) -> dict[str, str]:
    """The values of `NAME=VALUE`. Raises UsageError."""
    values = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        if not (equals and name.isidentifier()) or name == INPUT:
            raise UsageError(f"--var {text!r} is not NAME=VALUE", "samplemind ask -T NAME --var language=Python …")
        values[name] = value
    return values


def _files(settings: Settings) -> Iterator[tuple[Path, bool]]:
    """The path of every trusted template, the user's own first, and whether it is the user's own."""
    env = environment()
    folders = [(settings.config_dir, FOLDER, True), *((f, PROJECT, False) for f in trust.folders(str(here()), env))]
    for folder, below, own in folders:
        for path in sorted(Path(folder, below).glob("*")) if folder else ():
            if path.suffix in (".md", ".toml") and trust.counts(str(path), env, settings.trusted_folders):
                yield path, own


def _read(path: Path, name: str, settings: Settings, *, own: bool) -> Template:
    try:
        if not path.is_file():  # reading from a terminal, through a link, would block
            raise OSError("it is not a regular file")  # noqa: TRY301 - one message for every file that cannot be read
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
        text = raw.decode("utf-8-sig").replace("\r\n", "\n")
        head, text = _split(text) if path.suffix == ".md" else (text, "")
        fields = tomllib.loads(head)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"cannot read the template {path}: {error}", f"fix or move {path}") from error
    text = fields.pop("prompt", "") if path.suffix == ".toml" else text.strip()
    if not isinstance(text, str):
        raise UsageError(f"{path}: prompt cannot be {text!r}", f"fix {path}")
    if not text or len(raw) > LARGEST:
        raise UsageError(f"the template {path} {'is too large' if text else 'contains no text'}", f"fix {path}")
    template = Template(name, path, own, text, fields)
    _check(template, settings)
    return template


def _split(text: str) -> tuple[str, str]:
    """The TOML above the text, and the text. Raises ValueError."""
    lines = text.split("\n")
    if lines[0].strip() != _FENCE:
        return "", text
    ends = [n for n, line in enumerate(lines) if n and line.strip() == _FENCE]
    if not ends:
        raise ValueError(f"the closing {_FENCE} is missing")
    return "\n".join(lines[1 : ends[0]]), "\n".join(lines[ends[0] + 1 :])


def _check(template: Template, settings: Settings) -> None:
    """Raise UsageError for invalid fields, and for those that a project's template may not set."""
    for name, value in template.fields.items():
        if name not in FIELDS:
            raise UsageError(f"{template.path} may not set {name!r}", f"a template may set {', '.join(FIELDS)}")
        words = WORDS.get(name, (value,))
        if not isinstance(value, FIELDS[name]) or isinstance(value, bool) or value not in words:
            raise UsageError(f"{template.path}: {name} cannot be {value!r}", f"fix {template.path}")
    if not template.own:
        _check_projects(template, settings)


def _check_projects(template: Template, settings: Settings) -> None:
    """Raise UsageError if it would choose where the prompt goes, or read files outside of its folder."""
    model = template.fields.get("model", "").lower().strip()
    if "://" in model or model.endswith(CLOUD):
        why = f"{template.path} may not name the model {model!r}: it would choose where the prompt goes"
        raise UsageError(why, "name another one with --model")
    own = [row.name for row in settings.providers]
    if model.partition("/")[0] in own:
        why = f"{template.path} may not name a provider of your own, {model.partition('/')[0]}"
        raise UsageError(why, "name it yourself with --model")
    top = template.path.parents[len(Path(PROJECT).parts)]
    if not Path(os.path.realpath(template.path)).is_relative_to(os.path.realpath(top)):
        why = f"{template.path} is a link that leads out of {top}"
        raise UsageError(why, "a project's link could lead to any of your files")
    if template.schema:
        folder, schema = Path(os.path.realpath(template.path.parent)), Path(os.path.realpath(template.schema))
        if not schema.is_relative_to(folder):
            raise UsageError(f"{template.path}: its schema lies outside of its folder", f"move it to {folder}")
        if schema.exists() and (why := trust.unreadable(schema.stat())):
            raise UsageError(f"{template.path}: its schema cannot be read: {why}", f"fix or move {schema}")
