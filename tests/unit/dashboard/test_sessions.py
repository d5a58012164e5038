import os
import time

import pytest

from samplemind_cli.dashboard import sessions
from samplemind_cli.dashboard.sessions import LINK_LIFE, Sessions, redirect_page
from samplemind_cli.settings import Settings

ADDRESS = 'http://127.0.0.1:8000/dashboard?a=1&b="><script>#link=1.2.3'


@pytest.fixture
def ours(tmp_path):
    return Sessions(Settings(api_token="t0ken", state_dir=str(tmp_path)))


def test_a_link_opens_one_session_whichever_worker_is_asked(ours, tmp_path):
    other = Sessions(Settings(api_token="t0ken", state_dir=str(tmp_path)))
    link = ours.link()

    session = other.open(link)

    assert ours.knows(session)
    assert ours.open(link) is None
    assert other.open(link) is None


def test_a_session_outlives_the_server_and_ends_with_its_token(ours, tmp_path):
    session = ours.open(ours.link())

    assert Sessions(Settings(api_token="t0ken", state_dir=str(tmp_path))).knows(session)
    assert not Sessions(Settings(api_token="other", state_dir=str(tmp_path))).knows(session)


def test_a_link_is_no_session_and_a_session_no_link(ours):
    assert not ours.knows(ours.link())
    assert ours.open(ours.open(ours.link())) is None


@pytest.mark.parametrize("life", ["LINK_LIFE", "SESSION_LIFE"])
def test_each_is_over_in_its_time(ours, monkeypatch, life):
    monkeypatch.setattr(sessions, life, -1.0)
    opened = ours.open(ours.link())

    assert opened is None if life == "LINK_LIFE" else not ours.knows(opened)


@pytest.mark.parametrize(
    "wrong", ["", ".", "..", "9999999999.abc.def", "nan.a.b", "9" * 400 + ".a.b", "9999999999.../../x.y", "é.é.é"]
)
def test_what_is_not_signed_opens_nothing(ours, wrong):
    assert ours.open(wrong) is None
    assert not ours.knows(wrong)


def test_a_later_end_does_not_fit_the_signature(ours):
    until, nonce, mark = ours.link().split(".")

    assert ours.open(f"{int(until) + 999}.{nonce}.{mark}") is None


def test_without_a_token_nothing_is_a_session(tmp_path):
    none = Sessions(Settings(state_dir=str(tmp_path)))

    assert not none.knows(none.link())


def test_the_file_is_its_users_alone_and_quotes_the_address(tmp_path):
    before = os.umask(0)
    try:
        page = redirect_page(tmp_path, ADDRESS)
    finally:
        os.umask(before)

    assert page.stat().st_mode & 0o777 == 0o600
    assert "<script>" not in page.read_text()
    assert "a=1&amp;b=&quot;&gt;&lt;script&gt;#link=1.2.3" in page.read_text()


def test_a_file_whose_link_is_too_old_goes_and_a_younger_one_stays(tmp_path):
    old, young = redirect_page(tmp_path, ADDRESS), redirect_page(tmp_path, ADDRESS)
    past = time.time() - LINK_LIFE - 5
    os.utime(old, (past, past))

    redirect_page(tmp_path, ADDRESS)

    assert (old.exists(), young.exists()) == (False, True)
