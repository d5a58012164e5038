"""Translates errors of the daemon and of registries."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import walk_tb

from samplemind_cli.errors import ProviderError, SamplemindError
from samplemind_cli.models.names import nearest


class OllamaError(ProviderError):
    """The daemon, or a registry that it called, failed.

    `tries` is how often a pull is attempted in a row. A failure that `resumes` keeps what was downloaded; the count
    starts again once more has been downloaded.
    """

    def __init__(self, message: str, hint: str | None = None, *, tries: int = 1, resumes: bool = True) -> None:
        super().__init__(message, hint)
        self.tries = tries
        self.resumes = resumes


RESTARTING = 8  # tries, over about a minute, in which a daemon may restart

# The daemon's errors (server/images.go, server/download.go), first match wins: (pattern, message, hint, tries).
# `{name}` is the model, `{text}` the daemon's message, `{reason}` its last part.
_ERRORS: tuple[tuple[str, str, str, int], ...] = (
    (
        r"no space left on device|not enough space|disk quota exceeded",
        "the daemon's disk filled up while downloading {name}; what was downloaded is kept",
        "samplemind models rm NAME makes room, then pull again",
        1,
    ),
    (
        r"requires a newer version of ollama|\b412\b",
        "{name} needs a newer Ollama than this daemon",
        "update Ollama, then pull again",
        1,
    ),
    (
        r"insecure protocol http|gave HTTP response to HTTPS client",
        "the registry of {name} speaks plain HTTP",
        "use --insecure if it is your own",
        1,
    ),
    (
        r"x509|certificate|tls: ",
        "the registry of {name} has a certificate that the daemon does not trust: {text}",
        "install the certificate for the daemon; --insecure uses plain HTTP",
        1,
    ),
    (
        r"unauthorized|access denied|\b40[13]\b",
        "the registry refuses {name} to this daemon: {text}",
        "check the name; a private model needs `ollama signin`",
        1,
    ),
    (
        r"no such host|dial tcp|network is unreachable|connection refused|i/o timeout|server misbehaving|proxyconnect",
        "the daemon cannot reach the registry of {name}: {reason}",
        "check the daemon's network and HTTPS_PROXY, then pull again",
        2,
    ),
    (
        r"max retries exceeded|EOF|connection reset|context (cancel|dead)|\b5\d\d\b|\b429\b|broken pipe|no such file",
        "the download of {name} kept failing: {text}",
        "pull again; what was downloaded is kept",
        4,
    ),
    (
        r"does not support|unable to load model|requires more system memory|out of memory|runner process",
        "{name} cannot be loaded: {text}",
        "samplemind models shows what fits this machine",
        1,
    ),
)


@contextmanager
def translated(url: str, name: str = "", seconds: float = 0) -> Iterator[None]:
    """Turn what the `ollama` package, its HTTP client or a socket raises into an OllamaError."""
    try:
        yield
    except SamplemindError:
        raise
    except TimeoutError as error:
        raise OllamaError(
            f"the Ollama daemon at {url} did not answer within {seconds:g} s",
            "check whether it is busy or stopped: samplemind ps",
        ) from error
    except Exception as error:
        raise _read(error, url, name) from error


def not_ollama(url: str) -> OllamaError:
    """The error if something else answers at the daemon's URL."""
    return OllamaError(f"what answers at {url} is not Ollama", "set OLLAMA_HOST to the daemon's address")


def too_old(url: str, version: str, oldest: tuple[int, ...]) -> OllamaError:
    """The error for a daemon that lacks calls that this package needs."""
    return OllamaError(
        f"the Ollama at {url} is {version}; samplemind needs {'.'.join(map(str, oldest))} or newer", "update Ollama"
    )


def older(version: str, oldest: tuple[int, ...]) -> bool:
    """Whether a version is before `oldest`; 0.0.0 is a development build, and new."""
    numbers = tuple(int(part) for part in re.findall(r"\d{1,9}", version)[:3])
    return numbers != (0, 0, 0) and numbers < oldest


