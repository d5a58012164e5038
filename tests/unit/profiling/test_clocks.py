"""Processor time by thread, between two readings and after the last one."""

import os
import sys
import threading
import time

import pytest

from samplemind_cli.profiling.clocks import Clocks, ThreadClock


@pytest.mark.parametrize(
    ("clock", "end", "used"),
    [
        (ThreadClock(5.0, 10.0, 2.0, 14.0), 14.0, 2.0),
        (ThreadClock(5.0, 10.0, 2.0, 14.0), 14.5, 2.25),  # it goes on as before
        (ThreadClock(5.0, 10.0, 2.0, 14.0), 60.0, 2.5),  # it had ended before the next reading
        (ThreadClock(5.0, 10.0, 0.0, 10.0), 10.01, 0.0),
        (ThreadClock(5.0, 10.0, 0.0, 10.0), 10.5, None),  # read once, and then it ran for long
    ],
)
def test_a_thread_went_on_as_it_did_until_it_was_read_last(clock, end, used):
    assert clock.at(end) == (None if used is None else pytest.approx(used))


@pytest.mark.skipif(sys.platform != "linux", reason="Linux counts it for each thread")
def test_what_each_thread_used_is_told_since_the_first_reading():
    clocks, numbers, go = Clocks(), {}, threading.Event()

    def work():
        numbers["busy"] = str(threading.get_native_id())
        while time.thread_time() < 0.05:
            pass
        go.wait()

    clocks.read(os.getpid())
    busy = threading.Thread(target=work)
    busy.start()
    while not numbers or numbers["busy"] not in clocks.threads or clocks.threads[numbers["busy"]].used < 0.05:
        clocks.read(os.getpid())
    go.set()
    busy.join()
    began = time.monotonic()
    assert 0.05 <= clocks.threads[numbers["busy"]].used < 0.5
    clocks.read(os.getpid())  # it has ended: what was read last counts
    assert clocks.seconds(began)[numbers["busy"]] >= 0.05


def test_a_process_that_is_gone_tells_nothing():
    clocks = Clocks()
    clocks.read(2**22 + 1)
    assert clocks.seconds(time.monotonic()) == {}
