"""Whether the environment wants telemetry; what it then does is in integration/."""

import pytest

from samplemind_cli.server import telemetry

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_EXPORTER": "none"},
        {**COLLECTOR, "OTEL_SDK_DISABLED": " TRUE "},
        {**COLLECTOR, "OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"},
    ],
)
def test_nothing_is_started_unless_the_variables_want_it(monkeypatch, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert telemetry.start() is None
