from email.utils import parsedate_to_datetime

import pytest

from samplemind_cli.errors import UsageError
from samplemind_cli.mock.behaviour import Behaviour
from samplemind_cli.mock.faults import Fault


def test_a_fault_is_written_as_provider_kind_amount_and_retry_after():
    fault = Fault.parse("openai/429:2@1")
    assert (fault.provider, fault.kind, fault.status, fault.count) == ("openai", "429", 429, 2)
    assert fault.headers() == {"Retry-After": "1"}


@pytest.mark.parametrize(
    "text", ["", "399", "600", "teapot", "429:x", "429:1.5", "who/429", "429@soon", "429:2:2", "/429"]
)
def test_what_is_no_fault_is_a_usage_error(text):
    with pytest.raises(UsageError) as error:
        Fault.parse(text)
    assert error.value.hint


def test_retry_after_comes_as_seconds_milliseconds_or_a_date():
    assert Fault.parse("529@2").headers() == {"Retry-After": "2"}
    assert Fault.parse("529@250ms").headers() == {"retry-after-ms": "250"}
    assert parsedate_to_datetime(Fault.parse("529@date+2").headers()["Retry-After"]).tzinfo
    assert Fault.parse("529").headers() == {}


def test_a_count_takes_the_first_requests_only():
    fault = Fault.parse("500:2")
    assert [fault.takes("openai") for _ in range(4)] == [True, True, False, False]


def test_a_share_is_spread_evenly():
    fault = Fault.parse("500:25%")
    assert [fault.takes("openai") for _ in range(8)] == [False, False, False, True] * 2


def test_another_providers_request_neither_has_the_fault_nor_counts():
    fault = Fault.parse("gemini/500:1")
    assert not fault.takes("ollama")
    assert fault.takes("gemini")


def test_the_first_fault_that_fits_has_the_request():
    behaviour = Behaviour().changed({"faults": ["ollama/500", "429:1", "cut"]})
    taken = [behaviour.fault_for(provider).kind for provider in ("openai", "openai", "ollama")]
    assert taken == ["429", "cut", "500"]


def test_one_fault_may_stand_alone():
    assert [f.kind for f in Behaviour().changed({"faults": "stall"}).faults] == ["stall"]


@pytest.mark.parametrize("wrong", [{"latency_ms": -1}, {"tokens_per_second": "fast"}, {"models": 3}, {"speed": 1}])
def test_a_wrong_setting_is_a_usage_error(wrong):
    with pytest.raises(UsageError):
        Behaviour().changed(wrong)
