"""Telemetry, configured by OpenTelemetry's own variables; nothing is loaded unless it is on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samplemind_cli.settings import environment

if TYPE_CHECKING:
    from samplemind_cli.server.telemetry.calling import Calling
    from samplemind_cli.server.telemetry.pipeline import Pipeline
    from samplemind_cli.server.telemetry.serving import Serving

log = logging.getLogger(__name__)
EXPORTERS = ("otlp", "console")
# The variable of OpenTelemetry's own instrumentations; the last two values are those of their later versions.
CONTENT, CAPTURED = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", ("true", "span_only", "span_and_event")


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Spans and metrics of served requests and of the calls made for them, and their exporters."""

    serving: "Serving"
    calling: "Calling"
    pipeline: "Pipeline"


def start() -> Telemetry | None:
    """Telemetry, if the environment names an exporter or an endpoint, else None. Failures are logged."""
    env = environment()
    traces, metrics = _exporters(env, "TRACES"), _exporters(env, "METRICS")
    if not traces | metrics or _value(env, "OTEL_SDK_DISABLED") == "true":
        return None
    try:
        from samplemind_cli.server.telemetry.calling import Calling
        from samplemind_cli.server.telemetry.pipeline import Pipeline
        from samplemind_cli.server.telemetry.serving import Serving

        pipeline = Pipeline(traces, metrics)
    except ModuleNotFoundError as error:
        log.warning("telemetry is off: %s is not installed: pip install 'samplemind-cli[otel]'", error.name)
        return None
    except Exception as error:  # noqa: BLE001 - the SDK's constructors raise many kinds for an invalid variable
        log.warning("telemetry is off: %s", error)
        return None
    content = _value(env, CONTENT) in CAPTURED
    return Telemetry(Serving(pipeline), Calling(pipeline, content=content), pipeline)


def _exporters(env: Mapping[str, str], signal: str) -> frozenset[str]:
    """The exporters of a signal; OTLP where only an endpoint is set."""
    endpoint = env.get("OTEL_EXPORTER_OTLP_ENDPOINT") or env.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
    names = _value(env, f"OTEL_{signal}_EXPORTER") or ("otlp" if endpoint else "none")
    named = frozenset(name.strip() for name in names.split(","))
    if unknown := named.difference(EXPORTERS, ("none",)):
        log.warning(
            "OTEL_%s_EXPORTER: %s is not supported; known: %s", signal, ", ".join(unknown), ", ".join(EXPORTERS)
        )
    protocol = _value(env, f"OTEL_EXPORTER_OTLP_{signal}_PROTOCOL") or _value(env, "OTEL_EXPORTER_OTLP_PROTOCOL")
    if "otlp" in named and protocol not in ("", "http/protobuf"):
        log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: %s is not supported; use http/protobuf", protocol)
    return named.intersection(EXPORTERS)


def _value(env: Mapping[str, str], name: str) -> str:
    return env.get(name, "").strip().lower()
