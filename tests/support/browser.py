"""A real browser without a window, driven through the DevTools protocol over two pipes: no library, no port."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
]


class Browser:
    """One page of one browser; `complaints` gathers what its console and its policies complain about."""

    def __init__(self, profile):
        commands, self._to = os.pipe()
        self._from, answers = os.pipe()

        def wire():  # the browser reads commands from 3 and writes answers to 4
            moved = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in (commands, answers)]
            os.dup2(moved[0], 3), os.dup2(moved[1], 4)

        self._process = subprocess.Popen(
            [BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands), os.close(answers)
        self._number, self._rest, self._session, self._answers = 0, b"", None, {}
        self.complaints, self._events, self._own = [], [], ("about:",)
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Send one command and wait for its answer."""
        return self.answer(self.send(method, **parameters))

    def send(self, method, **parameters):
        """Send one command; returns its number."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def answer(self, number):
        """Wait for the answer of a command."""
        while number not in self._answers:
            answer = self._read()
            if "id" in answer:
                self._answers[answer["id"]] = answer
            else:
                self._note(answer)
        answer = self._answers.pop(number)
        assert "error" not in answer, answer["error"]
        return answer["result"]

    def open(self, page, width=1400, height=900, dark=False):
        """Show a file or an address, at a size and in light or dark, and wait until it is drawn."""
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.complaints, self._events = [], []
        self._own = ("file:", "data:", "blob:") if address.startswith("file:") else (address, "data:", "blob:")
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + 60
        while "Page.loadEventFired" not in self._events:
            assert time.monotonic() < deadline, "the page did not load"
            self._note(self._read())
        self.settle()

    def settle(self):
        """Wait until what has changed is drawn."""
        self.do("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def do(self, expression):
        """Evaluate JavaScript in the page and return its value."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait(self, expression, seconds=60):
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.do(expression):
            assert time.monotonic() < deadline, f"never came true: {expression}"
            time.sleep(0.05)

    def press(self, key, modifiers=0, kinds=("keyDown", "keyUp")):
        """Press and release a key such as Tab, Enter, ArrowRight or z; modifiers: 2 is Ctrl, 8 is Shift."""
        code = {
            "Tab": 9,
            "Enter": 13,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "Escape": 27,
            "Delete": 46,
        }.get(key)
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 and not modifiers else {}
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code or ord(key.upper()), "modifiers": modifiers}
        for kind in kinds:
            self.call("Input.dispatchKeyEvent", type=kind, **named, **(text if kind == "keyDown" else {}))

    def point(self, x, y, kind="mouseMoved", button="none"):
        """Move the pointer, or press (`mousePressed`) and release (`mouseReleased`) a button there."""
        held = {"left": 1, "right": 2}.get(button, 0) if kind != "mouseReleased" else 0
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=held, clickCount=1)

    def drag(self, *path, button="left"):
        """Press at the first place, go through the others and release at the last; one place is a click."""
        self.point(*path[0])
        self.point(*path[0], "mousePressed", button)
        for place in path[1:]:
            self.point(*place, "mouseMoved", button)
        self.point(*path[-1], "mouseReleased", button)

    def touch(self, *steps):
        """Put fingers down at the first places, move them through the others, and lift them: lists of (x, y)."""
        kinds = ["touchStart", *["touchMove"] * (len(steps) - 1)]
        for kind, places in zip(kinds, steps, strict=True):
            points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(places)]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def wheel(self, x, y, down):
        """Turn the wheel there."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)

    def give(self, selector, *files):
        """Choose files for an input."""
        found = self.call("Runtime.evaluate", expression=f"document.querySelector({selector!r})")["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], objectId=found)

    def picture(self, whole=False):
        """PNG of what is seen, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def close(self):
        """End the browser."""
        self._session = None
        self.call("Browser.close")
        os.close(self._to), os.close(self._from)
        self._process.wait(30)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        self._events.append(method)
        if method == "Runtime.exceptionThrown" or method == "Log.entryAdded":
            self.complaints.append(parameters)
        if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.complaints.append(parameters)
        if method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(self._own):
            self.complaints.append(parameters["request"]["url"])

    def _read(self):
        while b"\0" not in self._rest:
            piece = os.read(self._from, 2**20)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)
