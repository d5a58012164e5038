"""Command lines as they are kept: without what looks like a password, a token or a key."""

import re
from collections.abc import Iterator, Sequence

MASK = "***"
SECRET = {
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "credentials",
    "key",
    "pass",
    "pat",
    "pwd",
    "token",
}
ALWAYS = {"apikey", "passphrase", "passwd", "password", "secret"}  # wherever it stands in the name
NOT = {"dir", "file", "id", "length", "name", "path", "stdin"}  # --password-file says where it lies
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NAMED = re.compile(r"(--?)?([A-Za-z][\w.-]*)=(.*)", re.DOTALL)
HEADER = re.compile(r"(?i)([\w-]*(?:authorization|cookie|token|key|secret)\s*:\s*)\S.*", re.DOTALL)
LOGIN = re.compile(r"(://[^/\s:@]*:)[^/\s@]+(?=@)")
# What providers' keys, access tokens and JSON web tokens look like.
VALUE = re.compile(
    r"\b(sk-[\w-]{16,}|gh[opsur]_\w{20,}|AKIA\w{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}|eyJ[\w-]+\.[\w-]+\.[\w-]+)"
)


def without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """The same command line, with MASK in the place of values that look like secrets."""
    return tuple(_words(words))


def _words(words: Sequence[str]) -> Iterator[str]:
    hide_next = False
    for word in words:
        if hide_next and not word.startswith("--"):
            yield MASK
            hide_next = False
            continue
        hide_next = word.startswith("-") and "=" not in word and _is_secret(word)
        named = NAMED.fullmatch(word)
        if named and _is_secret(named[2]):
            yield f"{named[1] or ''}{named[2]}={MASK}"
        else:
            yield VALUE.sub(MASK, LOGIN.sub(rf"\1{MASK}", HEADER.sub(rf"\1{MASK}", word)))


def _is_secret(name: str) -> bool:
    """Whether an option or a variable of this name holds a secret: `--api-key`, `clientSecret`; not `--max-tokens`."""
    parts = [part.lower() for part in PARTS.findall(name)]
    return bool(parts) and parts[-1] not in NOT and (parts[-1] in SECRET or not ALWAYS.isdisjoint(parts))
