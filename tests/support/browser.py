"""A headless browser, controlled through the DevTools protocol over two pipes, without a library or a port."""

import base64
import fcntl
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe"),
]
PASSING_TIME = Path(__file__).with_name("passing_time.js").read_text()


def is_about_icon(complaint):
    """Whether the browser complains that a server has no icon, which it asks for if a document names none."""
    return complaint["entry"].get("url", "").endswith("/favicon.ico")


class Browser:
    """A browser with one page. `errors` collects console errors, policy violations and requests to other hosts."""

    def __init__(self, profile):
        commands, self._to = os.pipe()
        self._from, responses = os.pipe()

        def set_up_pipes():  # the browser reads commands from 3 and writes responses to 4
            moved = [fcntl.fcntl(each, fcntl.F_DUPFD, 100) for each in (commands, responses)]
            os.dup2(moved[0], 3), os.dup2(moved[1], 4)

        self._process = subprocess.Popen(
            [BROWSER, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            preexec_fn=set_up_pipes,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(commands), os.close(responses)
        self._number, self._buffer, self._session, self._responses = 0, b"", None, {}
        self.errors, self._events, self._allowed_urls, self._downloaded = [], [], ("about:",), []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=PASSING_TIME)

    def call(self, method, **parameters):
        """Send a command and return its result."""
        return self.response(self.send(method, **parameters))

    def send(self, method, **parameters):
        """Send a command; returns its number."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        return self._number

    def response(self, number):
        """Wait for the response to a command, and return its result."""
        while number not in self._responses:
            message = self._read()
            if "id" in message:
                self._responses[message["id"]] = message
            else:
                self._handle_event(message)
        response = self._responses.pop(number)
        assert "error" not in response, response["error"]
        return response["result"]

    def open(self, page, width=1400, height=900, dark=False):
        """Open a file or URL with a window size and color scheme, and wait until it is rendered."""
        address = page if isinstance(page, str) else page.resolve().as_uri()
        self.resize(width, height, dark)
        self.errors, self._events = [], []
        self._allowed_urls = ("file:", "data:", "blob:") if address.startswith("file:") else (address, "data:", "blob:")
        self.call("Page.navigate", url=address)
        deadline = time.monotonic() + 60
        while "Page.loadEventFired" not in self._events:
            assert time.monotonic() < deadline, "the page did not load"
            self._handle_event(self._read())
        self.wait_for_frame()

    def resize(self, width, height, dark=False):
        """Change the size of the window and the color scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def wait_for_frame(self):
        """Wait until pending changes are rendered."""
        self.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def evaluate(self, expression):
        """Evaluate JavaScript in the page, and return its value."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def wait_for(self, expression, seconds=60):
        """Wait until an expression is true."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"timed out waiting for {expression}"
            time.sleep(0.02)

    def pass_time(self, condition="true"):
        """Wait until nothing happens by itself any more, and a condition holds. Timers end early meanwhile."""
        self.evaluate(f"passTime(() => {condition})")

    def press(self, key, modifiers=0, kinds=("keyDown", "keyUp")):
        """Press and release a key, such as Tab, Enter, ArrowRight or z. Modifiers: 2 is Ctrl, 8 is Shift."""
        code = {
            "Tab": 9,
            "Enter": 13,
            "ArrowRight": 39,
            "ArrowDown": 40,
            "ArrowLeft": 37,
            "ArrowUp": 38,
            "Escape": 27,
            "Delete": 46,
            "PageUp": 33,
            "PageDown": 34,
        }.get(key)
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 and not modifiers else {}
        named = {"key": key, "code": key, "windowsVirtualKeyCode": code or ord(key.upper()), "modifiers": modifiers}
        for kind in kinds:
            self.call("Input.dispatchKeyEvent", type=kind, **named, **(text if kind == "keyDown" else {}))

    def mouse(self, x, y, kind="mouseMoved", button="none"):
        """Move the mouse to a position, or press (`mousePressed`) or release (`mouseReleased`) a button there."""
        held = {"left": 1, "right": 2}.get(button, 0) if kind != "mouseReleased" else 0
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, buttons=held, clickCount=1)

    def drag(self, *path, button="left"):
        """Press at the first position, move through the others, and release at the last; one position is a click."""
        self.mouse(*path[0])
        self.mouse(*path[0], "mousePressed", button)
        for position in path[1:]:
            self.mouse(*position, "mouseMoved", button)
        self.mouse(*path[-1], "mouseReleased", button)

    def touch(self, *steps):
        """Touch the first positions, move to the others, and release; each step is a list of (x, y), one per finger."""
        kinds = ["touchStart", *["touchMove"] * (len(steps) - 1)]
        for kind, positions in zip(kinds, steps, strict=True):
            points = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(positions)]
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=points)
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def wheel(self, x, y, down):
        """Scroll the mouse wheel at a position."""
        self.call("Input.dispatchMouseEvent", type="mouseWheel", x=x, y=y, deltaX=0, deltaY=down)

    def set_files(self, selector, *files):
        """Select files in a file input."""
        element = self.call("Runtime.evaluate", expression=f"document.querySelector({selector!r})")["result"]
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], objectId=element["objectId"])

    def save_downloads(self, folder):
        """Write downloads to a folder from now on."""
        folder.mkdir(exist_ok=True)
        self._downloaded = []
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder), eventsEnabled=True)

    def wait_for_download(self, suffix):
        """Wait until a file with this suffix is complete, and return its path.

        A file can exist before that: the browser reserves its name with an empty file.
        """
        deadline = time.monotonic() + 60
        while not (files := [file for file in self._downloaded if file.suffix == suffix]):
            assert time.monotonic() < deadline, "nothing was downloaded"
            self.wait_for_frame()
        self._downloaded.remove(files[0])
        return files[0]

    def screenshot(self, whole=False):
        """Return a PNG of the viewport, or of the whole page."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=whole)["data"])

    def close(self):
        """Close the browser."""
        self._session = None
        self.call("Browser.close")
        os.close(self._to), os.close(self._from)
        self._process.wait(30)

    def _handle_event(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        self._events.append(method)
        if method == "Runtime.exceptionThrown" or (method == "Log.entryAdded" and not is_about_icon(parameters)):
            self.errors.append(parameters)
        if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
            self.errors.append(parameters)
        if method == "Browser.downloadProgress" and parameters["state"] == "completed":
            self._downloaded.append(Path(parameters["filePath"]))
        if method == "Network.requestWillBeSent" and not parameters["request"]["url"].startswith(self._allowed_urls):
            self.errors.append(parameters["request"]["url"])

    def _read(self):
        while b"\0" not in self._buffer:
            piece = os.read(self._from, 2**20)
            assert piece, "the browser has exited"
            self._buffer += piece
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)
