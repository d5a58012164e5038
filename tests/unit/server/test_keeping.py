from samplemind_cli.server import keeping
from samplemind_cli.server.message import Incoming


def test_without_a_token_each_user_of_the_machine_has_files_of_its_own(monkeypatch):
    incoming = Incoming("GET", "/v1/files", {"authorization": "Bearer any"}, b"", "1")

    def owner(user):
        monkeypatch.setattr(keeping, "other_user", lambda _: user)
        return keeping.owner(incoming)

    assert len({owner(""), owner("1000"), owner("1001"), owner("unknown")}) == 4
    assert owner("1000") == owner("1000")
