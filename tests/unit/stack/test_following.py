from datetime import UTC, datetime

from samplemind_cli.stack import following
from samplemind_cli.stack.following import RECENT, Followed
from samplemind_cli.stack.services import ServiceState


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def engine(monkeypatch, *services):
    """The engine has these running services."""

    class Engine:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(following, "Engine", Engine)
    monkeypatch.setattr(following, "containers", lambda *_: [{"State": "running"} for _ in services])
    monkeypatch.setattr(following, "observe", lambda *_: list(services))


def test_only_a_container_that_started_since_and_was_not_heard_is_missed(monkeypatch):
    followed = Followed("shop", ())
    began = followed.since
    engine(
        monkeypatch,
        ServiceState(service="old", started=began - 60),
        ServiceState(service="heard", started=began + 1),
        ServiceState(service="late", started=began + 2),
        ServiceState(service="heard", number=2, started=began + 3),
    )
    assert followed.is_new(("heard", 1), at(began + 2), "x")
    assert followed.missed() == ["--follow", "--since", at(began + 2)]


def test_a_container_that_was_heard_before_it_started_anew_is_missed(monkeypatch):
    followed = Followed("shop", ())
    followed.is_new(("web", 1), at(followed.since + 1), "before")
    engine(monkeypatch, ServiceState(service="web", started=followed.since + 2))
    assert followed.missed()


def test_a_service_that_is_not_asked_for_is_not_missed(monkeypatch):
    followed = Followed("shop", ["web"])
    engine(monkeypatch, ServiceState(service="db", started=followed.since + 1))
    assert followed.missed() == []


def test_what_started_before_a_follower_is_not_looked_for_again(monkeypatch):
    followed = Followed("shop", ())
    engine(monkeypatch, ServiceState(service="web", started=followed.since))
    followed.since += 60
    assert followed.missed() == []


def test_a_line_is_known_again_among_the_last_ones_of_its_container():
    followed = Followed("shop", ())
    assert followed.is_new(("a", 1), "1", "x")
    assert not followed.is_new(("a", 1), "1", "x")
    assert followed.is_new(("a", 2), "1", "x")
    assert followed.is_new(("a", 1), "2", "x")
    for number in range(RECENT):
        followed.is_new(("a", 1), str(number), "y")
    assert followed.is_new(("a", 1), "1", "x")
