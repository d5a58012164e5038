from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.server.bounds import ByteBudget, Share

STEPS = st.lists(st.tuples(st.sampled_from(["take", "give", "close"]), st.integers(0, 3), st.integers(0, 50)))


@given(STEPS)
def test_whatever_connections_do_their_bytes_are_given_back_once(steps):
    budget = ByteBudget(100)
    shares = [Share(budget) for _ in range(4)]
    for step, n, size in steps:
        if step == "take":
            assert shares[n].take(size) == (budget.held <= 100)
        elif step == "give":
            shares[n].give_back(size)
        else:
            shares[n].close()
        assert budget.held >= 0
    for share in shares:
        share.close()

    assert budget.held == 0
