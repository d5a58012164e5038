"""A file of the user's alone that leads the browser to an address: all users of a machine see a browser's arguments."""

import os
import time
from contextlib import suppress
from html import escape
from pathlib import Path

from samplemind_cli import files
from samplemind_cli.dashboard.sessions import LINK_LIFE

_PAGE = """<!doctype html>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>samplemind</title>
<a href="{address}">samplemind dashboard</a>
"""


def doorway(folder: Path, address: str) -> Path:
    """Make the file in a folder of the user's alone; those whose links are too old go. Raises OSError."""
    for old in folder.glob("open-*.html"):
        with suppress(OSError):
            if time.time() - old.stat().st_mtime > LINK_LIFE:
                old.unlink()
    page = folder / f"open-{os.urandom(8).hex()}.html"
    files.write(page, _PAGE.format(address=escape(address)).encode())
    return page
