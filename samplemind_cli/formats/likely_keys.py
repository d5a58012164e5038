"""Removes what looks like an API key from a text."""

import re

_HIDDEN = "[key]"
# Keys as providers repeat them: whole, masked with asterisks, after "API key…:" or "Bearer", or in a query.
_KEY = re.compile(
    r"\b(?:sk|rk|pk|gsk|xai|hf|r8|pplx|csk|nvapi|fw|tgp_v1|sm|xox[a-z])[-_][\w*.-]{6,}|\bAIza[\w*-]+|\bAQ\.[\w*.-]+"
    r"|\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*"
    r"|(?<![^\s\"'/])[^\s\"'/]*\*{3,}[^\s\"']*|(?<=bearer )\S+|(?-i:(?<=[Bb]asic )(?=\w+[A-Z\d=])[\w+/=]{8,})"
    r"|(?<=[?&]key=)[^\s&\"']+"
    r"|(?<=[?&]api_key=)[^\s&\"']+|(?:(?<=api key: )|(?<=api-key: )|(?<=api key provided: ))\S+"
    r"|(?:(?<=token: )|(?<=key: ))(?![a-z]+(?:_[a-z]+)+\b)[^\s\"'`]{8,}"  # names of fields are none
    r"|\bya29\.[\w.-]+|\bgh[opsu]_\w{16,}|\b(?:github_pat|glpat|jina|cfut)[-_][\w-]{12,}",
    re.IGNORECASE,
)
# A name for a key, followed by a word with many letters and digits in a row. The bounds keep the time linear.
_NAMED_KEY = re.compile(
    r"(\b(?:key|token|secret|credentials?|password)[\"'`]?(?:\s*[:=]\s*|\s+(?:for |is |of )?)[\"'`]?|api_?key\W{1,4})"
    r"(?=[\w.:+/=-]{0,99}?(?=[a-z]{0,99}\d)[a-z\d]{10})[\w.:+/=-]{12,}"
    r"|\b(A[KS]IA)[0-9A-Z]{12,}",
    re.IGNORECASE,
)
# Words about keys; in such a text whatever looks random counts as one.
_ABOUT_KEYS = re.compile(
    r"\bkeys?\b|(?<![a-z])token\b|api[_ -]?key|auth|credential|secret|password|signature|access denied|forbidden"
    r"|account|clé|密钥|令牌|キー|Schlüssel|chave|clave",
    re.IGNORECASE,
)
_WORD = re.compile(r"[a-z0-9][\w.+/=~-]{15,}", re.IGNORECASE)
_RUN = re.compile(r"[a-z0-9]+", re.IGNORECASE)
_UUID = re.compile(r"(?:\A|[=/])[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
# The beginnings of ids, and the words before them: ids are kept, as a problem's report needs them.
_ID = re.compile(
    r"(?:req|request|call|chatcmpl|cmpl|msg|resp|rs|item|file|run|org|proj|user|batch|ft|toolu|tooluse|thread|asst|conv"
    r"|gen|trace|ws|evt|sha\d+|md5)[-_:]|fc_",
    re.IGNORECASE,
)
_NAMED_ID = re.compile(
    r"(?:(?:request|trace|correlation|session|response|organi[sz]ation|project|log|ray|tool call|digest|model)"
    r"(?:[ _-]?id)?|\bid)[\"'`]?\s{0,2}[:=#]?\s{0,2}[\"'`(]?\Z|sha\d+[:-]\Z",
    re.IGNORECASE,
)
_PREFIXED, _MIXED, _RANDOM = 20, 24, 16  # characters in a row


def without_likely_keys(words: str) -> str:
    """A text without anything that looks like a key."""
    words = _NAMED_KEY.sub(rf"\1\2{_HIDDEN}", _KEY.sub(_HIDDEN, words))
    about = bool(_ABOUT_KEYS.search(words))
    return _WORD.sub(lambda match: _HIDDEN if _is_key(match, about=about) else match[0], words)


def _is_key(match: re.Match[str], *, about: bool) -> bool:
    """Whether a word is random enough to be a key; less is needed if the text is `about` keys."""
    word = match[0]
    run = max(_RUN.findall(word), key=len)
    digits = re.findall(r"\d+", run)
    if _ID.match(word) or _NAMED_ID.search(match.string[max(0, match.start() - 40) : match.start()]):
        return False
    if about and _UUID.search(word.rstrip(".")):
        return True
    if len(digits) < 2:  # noqa: PLR2004 - a name has a version or a date at most
        return False
    if about and len(run) >= _RANDOM:
        return True
    mixed = run.lower() != run != run.upper() and len("".join(digits)) > 3  # noqa: PLR2004 - a name has fewer
    return (len(run) >= _MIXED and mixed) or (len(run) >= _PREFIXED and _has_prefix(word, run))


def _has_prefix(word: str, run: str) -> bool:
    """Whether the random run follows a prefix, as in "pcsk_…", and is not part of a URL."""
    before = word[: word.index(run)]
    return bool(re.fullmatch(r"(?:[a-z][a-z0-9]{0,15}[-_.]){1,3}", before, re.IGNORECASE))
