"""A model's name: its parts, the library's own spelling, and similar known names; no I/O."""

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Self

from samplemind_cli.errors import UsageError

LIBRARY = "registry.ollama.ai"
# Names that people use and the library does not.
ALIASES = {"phi3.5:mini": "phi3.5:3.8b-mini-instruct-q4_K_M"}

# Each from large to small: the replacements for a model that does not fit. Bytes are approximate, from the library's
# pages; a registry's answer is exact.
LADDERS = (
    {
        "llama3.2:3b-instruct-q8_0": 3_400_000_000,
        "llama3.2:3b-instruct-q4_K_M": 2_000_000_000,
        "llama3.2:1b-instruct-q8_0": 1_300_000_000,
        "llama3.2:1b-instruct-q4_K_M": 810_000_000,
    },
    {
        "qwen2.5:7b-instruct": 4_700_000_000,
        "qwen2.5:3b-instruct": 1_900_000_000,
        "qwen2.5:1.5b-instruct": 990_000_000,
        "qwen2.5:0.5b-instruct": 400_000_000,
    },
    {
        "phi3.5:3.8b-mini-instruct-q4_K_M": 2_400_000_000,
        "llama3.2:1b-instruct-q8_0": 1_300_000_000,
        "qwen2.5:0.5b-instruct": 400_000_000,
    },
)
SIZES = {name: size for ladder in LADDERS for name, size in ladder.items()}
# More of the library, for "did you mean".
POPULAR = (
    "llama3.2:latest", "llama3.2:1b", "llama3.1:8b", "llama3.3:70b", "qwen2.5:latest", "qwen2.5:7b", "qwen2.5:14b",
    "qwen2.5-coder:7b", "qwen3:8b", "phi3.5:latest", "phi4:14b", "gemma3:4b", "mistral:7b", "mistral-nemo:12b",
    "deepseek-r1:7b", "codellama:7b", "nomic-embed-text:latest", "mxbai-embed-large:latest",
)  # fmt: skip

# The daemon's own grammar: types/model/name.go.
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,349}")
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True, slots=True)
class Name:
    """A model's full name; as text the daemon's short form: `model:tag` for the library's own."""

    model: str
    tag: str = "latest"
    namespace: str = "library"
    host: str = LIBRARY

    @classmethod
    def parse(cls, text: str) -> Self:
        """The name in `[http[s]://][host/][namespace/]model[:tag]`. Raises UsageError for anything else."""
        *path, last = text.strip().rpartition("://")[2].split("/")
        model, colon, tag = last.partition(":")
        host, namespace = ([LIBRARY, "library"][: max(0, 2 - len(path))] + path)[-2:]
        name = cls(model, tag if colon else "latest", namespace, host)
        parts = (name.model, name.tag, name.namespace)
        if len(path) > 2 or not _HOST.fullmatch(host) or not all(map(_PART.fullmatch, parts)):  # noqa: PLR2004
            raise UsageError(f"{text!r} is not a valid model name", "a model is named like qwen2.5:7b-instruct")
        return name

    def __str__(self) -> str:
        if self.host.lower() != LIBRARY:
            return f"{self.host}/{self.namespace}/{self.model}:{self.tag}"
        prefix = "" if self.namespace.lower() == "library" else f"{self.namespace}/"
        return f"{prefix}{self.model}:{self.tag}"

    def manifest_url(self, *, insecure: bool) -> str:
        """The URL of its manifest in its registry; the daemon uses the same (server/images.go)."""
        scheme = "http" if insecure else "https"
        return f"{scheme}://{self.host}/v2/{self.namespace}/{self.model}/manifests/{self.tag}"


def resolve(text: str) -> str:
    """The name as the daemon lists it; an alias becomes the library's own name. Raises UsageError."""
    name = str(Name.parse(text))
    return ALIASES.get(name.lower(), name)


def same(one: str, other: str) -> bool:
    """Whether two resolved names mean the same model; the daemon ignores case."""
    return one.lower() == other.lower()


def nearest(name: str) -> list[str]:
    """Up to three similar names of the library, the most similar first."""
    candidates = {candidate.lower(): candidate for candidate in (*POPULAR, *SIZES)}
    candidates.pop(name.lower(), None)
    return [candidates[close] for close in get_close_matches(name.lower(), candidates, n=3, cutoff=0.6)]


def smaller(name: str) -> dict[str, int]:
    """Smaller replacements for a model with their bytes, larger first; empty for an unknown model."""
    for ladder in LADDERS:
        if name in ladder:
            return {other: size for other, size in ladder.items() if size < ladder[name]}
    return {}
