import pytest

from samplemind_cli.ledger import store
from samplemind_cli.ledger.filters import FACTS, MOST, CallNames, Choice
from samplemind_cli.ledger.store import Ledger
from samplemind_cli.settings import Settings


@pytest.fixture
def connection():
    with Ledger(Settings.load()).open() as connection:
        common = {"times": 1, "model": "m", "tier": "miss"}
        providers = ("ollama", "openai")
        calls = [{"id": f"{n:016x}", "at": 1000.0 + n, "provider": providers[n % 2], **common} for n in range(10)]
        calls[3] |= {"error": "no provider can answer", "tier": None}
        calls[4] |= {"tier": "local", "client": "claude-cli", "session": "s1", "command": "serve"}
        calls[5] |= {"prompt": "why do Lions sleep", "answer": 'they "rest"'}
        store.add(connection, calls)
        yield connection


def found(connection, first=None, most=100, **chosen):
    total, first, rows = Choice(**chosen).page(connection, first, most)
    return total, first, [int(row["id"], 16) for row in rows]


def test_without_a_position_the_newest_come_oldest_first(connection):
    assert found(connection, most=3) == (10, 7, [7, 8, 9])


def test_a_position_counts_from_the_oldest_so_that_full_pages_never_change(connection):
    before = found(connection, first=2, most=3)
    store.add(connection, [{"id": "f" * 16, "at": 2000.0, "times": 1}])

    assert before == (10, 2, [2, 3, 4])
    assert found(connection, first=2, most=3)[2] == [2, 3, 4]


def test_a_position_behind_the_end_has_no_rows(connection):
    assert found(connection, first=99) == (10, 10, [])
    assert found(connection, first=99, tier="local") == (1, 1, [])


@pytest.mark.parametrize(
    ("chosen", "ids"),
    [
        ({"model": "openai/m"}, [1, 3, 5, 7, 9]),
        ({"tier": "local"}, [4]),
        ({"status": "error"}, [3]),
        ({"client": "claude-cli", "session": "s1"}, [4]),
        ({"words": "lion SLE"}, [5]),
        ({"words": 'they "rest" AND'}, []),
        ({"words": '"rest'}, [5]),
        ({"words": "lions", "model": "ollama/m"}, []),
        ({"model": "' OR 1=1 --"}, []),
    ],
)
def test_calls_are_chosen_by_every_fact_and_word_given(connection, chosen, ids):
    assert found(connection, **chosen) == (len(ids), 0, ids)


def test_the_same_model_at_two_providers_is_two_names(connection):
    assert CallNames().look(connection) == {
        "model": ["ollama/m", "openai/m"],
        "tier": ["local", "miss"],
        "client": ["claude-cli"],
        "session": ["s1"],
        "status": ["ok", "error"],
    }


def call(number, **facts):
    return {"id": f"new{number}", "at": 2000.0 + number, "times": 1, "provider": "ollama", "model": "m", **facts}


def test_names_that_came_since_the_last_look_are_added_and_pruned_ones_go(connection):
    names = CallNames()
    names.look(connection)
    store.add(connection, [call(1, model="large", client="curl")])

    assert names.look(connection)["model"] == ["ollama/large", "ollama/m", "openai/m"]
    assert names.look(connection)["client"] == ["claude-cli", "curl"]
    connection.execute("DELETE FROM calls WHERE number <= 9")
    assert names.look(connection) == CallNames().look(connection)
    assert names.look(connection)["client"] == ["curl"]
    connection.execute("DELETE FROM calls")
    assert names.look(connection)["model"] == []


def test_of_many_names_the_latest_are_kept_whenever_they_are_looked_at(connection):
    names = CallNames()
    for number in range(3 * MOST):
        store.add(connection, [call(number, session=f"session {number % (2 * MOST)}")])
        if number % 50 == 0:
            names.look(connection)

    assert names.look(connection) == CallNames().look(connection)
    assert f"session {MOST - 1}" in names.look(connection)["session"]
    assert len(names.look(connection)["session"]) == MOST


@pytest.mark.parametrize("release", ["this", "an earlier one"])
def test_the_calls_of_a_model_are_found_by_an_index(connection, release):
    ledger = Ledger(Settings.load())
    if release != "this":
        connection.execute("DROP INDEX calls_model")
        (ledger.path.parent / "pruned").unlink()
    with ledger.open() as again:
        query = f"EXPLAIN QUERY PLAN SELECT number FROM calls WHERE {FACTS['model']} = ? ORDER BY number"
        plan = [row["detail"] for row in again.execute(query, ("openai/m",))]

    assert plan == ["SEARCH calls USING INDEX calls_model (<expr>=?)"]
