"""A headless Chromium without a network, spoken to as DevTools do: https://chromedevtools.github.io/devtools-protocol/."""

import base64
import json
import os
import shutil
import subprocess
import threading
import time
from dataclasses import dataclass

import pytest

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

    def __init__(self, profile, reachable="", patience=PATIENCE):
        """`reachable`: the one host there is."""
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
            f"--host-resolver-rules=MAP * ~NOTFOUND{f', EXCLUDE {reachable}' if reachable else ''}",
            "--window-size=1000,700",
            "--remote-debugging-pipe",
        ]
        self._process = subprocess.Popen(
            ["bash", "-c", pipes, "-", *command], pass_fds=(theirs, ours), stderr=subprocess.DEVNULL
        )
        os.close(theirs)
        os.close(ours)
        self._limit = threading.Timer(patience, self._process.kill)
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

    def tab(self):
        """A tab that stays open, to be driven."""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable", session)
        return Tab(self, target, session)

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

    def _taken(self, session):
        """What one tab told since it was asked last."""
        told = [event for event in self._events if event.get("sessionId") == session]
        self._events = [event for event in self._events if event.get("sessionId") != session]
        return told

    def _heard(self):
        """The next message."""
        message = bytearray()
        while (byte := self._inbox.read(1)) != b"\0":
            assert byte, "the browser has ended"
            message += byte
        return json.loads(message)


class Tab:
    """One page, as its user has it: keys, clicks, sizes; `complaints` and `asked` are what it told and fetched."""

    def __init__(self, browser, target, session):
        self._browser, self._target, self._session = browser, target, session
        self._told = []

    def open(self, address):
        self._do("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")

    def size(self, width, height, *, dark=False):
        self._do("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._do("Emulation.setEmulatedMedia", features=[scheme])

    def run(self, expression):
        """The value of an expression, once its promise is kept."""
        found = self._do("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression, seconds=20.0):
        """The value of an expression as soon as it is true."""
        until = time.monotonic() + seconds
        while True:
            try:
                found = self.run(expression)
            except AssertionError:  # the page is being exchanged for another
                found = None
            if found:
                return found
            if time.monotonic() > until:
                pytest.fail(f"never true: {expression}; the page: {self.run('document.body.innerText')[:2000]}")
            time.sleep(0.03)

    def sees(self, *words):
        """Wait until all of these words are on the page."""
        for text in words:
            self.wait(f"document.body.innerText.includes({json.dumps(text)})")

    def press(self, *keys):
        """Keys by their names, or letters."""
        for key in keys:
            text = "\r" if key == "Enter" else key if len(key) == 1 else ""
            code = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "Backspace": 8}.get(key, ord(key[0].upper()))
            event = {"key": key, "windowsVirtualKeyCode": code}
            self._do("Input.dispatchKeyEvent", type="keyDown", **event, **({"text": text} if text else {}))
            self._do("Input.dispatchKeyEvent", type="keyUp", **event)

    def reach(self, condition, presses=60):
        """Press Tab until the condition holds; the page may be drawn anew meanwhile."""
        for _ in range(presses):
            if self.run(condition):
                return
            self.press("Tab")
        pytest.fail(f"Tab does not lead to {condition}")

    def type(self, text):
        self._do("Input.insertText", text=text)

    def click(self, selector):
        """The middle of the first element that the selector finds, once it can be clicked."""
        self.wait(f"document.querySelector({json.dumps(selector)})?.matches(':not(:disabled)')")
        found = self.run(
            f"(() => {{ const found = document.querySelector({json.dumps(selector)});"
            " found.scrollIntoView({block: 'nearest'}); const r = found.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        at = {"x": found[0], "y": found[1], "button": "left", "clickCount": 1}
        self._do("Input.dispatchMouseEvent", type="mousePressed", **at)
        self._do("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def choose(self, number, value):
        """A value of the page's select with this number, in one step: a redrawn page would take it back."""
        self.run(
            f"(() => {{ const found = document.querySelectorAll('select')[{number}]; found.value = {json.dumps(value)};"
            " found.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def picture(self):
        return base64.b64decode(self._do("Page.captureScreenshot")["data"])

    @property
    def complaints(self):
        said = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        return [json.dumps(event["params"]) for event in self._events() if event["method"] in said]

    @property
    def asked(self):
        """Every address that it asked for."""
        sent = [event["params"] for event in self._events() if event["method"] == "Network.requestWillBeSent"]
        return [request["request"]["url"] for request in sent]

    def close(self):
        self._browser._call("Target.closeTarget", targetId=self._target)

    def _events(self):
        self._told += self._browser._taken(self._session)
        return self._told

    def _do(self, method, **params):
        return self._browser._call(method, self._session, **params)
