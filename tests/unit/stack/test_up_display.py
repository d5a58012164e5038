from samplemind_cli.stack.services import ServiceState
from samplemind_cli.stack.up import UpProgress
from samplemind_cli.stack.up_display import UpDisplay


def look(seconds, *services, activity=""):
    return UpProgress(seconds=seconds, services=services, activity=activity)


def web(**what):
    return ServiceState(service="web", **what)


def test_a_change_is_a_line_and_no_change_is_none():
    board = UpDisplay()
    assert board.take(look(0.0, web())) == []
    assert board.take(look(0.5, web(state="running", health="starting"))) == ["web: starting (0.5 s)"]
    assert board.take(look(0.7, web(state="running", health="starting"))) == []
    assert board.take(look(3.0, web(state="running", health="healthy"))) == ["web: healthy (3.0 s)"]


def test_what_is_pulled_is_told_once():
    board = UpDisplay()
    assert board.take(look(0.0, activity="pulling redis")) == ["pulling redis"]
    assert board.take(look(0.2, activity="pulling redis")) == []


def test_one_that_crashes_again_and_again_is_told_of_once():
    board = UpDisplay()
    running, restarting = web(state="running"), web(state="restarting")
    said = [board.take(look(i, service)) for i, service in enumerate([running, restarting] * 3)]
    assert [line for lines in said for line in lines] == ["web: running (0.0 s)", "web: restarting (1.0 s)"]


def test_one_that_is_restarted_comes_to_what_it_was():
    board = UpDisplay()
    states = [web(state="running"), web(state="exited", exit_code=143), web(state="running")]
    said = [board.take(look(i, service)) for i, service in enumerate(states)]
    assert [line for lines in said for line in lines][1:] == ["web: exited (143) (1.0 s)", "web: running (2.0 s)"]


def test_the_time_runs_until_the_service_is_ready_and_the_probe_shows_until_then():
    board = UpDisplay()
    board.take(look(2.0, web(state="running", health="starting", probe="not\nyet")))
    assert board.rows == [("web", "starting", "2.0 s", "not yet")]
    for seconds in (3.0, 9.0):
        board.take(look(seconds, web(state="running", health="healthy", probe="fine")))
    assert board.rows == [("web", "healthy", "3.0 s", "")]
    assert board.seconds(board.services[0]) == 3.0
