"""The dashboard on a real `serve`, in a headless browser."""

import pytest

from samplemind_cli.ledger import store
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


@pytest.fixture
def written():
    """Writes calls into the ledger that `serve` reads."""

    def write(*calls):
        with Ledger(Settings.load()).open() as connection, store.transaction(connection):
            store.add(connection, ({"times": 1, **call} for call in calls))

    return write
