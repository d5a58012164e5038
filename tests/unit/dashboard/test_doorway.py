import os
import time

from samplemind_cli.dashboard.doorway import doorway
from samplemind_cli.dashboard.sessions import LINK_LIFE

ADDRESS = 'http://127.0.0.1:8000/dashboard?a=1&b="><script>#link=1.2.3'


def test_the_file_is_its_users_alone_and_quotes_the_address(tmp_path):
    before = os.umask(0)
    try:
        page = doorway(tmp_path, ADDRESS)
    finally:
        os.umask(before)

    assert page.stat().st_mode & 0o777 == 0o600
    assert "<script>" not in page.read_text()
    assert "a=1&amp;b=&quot;&gt;&lt;script&gt;#link=1.2.3" in page.read_text()


def test_a_file_whose_link_is_too_old_goes_and_a_younger_one_stays(tmp_path):
    old, young = doorway(tmp_path, ADDRESS), doorway(tmp_path, ADDRESS)
    past = time.time() - LINK_LIFE - 5
    os.utime(old, (past, past))

    doorway(tmp_path, ADDRESS)

    assert (old.exists(), young.exists()) == (False, True)
