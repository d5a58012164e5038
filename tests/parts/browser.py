"""A headless Chromium without a network, spoken to as DevTools do: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import json
import os
import shutil
import subprocess
import threading
from dataclasses import dataclass

PATIENCE = 60.0  # seconds for all its pages together; a browser that hangs is killed, and then has ended
BINARY = shutil.which("chromium") or shutil.which("google-chrome")


@dataclass(frozen=True)
class Shown:
    """A page as it came to be: its DOM as HTML, what the console said, and a PNG of it."""

    dom: str
    complaints: list[str]
    picture: bytes


class Browser:
    """One process for any number of pages; messages end with a NUL, ours go to its descriptor 3, its come from 4."""

    def __init__(self, profile):
        theirs, self._to = os.pipe()
        self._from, ours = os.pipe()
        pipes = f'exec 3<&{theirs} 4>&{ours}; exec "$@"'
        command = [
            BINARY,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--in-process-gpu",
            "--no-first-run",
            "--disable-extensions",
            "--disable-component-extensions-with-background-pages",
            "--disable-component-update",
            "--disable-background-networking",
            "--disable-sync",
            f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--window-size=1000,700",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", pipes, "-", *command], pass_fds=(theirs, ours), stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        os.close(ours)
        self._limit = threading.Timer(PATIENCE, self._process.kill)
        self._limit.daemon = True
        self._limit.start()
        self._inbox = os.fdopen(self._from, "rb")
        self._asked = 0
        self._events = []

    def show(self, address):
        """Load a page in a tab of its own."""
        tab = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable", session)
        self._events.clear()
        self._call("Page.navigate", session, url=address)
        while not any(event["method"] == "Page.loadEventFired" for event in self._events):
            self._events.append(self._heard())
        text = self._call("Runtime.evaluate", session, expression="document.documentElement.outerHTML")
        picture = self._call("Page.captureScreenshot", session)["data"]
        self._call("Target.closeTarget", targetId=tab)
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        complaints = [json.dumps(event) for event in self._events if event["method"] in said]
        return Shown(text["result"]["value"], complaints, base64.b64decode(picture))

    def close(self):
        """End it."""
        self._call("Browser.close")
        self._limit.cancel()
        os.close(self._to)
        self._inbox.close()
        self._process.wait(timeout=30)

    def _call(self, method, session=None, **params):
        self._asked += 1
        order = {"id": self._asked, "method": method, "params": params, **({"sessionId": session} if session else {})}
        os.write(self._to, json.dumps(order).encode() + b"\0")
        while (said := self._heard()).get("id") != self._asked:
            self._events.append(said)
        assert "result" in said, said
        return said["result"]

    def _heard(self):
        """The next message."""
        message = bytearray()
        while (byte := self._inbox.read(1)) != b"\0":
            assert byte, "the browser has ended"
            message += byte
        return json.loads(message)
