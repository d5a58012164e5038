"""Sets up OpenTelemetry's SDK, which exports in batches from its own threads."""

import logging
import threading
import time
import uuid
from contextlib import suppress

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from samplemind_cli import __version__

log = logging.getLogger(__name__)
SERVICE = "samplemind"
SPANS = {"otlp": OTLPSpanExporter, "console": ConsoleSpanExporter}
METRICS = {"otlp": OTLPMetricExporter, "console": ConsoleMetricExporter}


class Pipeline:
    """A tracer and a meter with the named exporters; everything else is configured by the SDK's own variables.

    Nothing waits for an exporter: what does not fit into the queue (OTEL_BSP_MAX_QUEUE_SIZE) is dropped.
    """

    def __init__(self, traces: frozenset[str], metrics: frozenset[str]) -> None:
        _listen()
        resource = _resource()
        # `close` shuts down: at exit the SDK would wait half a minute for an absent collector.
        self._tracing = TracerProvider(None if traces else ALWAYS_OFF, resource, shutdown_on_exit=False)
        for name in traces:
            self._tracing.add_span_processor(BatchSpanProcessor(SPANS[name]()))
        readers = [PeriodicExportingMetricReader(METRICS[name]()) for name in metrics]
        self._metering = MeterProvider(readers, resource, shutdown_on_exit=False)
        self.tracer = self._tracing.get_tracer(SERVICE, __version__)
        self.meter = self._metering.get_meter(SERVICE, __version__)

    def close(self, seconds: float) -> None:
        """Flush for at most this many seconds; what has not been sent by then is lost."""
        until = time.monotonic() + seconds
        ends = [threading.Thread(target=p.shutdown, daemon=True) for p in (self._tracing, self._metering)]
        for end in ends:
            end.start()
        for end in ends:
            end.join(max(0.0, until - time.monotonic()))


class Once(logging.Handler):
    """Passes on each message of OpenTelemetry's loggers once; lost batches count as one message."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logged: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """See logging.Handler. A variable's value may be a key, so errors about headers are not quoted."""
        lost = " batch" in str(record.msg)
        words = "OTEL_EXPORTER_OTLP_HEADERS must be name=value,…" if ".util.re" in record.name else record.getMessage()
        what = "lost" if lost else str(record.msg)
        if what not in self._logged:
            self._logged.add(what)
            with suppress(RuntimeError):  # the loop that writes the log has ended; this thread has not
                log.warning("telemetry%s: %s", " is being lost; this is logged once" if lost else "", words)


def _listen() -> None:
    logger = logging.getLogger("opentelemetry")
    logger.handlers, logger.propagate = [Once()], False


def _resource() -> Resource:
    """The resource; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence. Each worker is an instance."""
    ours = Resource({"service.version": __version__, "service.instance.id": str(uuid.uuid4())})
    resource = ours.merge(Resource.create())
    if str(resource.attributes["service.name"]).startswith("unknown_service"):  # the SDK's default
        resource = resource.merge(Resource({"service.name": SERVICE}))
    return resource
