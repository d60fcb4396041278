"""Fixtures that drive the page in a real browser, served by the real command."""

import io
import os
import re
import shutil
import subprocess
import sys
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from chromahint.hints.hint_file import read_hints
from support.browser import Browser


@dataclass
class Server:
    """A running studio, the folder that it was started in, and its project folder."""

    address: str
    folder: Path
    project: Path
    process: subprocess.Popen


@pytest.fixture(scope="session")
def server(tmp_path_factory, smoke_run, here, tiny):
    """A server in a folder with two runs; the network of one has color classes."""
    folder = tmp_path_factory.mktemp("studio")
    trained = here(tmp_path_factory.mktemp("classes"), "train", *tiny, "model=zhang2017")
    assert trained.status == 0, trained.err
    for name, run in {"first": smoke_run, "classes": trained.run}.items():
        shutil.copytree(run, folder / "runs" / name / "2026-11-20_10-00-00")
    project = tmp_path_factory.mktemp("project")
    server = subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser", str(project)],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = server.stdout.readline()
    assert line.startswith("studio: http://127.0.0.1:"), line
    yield Server(line.removeprefix("studio: ").strip(), folder, project, server)
    server.terminate()
    output = server.communicate(timeout=30)[0]
    assert "Traceback" not in output, output


@pytest.fixture(scope="session")
def address(server):
    """The address of the page."""
    return server.address


def is_closed_photo(complaint):
    """Whether the browser complains about a photo that the server has closed, which the page then reopens."""
    return isinstance(complaint, dict) and "404" in complaint.get("entry", {}).get("text", "")