def unknown(name: str) -> OllamaError:
    """The error for a model that its registry does not have."""
    similar = nearest(name)
    elsewhere = "https://ollama.com/library lists the models" if name.count("/") < 2 else "check the name"  # noqa: PLR2004 - another host
    return OllamaError(
        f"there is no model {name} in its registry", f"did you mean {' or '.join(similar)}?" if similar else elsewhere
    )


def spoiled(name: str) -> OllamaError:
    """The error for a layer that does not match its digest; the daemon drops it, so it must be downloaded again."""
    message = f"the registry sent {name} with a wrong digest; the download was discarded"
    return OllamaError(message, "pull again later", tries=2, resumes=False)


def stalled(name: str, seconds: float) -> OllamaError:
    """The error for a download that has received nothing for `seconds`."""
    return OllamaError(
        f"nothing of {name} arrived for {seconds:g} s", "pull again; what was downloaded is kept", tries=4
    )


def endless(name: str, most: int) -> OllamaError:
    """More layers came than any model has."""
    return OllamaError(f"the registry of {name} tells of more than {most:,} layers", "check the model's name")


def absent(name: str) -> OllamaError:
    """The error for a model that the daemon does not have."""
    return OllamaError(f"the daemon has no model {name}", f"samplemind pull-models {name}, or see: samplemind models")


def _read(error: Exception, url: str, name: str) -> Exception:
    """The error to raise for one of the `ollama` package; a bug is returned unchanged."""
    kind = type(error).__module__.partition(".")[0]
    # While streaming, `ollama` lets httpx's own exceptions through (only `ai` may import httpx).
    if isinstance(error, OSError) or kind == "httpx":
        if type(error).__name__ == "DecodingError":  # raised by `httpx_client.bounded`
            return OllamaError(f"the Ollama daemon at {url} sent an unreadable reply: {error}", "samplemind ps")
        if type(error).__name__ in ("ReadError", "RemoteProtocolError", "ReadTimeout", "WriteError"):
            return OllamaError(f"the Ollama daemon at {url} closed the connection", "samplemind ps", tries=RESTARTING)
        return OllamaError(
            f"no Ollama daemon answers at {url}",
            "samplemind up ollama, or: ollama serve; elsewhere: set OLLAMA_HOST",
            tries=RESTARTING,
        )
    if kind in ("pydantic_core", "json") or (
        isinstance(error, TypeError | ValueError | RecursionError) and _in_ollama(error)
    ):
        return not_ollama(url)
    if kind == "ollama":
        return from_message(str(getattr(error, "error", error)), name, getattr(error, "status_code", -1))
    return error


def _in_ollama(error: Exception) -> bool:
    """Whether it was raised inside the package, which fails so for JSON without Ollama's fields."""
    return any(frame.f_globals.get("__name__") == "ollama._client" for frame, _ in walk_tb(error.__traceback__))


def from_message(text: str, name: str, status: int = -1) -> OllamaError:
    """The error for a message of the daemon's."""
    text = " ".join(text.split()) or f"HTTP {status}"
    if re.search(r"pull model manifest: (file does not exist|.*manifest unknown)", text):
        return unknown(name)
    if "digest mismatch" in text:
        return spoiled(name)
    if (status == 404 and name) or re.search(r"model .*not found", text):  # noqa: PLR2004 - HTTP
        return absent(name)
    for pattern, message, hint, tries in _ERRORS:
        if re.search(pattern, text, re.IGNORECASE):
            return OllamaError(
                message.format(name=name, text=text[:300], reason=text.rpartition(": ")[2]), hint, tries=tries
            )
    return OllamaError(f"the Ollama daemon refused {name}: {text[:300]}".replace("  ", " "), "samplemind models")


def together(failures: list[OllamaError]) -> OllamaError:
    """Several failures as one error: every message, and the first hint."""
    hint = next((failure.hint for failure in failures if failure.hint), None)
    return OllamaError("; ".join(failure.message for failure in failures), hint)
