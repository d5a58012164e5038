"""Fake model providers on loopback for every wire format, with latency and faults."""

from samplemind_cli.mock.faults import Fault
from samplemind_cli.mock.request_log import Recorded
from samplemind_cli.mock.server import MockServer

__all__ = ["Fault", "MockServer", "Recorded"]