class StudioPage:
    """The page, with what a user does on it."""

    def __init__(self, browser, address, downloads):
        self.browser = browser
        self.address = address
        self.downloads = downloads
        browser.save_downloads(downloads)

    @classmethod
    def anew(cls, browser, address, downloads, project):
        """Open the page as if nobody had used it before."""
        page = cls(browser, address, downloads)
        page.leave()
        for each in (*project.iterdir(), project / ".thumbnails"):
            shutil.rmtree(each, ignore_errors=True)
        page.forget()
        page.open(address)
        return page

    def leave(self):
        """Go where no scripts run; in the same process of the browser, which is quicker than a blank page."""
        self.browser.open(f"{self.address}api/config")

    def forget(self):
        """Remove what the browser has stored for the page."""
        origin = self.address.rstrip("/")
        self.browser.call("Storage.clearDataForOrigin", origin=origin, storageTypes="indexeddb,local_storage")

    def open(self, address, width=1000, height=700, **options):
        self.browser.open(address, width, height, **options)
        self.browser.wait_for("document.body.dataset.ready === 'yes'")

    def evaluate(self, script):
        """Evaluate a script that imports files of the page, such as /assets/main.js."""
        main = self.browser.evaluate("document.querySelector('script[src$=\"main.js\"]').src")
        return self.browser.evaluate(script.replace("/assets/", main.removesuffix("main.js")))

    def open_sample(self, name="coffee"):
        button = f"document.querySelector('#samples button[value={name}]')"
        self.wait_for_colors(lambda: self.browser.evaluate(f"{button}.click()"))

    def wait_for_colors(self, action):
        """Do something, and wait until the final colors that follow from it are drawn."""
        updates = "Number(document.body.dataset.updates ?? 0)"
        previous = self.browser.evaluate(updates)
        action()
        self.browser.pass_time(f"{updates} > {previous}")

    def wait_until_idle(self):
        """Wait until no more colors arrive."""
        self.browser.pass_time()

    def errors(self):
        """Return the errors in the browser, except those about closed photos."""
        self.browser.errors[:] = [each for each in self.browser.errors if not is_closed_photo(each)]
        return self.browser.errors

    def text(self, name):
        """Return the text of an element."""
        return self.browser.evaluate(f"document.getElementById('{name}').textContent")

    def wait_until_saved(self):
        """Wait until the server has all of the work on the open photo."""
        self.browser.pass_time()
        self.browser.wait_for(
            "new Promise((done) => { const open = indexedDB.open('chromahint-studio'); open.onsuccess = () => {"
            "const count = open.result.transaction('photos').objectStore('photos').count();"
            "count.onsuccess = () => { open.result.close(); done(count.result === 0); }; }; })"
        )

    def annotation_count(self):
        """Return the number of points and strokes that the page displays."""
        return sum(int(number) for number in re.findall(r"\d+", self.text("annotation-count")))

    def click_button(self, name):
        self.browser.evaluate(f"document.getElementById('{name}').click()")

    def choose_option(self, box, value):
        """Choose an option of a list."""
        change = "box.dispatchEvent(new Event('change'))"
        self.browser.evaluate(
            f"(() => {{ const box = document.getElementById('{box}'); box.value = '{value}'; {change}; }})()"
        )

    def save_session(self):
        """Save the points and strokes as a hint file, and return its contents."""
        self.browser.press("s")
        file = self.browser.wait_for_download(".json")
        annotations = read_hints(file)
        file.unlink()
        return annotations

    def page_position(self, x, y):
        """Map a position in the photo, from 0 to 1, to the page. The whole photo is visible."""
        box = "const r = document.getElementById('stage').getBoundingClientRect();"
        left, top, width, height = self.browser.evaluate(
            f"(() => {{ {box} return [r.left, r.top, r.width, r.height]; }})()"
        )
        photo = [int(size) for size in re.findall(r"\d+", self.text("photo-name").rpartition(" · ")[2])]
        margin = 12 if width < 600 else 28
        visible = height - margin - 52  # buttons at the bottom
        scale = min((width - 2 * margin) / photo[0], visible / photo[1], 4)
        center = left + width / 2, top + margin + visible / 2
        return center[0] + (x - 0.5) * scale * photo[0], center[1] + (y - 0.5) * scale * photo[1]

    def click(self, x, y, **options):
        self.browser.drag(self.page_position(x, y), **options)

    def click_swatch(self, name):
        self.browser.evaluate(f"document.querySelector('#common-colors button[title={name}]').click()")

    def pixels(self, canvas="canvas-a"):
        """Return the contents of a canvas, HxWx4."""
        url = self.browser.evaluate(f"document.getElementById('{canvas}').toDataURL()")
        return np.array(Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA"))

    def lab_color(self, x, y, canvas="canvas-a"):
        """Return the visible Lab color at a position in the photo, averaged over a few pixels."""
        page_x, page_y = self.page_position(x, y)
        left, top = self.browser.evaluate(
            "(({left, top}) => [left, top])(document.getElementById('stage').getBoundingClientRect())"
        )
        row, column = round(page_y - top), round(page_x - left)
        patch = self.pixels(canvas)[row - 2 : row + 3, column - 2 : column + 3, :3]
        return rgb2lab(patch).reshape(-1, 3).mean(axis=0)


@pytest.fixture
def studio(browser, server, tmp_path):
    page = StudioPage.anew(browser, server.address, tmp_path, server.project)
    yield page
    assert browser.errors == []


@pytest.fixture(scope="session")
def second_browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("second profile"))
    yield browser
    browser.close()


@pytest.fixture
def second(studio, server, tmp_path, second_browser):
    """The page in a second browser, which has never seen it. It is not open yet."""
    page = StudioPage(second_browser, server.address, tmp_path / "second downloads")
    page.leave()
    page.forget()
    second_browser.call("Network.clearBrowserCache")
    yield page
    page.leave()


@pytest.fixture
def take_screenshot(request, studio):
    """`take_screenshot("phone, menu")` writes what the page looks like to the folder of `--screenshots`, if given."""
    folder = request.config.getoption("screenshots")

    def take(name):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.png").write_bytes(studio.browser.screenshot())

    return take


@pytest.fixture(scope="session")
def album(tmp_path_factory):
    """Three photos."""
    folder = tmp_path_factory.mktemp("album")
    for name, picture in {"cat": data.chelsea(), "coffee": data.coffee(), "astronaut": data.astronaut()}.items():
        Image.fromarray(picture[:200, :300]).convert("L").save(folder / f"{name}.jpg")
    return sorted(folder.iterdir())
