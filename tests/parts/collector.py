"""A collector of OpenTelemetry's: OTLP over HTTP, in a thread of its own."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from parts.waiting import until


class Collector:
    """What was sent to it. A span is a dict of name, kind, ids, attributes and status."""

    def __init__(self):
        self.resources, self.metrics, self.headers, self._spans = [], {}, [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"collector": self}))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def spans(self, count):
        """All spans, parents before children, once there are so many of them."""
        until(lambda: len(self._spans) >= count)
        assert len(self._spans) == count, self._spans
        return sorted(self._spans, key=lambda span: span["begin"])

    def take(self, path, body):
        from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

        if path == "/v1/traces":
            for group in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.resources.append(_read(group.resource.attributes))
                self._spans += [_span(span) for scope in group.scope_spans for span in scope.spans]
        elif path == "/v1/metrics":
            for group in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for metric in (m for scope in group.scope_metrics for m in scope.metrics):
                    points = [(_read(p.attributes), p.sum, p.count) for p in metric.histogram.data_points]
                    self.metrics[metric.name] = points


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.collector.headers.append(dict(self.headers))
        self.collector.take(self.path, body)
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def _span(span):
    return {
        "name": span.name,
        "kind": {2: "server", 3: "client"}[span.kind],
        "trace": span.trace_id.hex(),
        "id": span.span_id.hex(),
        "parent": span.parent_span_id.hex(),
        "attributes": _read(span.attributes),
        "failed": span.status.code == 2,
        "begin": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
    }


def _read(attributes):
    return {attribute.key: _value(attribute.value) for attribute in attributes}


def _value(value):
    kind = value.WhichOneof("value")
    return [_value(item) for item in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@pytest.fixture
def collector():
    pytest.importorskip("opentelemetry.proto", reason="the extra otel is not installed")
    found = Collector()
    yield found
    found.server.shutdown()
    found.server.server_close()
