import pytest

from samplemind_cli.errors import SettingError, UsageError
from samplemind_cli.server.failure import problem


@pytest.mark.parametrize(
    ("error", "status", "code"), [(UsageError, 400, "invalid_request"), (SettingError, 500, "misconfigured")]
)
def test_who_asks_is_told_of_his_own_mistakes_and_not_blamed_for_the_servers(error, status, code):
    told = problem(error("there is something wrong"))

    assert (told.status, told.code) == (status, code)
