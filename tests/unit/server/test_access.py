import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplemind_cli.errors import UsageError
from samplemind_cli.server.access import SEEN, Access
from samplemind_cli.server.message import HttpError, Incoming
from samplemind_cli.settings import Settings

TOKEN = "t0ken-é"
WIRE = TOKEN.encode().decode("latin-1")  # as the parser's bytes are read


def incoming(**headers):
    return Incoming("GET", "/", {name.replace("_", "-"): value for name, value in headers.items()}, b"", "1")


def status(check, asked, **options):
    try:
        check(asked, **options)
    except HttpError as problem:
        return problem.status
    return 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {WIRE}"},
        {"authorization": f"bEARER  {WIRE} "},
        {"x_api_key": WIRE},
        {"x_goog_api_key": WIRE},
        {"authorization": "Bearer wrong", "x_api_key": WIRE},
    ],
)
def test_the_token_counts_wherever_clients_put_a_key(headers):
    asked = incoming(**headers)

    assert status(Access(Settings(api_token=TOKEN)).check, asked, public=False) == 200
    assert asked.trusted


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": WIRE},
        {"authorization": f"Basic {WIRE}"},
        {"authorization": "Bearer"},
        {"authorization": f"Bearer {WIRE}, Bearer {WIRE}"},  # sent twice
        {"authorization": f"Bearer {WIRE[:-1]}"},
        {"x_api_key": ""},
        {"x_api_key": f"Bearer {WIRE}"},
    ],
)
def test_anything_else_does_not(headers):
    access, asked = Access(Settings(api_token=TOKEN)), incoming(**headers)

    assert status(access.check, asked, public=False) == 401
    assert status(access.check, asked, public=True) == 200
    assert not asked.trusted


def test_whoever_is_refused_is_told_how_to_authenticate():
    with pytest.raises(HttpError) as refused:
        Access(Settings(api_token=TOKEN)).check(incoming(), public=False)

    assert refused.value.headers == {"www-authenticate": "Bearer"}


LOOPBACK = ["localhost", "LocalHost:8000", "localhost.:1", "a.localhost", "127.0.0.1", "127.9.9.9:80", "[::1]:8000"]


@pytest.mark.parametrize("host", [*LOOPBACK, "box.lan", "box.lan:99"])
def test_names_of_this_machine_and_allowed_ones_are_answered(host):
    assert status(Access(Settings(allowed_hosts=("Box.LAN",))).check_host, incoming(host=host)) == 200


FOREIGN = ["evil.example", "", "0.0.0.0", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost", "[::2]"]


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_answered_with_a_token_alone(host):
    assert status(Access(Settings()).check_host, incoming(host=host)) == 403
    assert status(Access(Settings(api_token=TOKEN)).check_host, incoming(host=host)) == 200


@pytest.mark.parametrize("host", ["a b", "localhost@evil", "localhost/", "localhost, evil", "localhost:80x", "[::1"])
@pytest.mark.parametrize("token", ["", TOKEN])
def test_what_is_not_a_host_is_a_bad_request(host, token):
    assert status(Access(Settings(api_token=token)).check_host, incoming(host=host)) == 400


@given(st.text(max_size=40))
def test_no_text_that_is_not_ours_passes_for_a_host(text):
    name = text.lower().rpartition(":")[0] or text.lower()
    ours = "localhost" in name or "127." in name or "::" in text or not text.isascii()

    assert ours or status(Access(Settings()).check_host, incoming(host=text)) in (400, 403)


def test_hosts_that_passed_do_not_fill_the_memory():
    access = Access(Settings())
    for n in range(2 * SEEN):
        access.check_host(incoming(host=f"n{n}.localhost"))

    assert len(access._seen) == SEEN


def test_every_origin_without_a_token_is_refused_at_the_start():
    with pytest.raises(UsageError, match="use your API keys"):
        Access(Settings(allowed_origins=("*",)))
    assert Access(Settings(allowed_origins=("*",), api_token=TOKEN))
