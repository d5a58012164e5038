"""Masks passwords, tokens and keys in command lines before they are stored."""

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
ALWAYS = {"apikey", "passphrase", "passwd", "password", "secret"}  # anywhere in the name
NOT = {"dir", "file", "id", "length", "name", "path", "stdin"}  # the value of --password-file is no secret
PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
NAMED = re.compile(r"(--?)?([A-Za-z][\w.-]*)=(.*)", re.DOTALL)
# The same within a word: a shell command, a URL's query, JSON.
WITHIN = re.compile(r"""(?<![\w.-])(["']?)([A-Za-z][\w.-]*)\1(=|\s*:\s*(?=["']))("[^"]*"|'[^']*'|[^\s&;,"'#]+)""")
HEADER = re.compile(r"(?i)([\w-]*(?:authorization|cookie|token|key|secret)\s*:\s*)\S.*", re.DOTALL)
BEARER = re.compile(r"(?i)\b((?:bearer|basic)\s+)[\w.~+/=-]{8,}")
LOGIN = re.compile(r"(://[^/\s:@]*:)[^/\s]+(?=@)|(://)[^/\s:@]{16,}(?=@)")
USER = ("-u", "-U", "--user", "--proxy-user")  # of curl and the like: NAME:PASSWORD
# Keys of providers and of `keys add`, access tokens, JSON web tokens.
VALUE = re.compile(
    r"\b(sk-[\w-]{16,}|sm-[\w-]{43}|[sr]k_(?:live|test)_\w{16,}|gh[opsur]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|gsk_\w{20,}"
    r"|hf_\w{20,}|xai-\w{20,}|pplx-\w{20,}|npm_\w{20,}|pypi-[\w-]{20,}|AKIA\w{16}|xox[abprs]-[\w-]{10,}|AIza[\w-]{30,}"
    r"|AQ\.[\w-]{20,}|ya29\.[\w-]{20,}|SG\.[\w-]{16,}\.[\w-]{16,}|eyJ[\w-]+\.[\w-]+\.[\w-]+)"
)


def without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """The command line with MASK in place of values that look like secrets."""
    return tuple(_words(words))


def _words(words: Sequence[str]) -> Iterator[str]:
    before, hide_next = "", False
    for word in words:
        if hide_next and not word.startswith("--"):
            yield MASK
            before, hide_next = "", False
            continue
        hide_next = word.startswith("-") and "=" not in word and _is_secret(word)
        named = NAMED.fullmatch(word)
        if named and _is_secret(named[2]):
            yield f"{named[1] or ''}{named[2]}={MASK}"
        elif before in USER and ":" in word and "://" not in word:
            yield f"{word.partition(':')[0]}:{MASK}"
        else:
            yield _within(word)
        before = word


def _within(word: str) -> str:
    word = LOGIN.sub(lambda match: f"{match[1] or match[2]}{MASK}", WITHIN.sub(_value, word))
    return VALUE.sub(MASK, BEARER.sub(rf"\1{MASK}", HEADER.sub(rf"\1{MASK}", word)))


def _value(match: re.Match[str]) -> str:
    if not _is_secret(match[2]):
        return match[0]
    quote = match[4][0] if match[4][0] in "\"'" else ""
    return f"{match[1]}{match[2]}{match[1]}{match[3]}{quote}{MASK}{quote}"


def _is_secret(name: str) -> bool:
    """Whether an option or a variable of this name holds a secret: `--api-key`, `clientSecret`; not `--max-tokens`."""
    parts = [part.lower() for part in PARTS.findall(name)]
    return bool(parts) and parts[-1] not in NOT and (parts[-1] in SECRET or not ALWAYS.isdisjoint(parts))
