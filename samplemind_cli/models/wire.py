"""What the `ollama` package has no call for: the daemon's version, the blobs it holds, a registry's manifest.

The standard library's client: three small requests, made beside the daemon's own.
"""

import asyncio
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from samplemind_cli.ai.router import is_loopback
from samplemind_cli.models.names import Name

SECONDS = 5.0
_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


@dataclass(frozen=True, slots=True)
class Layer:
    """One blob of a model: `sha256:…` and its bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a registry says of a model. `layers` is empty when it said nothing, and `trouble` tells why."""

    layers: tuple[Layer, ...] = ()
    trouble: str = ""
    unknown: bool = False  # the registry answered, and it has no such model

    @property
    def size(self) -> int:
        """All layers together, in bytes."""
        return sum(layer.size for layer in self.layers)


async def version(url: str) -> Any:
    """The daemon's `/api/version`, decoded; None when what answers is no Ollama. OSError when nothing answers."""
    status, body = await asyncio.to_thread(_fetch, f"{url}/api/version")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return answer.get("version") if status == 200 and isinstance(answer, dict) else None  # noqa: PLR2004 - HTTP


async def held(url: str, digests: Iterable[str]) -> set[str]:
    """Those of the digests whose blobs the daemon has whole (`HEAD /api/blobs/DIGEST`)."""
    wanted = list(digests)
    answers = await asyncio.gather(
        *(asyncio.to_thread(_fetch, f"{url}/api/blobs/{digest}", method="HEAD") for digest in wanted)
    )
    return {digest for digest, (status, _) in zip(wanted, answers, strict=True) if status == 200}  # noqa: PLR2004


async def manifest(name: str, *, insecure: bool) -> Manifest:
    """A model's layers as its registry lists them. Never raises: a plan is made without them, too."""
    url = Name.parse(name).manifest_url(insecure=insecure)
    host = urlsplit(url).netloc
    try:
        status, body = await asyncio.to_thread(_fetch, url, accept=_MANIFEST)
        if status == 404:  # noqa: PLR2004 - HTTP
            return Manifest(trouble=f"{host} has no such model", unknown=True)
        if status != 200:  # noqa: PLR2004 - HTTP
            return Manifest(trouble=f"{host} answers {status}")
        return Manifest(_layers(json.loads(body)))
    except OSError as error:
        reason = getattr(error, "reason", error)
        return Manifest(trouble=f"{host} cannot be reached from here: {getattr(reason, 'strerror', None) or reason}")
    except (ValueError, KeyError, TypeError, RecursionError):
        return Manifest(trouble=f"{host} sent something that is no manifest")


def _layers(answer: Any) -> tuple[Layer, ...]:
    blobs = [*answer["layers"], *([answer["config"]] if answer.get("config", {}).get("digest") else [])]
    return tuple({blob["digest"]: Layer(str(blob["digest"]), int(blob["size"])) for blob in blobs}.values())


def _fetch(url: str, *, method: str = "GET", accept: str = "application/json") -> tuple[int, bytes]:
    """Status and body; an error status is an answer, too. OSError when there is none."""
    request = urllib.request.Request(url, method=method, headers={"Accept": accept})  # noqa: S310 - http(s) by construction
    handlers = [urllib.request.ProxyHandler({})] if is_loopback(url) else []
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=SECONDS) as response:
            return response.status, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()
    except http.client.HTTPException as error:
        raise ConnectionError(f"{type(error).__name__}: {error}") from error
