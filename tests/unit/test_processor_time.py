import re
import signal
import threading

import pytest

from samplemind_cli.processor_time import TooLongError, at_most


def burn():
    re.match("^(a+)+$", "a" * 60 + "!")


def test_work_that_computes_for_longer_ends():
    before = signal.getsignal(signal.SIGVTALRM)
    with pytest.raises(TooLongError), at_most(0.05):
        burn()
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)
    assert signal.getsignal(signal.SIGVTALRM) is before


def test_what_is_done_in_time_is_left_alone():
    with at_most(5):
        assert re.match("^a+$", "aaa")
    assert signal.getitimer(signal.ITIMER_VIRTUAL) == (0.0, 0.0)


def test_another_thread_works_without_a_limit():
    failed = []

    def work():
        try:
            with at_most(0.001):
                re.match("^(a+)+$", "a" * 18 + "!")
        except TooLongError as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failed == []
