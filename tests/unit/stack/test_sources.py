import pytest

from samplemind_cli.errors import StackError
from samplemind_cli.stack import sources
from samplemind_cli.stack.sources import Sources, by_name, unreadable

COMPOSE = "com.docker.compose"


class Engine:
    """As much of the engine as is asked."""

    listed, details, asked = (), {}, 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def get(self, path, **_):
        if path == "/containers/json":
            Engine.asked += 1
            return list(self.listed)
        return self.details.get(path.split("/")[2])


def container(name, service, number=1):
    labels = {f"{COMPOSE}.service": service, f"{COMPOSE}.container-number": str(number)}
    return {"Id": name, "Names": [f"/{name}"], "Labels": labels}


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setattr(sources, "Engine", Engine)
    monkeypatch.setattr(Engine, "asked", 0)
    return lambda *listed, **details: (
        monkeypatch.setattr(Engine, "listed", listed),
        monkeypatch.setattr(Engine, "details", details),
    )


@pytest.mark.parametrize(
    ("name", "prefix", "source"),
    [
        ("shop-web-1", "web-1", ("web", 1)),
        ("shop_web_2", "web_2", ("web", 2)),
        ("shop-web-13", "shop-web-13", ("web", 2)),  # a container_name
        ("redis-1", "redis-1", ("web", 1)),
        ("web", "web", ("web", 1)),
    ],
)
def test_a_prefix_is_known_by_its_containers_labels(engine, name, prefix, source):
    engine(container(name, *source))
    assert Sources("shop").find(prefix) == source


def test_the_engine_is_asked_again_for_a_new_container_and_once_for_one_that_has_gone(engine):
    engine(container("shop-web-1", "web"))
    known = Sources("shop")
    assert [known.find("web-1"), known.find("web-1")] == [("web", 1)] * 2
    assert Engine.asked == 1
    engine(container("shop-web-1", "web"), container("mine", "db"))
    assert known.find("mine") == ("db", 1)
    assert [known.find("gone-7"), known.find("gone-7")] == [("gone", 7)] * 2
    assert Engine.asked == 3


def test_without_an_engine_the_name_has_to_do(monkeypatch):
    def gone():
        raise StackError("the daemon refuses")

    monkeypatch.setattr(sources, "Engine", gone)
    assert Sources("shop").find("my-worker-12") == ("my-worker", 12)


def test_any_text_is_a_name():
    assert [by_name(name) for name in ("web-2", "web_3", "web", "-1", "1")] == [
        ("web", 2),
        ("web", 3),
        ("web", 1),
        ("-1", 1),
        ("1", 1),
    ]


def test_services_whose_logs_the_engine_does_not_keep_are_named_with_their_driver(engine):
    drivers = {
        "a": {"Type": "none", "Config": {}},
        "b": {"Type": "syslog", "Config": {"cache-disabled": "true"}},
        "c": {"Type": "syslog", "Config": {}},
        "d": {"Type": "json-file", "Config": {"cache-disabled": "true"}},
    }
    details = {name: {"HostConfig": {"LogConfig": config}} for name, config in drivers.items()}
    engine(*(container(name, f"service-{name}") for name in (*drivers, "gone")), **details)
    assert unreadable("shop") == {"service-a": "none", "service-b": "syslog"}
