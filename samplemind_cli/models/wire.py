"""Calls that the `ollama` package lacks: the daemon's version, its blobs, a registry's manifest."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.ai import http_client, json_text
from samplemind_cli.ai.types import Call
from samplemind_cli.errors import ProviderError
from samplemind_cli.models.names import Name

SECONDS = 5.0
LARGEST = 10_000_000  # bytes of a response
REDIRECTS = 4  # requests, including redirected ones
OK, ABSENT = 200, 404
MOST = 10_000  # layers: a model of an image's tensors has hundreds
LONGEST = 2**63  # bytes that somebody may say of anything; what is more is no size
_DIGEST = re.compile(r"sha256:[0-9a-f]{1,64}")  # it is a part of a file's name and of a URL
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model: `sha256:…` and its bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model's layers in its registry; empty if it did not answer, with the reason in `trouble`."""

    layers: tuple[Layer, ...] = ()
    trouble: str = ""
    unknown: bool = False  # the registry answered, and it has no such model

    @property
    def size(self) -> int:
        """All layers together, in bytes."""
        return sum(layer.size for layer in self.layers)


async def version(url: str) -> Any:
    """The daemon's version; None if what answers is not an Ollama. Raises OSError if nothing answers."""
    reply = await _reply(f"{url}/api/version")
    try:
        answer = json_text.loads(reply.body)
    except ValueError:
        return None
    return answer.get("version") if reply.status == OK and isinstance(answer, dict) else None


async def held(url: str, digests: Iterable[str]) -> set[str]:
    """The digests whose blobs the daemon has completely (`HEAD /api/blobs/DIGEST`). Raises OSError."""
    every = list(digests)
    replies = await asyncio.gather(*(_reply(f"{url}/api/blobs/{digest}", method="HEAD") for digest in every))
    return {digest for digest, reply in zip(every, replies, strict=True) if reply.status == OK}


async def manifest(name: str, *, insecure: bool) -> Manifest:
    """A model's layers in its registry. Raises only UsageError, for the name: a plan is possible without layers."""
    url = Name.parse(name).manifest_url(insecure=insecure)
    host = urlsplit(url).netloc
    try:
        reply = await _reply(url, accept=_MANIFEST)
        if reply.status == ABSENT:
            return Manifest(trouble=f"{host} has no such model", unknown=True)
        if reply.status != OK:
            return Manifest(trouble=f"{host} answers {reply.status}")
        return Manifest(_layers(json_text.loads(reply.body)))
    except OSError as error:
        return Manifest(trouble=f"{host} cannot be reached from here: {error}")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Manifest(trouble=f"{host} sent something that is not a manifest")


def is_digest(text: str) -> bool:
    """Whether it is the digest of a blob, and nothing that leads elsewhere."""
    return _DIGEST.fullmatch(text) is not None


def size(told: Any) -> int:
    """Bytes as a daemon or a registry tells them; 0 for what can be none."""
    return told if isinstance(told, int) and 0 <= told < LONGEST else 0


def _layers(answer: Any) -> tuple[Layer, ...]:
    """Raises ValueError and others for what is no manifest."""
    blobs = [*answer["layers"], *([answer["config"]] if answer.get("config", {}).get("digest") else [])]
    layers = {blob["digest"]: Layer(blob["digest"], int(blob["size"])) for blob in blobs}
    if len(layers) > MOST or not all(is_digest(one.digest) and one.size == size(one.size) for one in layers.values()):
        raise ValueError(answer)
    return tuple(layers.values())


async def _reply(url: str, *, method: str = "GET", accept: str = "application/json") -> http_client.WholeResponse:
    """The response after redirects, whatever its status. Raises OSError if there is none within SECONDS."""
    patience = http_client.Patience(connect=SECONDS, read=SECONDS, attempts=1)
    try:
        async with asyncio.timeout(SECONDS):
            for _ in range(REDIRECTS):
                reply = await http_client.reply(Call(url, None, {"accept": accept}, method), patience, LARGEST)
                target = reply.redirect(url)
                if urlsplit(target).scheme not in ("https", urlsplit(url).scheme):
                    break
                url = target
            return reply
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {SECONDS:g} s") from error
    except ProviderError as error:
        raise ConnectionError(error.message) from error
