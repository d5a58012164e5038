"""A scripted registry beside the daemon."""

import pytest


@pytest.fixture
def registry():
    from parts.registry import Registry

    with Registry() as served:
        yield served
