"""Responses about models for Ollama's clients: the list, those in memory, one model's details; and the version."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from samplemind_cli.formats import reading

VERSION = "0.40.0"  # Open WebUI parses it and enables features by it
ALIVE = b"Ollama is running"  # at /, for GET and HEAD
_UNKNOWN = "1970-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of a model. `size` and `size_vram` are bytes; times are RFC 3339.

    `capabilities` are among completion, tools, vision, thinking, insert and embedding.
    """

    name: str
    size: int = 0
    digest: str = ""
    modified_at: str = _UNKNOWN
    expires_at: str = _UNKNOWN
    size_vram: int = 0
    context_length: int | None = None
    capabilities: tuple[str, ...] = ("completion",)
    format: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization_level: str = ""
    template: str = "{{ .Prompt }}"
    license: str = ""
    system: str = ""
    parameters: str = ""  # lines of "name value", as a Modelfile has them
    info: dict[str, Any] = field(default_factory=dict)


def tags(models: Iterable[Known]) -> bytes:
    """`/api/tags`: every model."""
    return reading.packed({"models": [_entry(model) for model in models]})


def running(models: Iterable[Known]) -> bytes:
    """`/api/ps`: the models in memory."""
    return reading.packed({"models": [_in_memory(model) for model in models]})


def show(model: Known) -> bytes:
    """`/api/show`: one model; Continue reads num_ctx and stop in `parameters`, others the context in `model_info`."""
    window, family = model.context_length, model.family or "unknown"
    given = model.parameters or (f"num_ctx                        {window}" if window else "")
    info: dict[str, Any] = {"general.architecture": family, "general.basename": model.name}
    info |= {} if window is None else {f"{family}.context_length": window}
    return reading.packed(
        {
            "license": model.license,
            "modelfile": f"FROM {model.name}\n",
            "parameters": given,
            "template": model.template,
            "system": model.system,
            "details": _details(model),
            "model_info": info | model.info,
            "capabilities": list(model.capabilities),
            "modified_at": model.modified_at,
        }
    )


def version() -> bytes:
    """`/api/version`."""
    return reading.packed({"version": VERSION})


def _entry(model: Known) -> dict[str, Any]:
    return {**_named(model), "modified_at": model.modified_at, "capabilities": list(model.capabilities)}


def _in_memory(model: Known) -> dict[str, Any]:
    window = {} if model.context_length is None else {"context_length": model.context_length}
    return {**_named(model), "expires_at": model.expires_at, "size_vram": model.size_vram, **window}


def _named(model: Known) -> dict[str, Any]:
    digest = model.digest or hashlib.sha256(model.name.encode()).hexdigest()  # clients cut it to twelve digits
    return {
        "name": model.name,
        "model": model.name,
        "size": model.size,
        "digest": digest,
        "details": _details(model),
    }


def _details(model: Known) -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": model.format,
        "family": model.family,
        "families": [model.family] if model.family else [],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization_level,
    }
