"""The studio as a person meets it: the real command, a real browser, clicks and keys."""

import io
import os
import re
import shutil
import subprocess
import sys
import time
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from chromahint.hints.hint_file import read_hints


@pytest.fixture(scope="session")
def address(tmp_path_factory, smoke_run, here, tiny):
    """Where the real command serves its page, in a folder with two runs: one of them has classes of colors."""
    folder = tmp_path_factory.mktemp("studio")
    made = here(tmp_path_factory.mktemp("classes"), "train", *tiny, "model=zhang2017")
    assert made.status == 0, made.err
    for name, run in {"first": smoke_run, "classes": made.run}.items():
        shutil.copytree(run, folder / "runs" / name / "2026-11-20_10-00-00")
    server = subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser"],
        cwd=folder,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    line = server.stdout.readline()
    assert line.startswith("studio: http://127.0.0.1:"), line
    yield line.removeprefix("studio: ").strip()
    server.terminate()
    assert "Traceback" not in server.communicate(timeout=30)[0]


def is_put_away(complaint):
    """Whether a browser complains of a photo that the server has put away, which the page brings again."""
    return isinstance(complaint, dict) and "404" in complaint.get("entry", {}).get("text", "")


class Desk:
    """The page, with what a person does on it."""

    def __init__(self, browser, address, downloads):
        self.browser = browser
        self.downloads = downloads
        browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(downloads))
        browser.open(address)
        browser.do("new Promise((done) => { indexedDB.deleteDatabase('chromahint-studio').onsuccess = done })")
        self.open(address)

    def open(self, address, **options):
        self.browser.open(address, **options)
        self.browser.wait("document.body.dataset.ready === 'yes'")

    def sample(self, name="coffee"):
        names = self.browser.do("[...document.querySelectorAll('#samples button')].map((each) => each.textContent)")
        self.after(
            lambda: self.browser.do(f"document.querySelectorAll('#samples button')[{names.index(name)}].click()")
        )

    def after(self, work):
        """Do something, and wait until sharp colors that follow from it are painted."""
        before = self.fine()
        work()
        self.browser.wait(f"Number(document.body.dataset.fine ?? 0) > {before}")
        self.quiet()

    def fine(self):
        return int(self.browser.do("Number(document.body.dataset.fine ?? 0)"))

    def quiet(self):
        """Wait until no more colors come."""
        before = None
        while before != (before := self.fine()) or self.browser.do("document.body.classList.contains('busy')"):
            time.sleep(0.5)
        self.browser.settle()

    def wrong(self):
        """What the browser has complained of, but for photos that were put away."""
        self.browser.complaints[:] = [each for each in self.browser.complaints if not is_put_away(each)]
        return self.browser.complaints

    def text(self, name):
        """What an element of the page says."""
        return self.browser.do(f"document.getElementById('{name}').textContent")

    def count(self):
        """How many points and strokes there are, as the page says."""
        text = self.text("count")
        return 0 if text == "No points yet." else int(text.split()[0])

    def press_button(self, name):
        self.browser.do(f"document.getElementById('{name}').click()")

    def choose(self, box, value):
        """Choose something from a list."""
        change = "box.dispatchEvent(new Event('change'))"
        self.browser.do(
            f"(() => {{ const box = document.getElementById('{box}'); box.value = '{value}'; {change}; }})()"
        )

    def saved(self):
        """The points and strokes, as a hint file."""
        self.browser.press("s")
        file = self.downloaded(".json")
        marks = read_hints(file)
        file.unlink()
        return marks

    def place(self, across, down):
        """A place of the photo, which is seen whole, on the page."""
        box = "const r = document.getElementById('stage').getBoundingClientRect();"
        left, top, width, height = self.browser.do(f"(() => {{ {box} return [r.left, r.top, r.width, r.height]; }})()")
        name = self.browser.do("document.getElementById('name').textContent")
        photo = [int(side) for side in re.findall(r"\d+", name.rpartition(" · ")[2])]
        share = min((width - 56) / photo[0], (height - 56) / photo[1], 4)
        return left + width / 2 + (across - 0.5) * share * photo[0], top + height / 2 + (down - 0.5) * share * photo[1]

    def click(self, across, down, **options):
        self.browser.drag(self.place(across, down), **options)

    def swatch(self, name):
        self.browser.do(f"document.querySelector('#everyday button[title={name}]').click()")

    def painted(self, canvas="a"):
        """What is painted on a canvas, HxWx4."""
        url = self.browser.do(f"document.getElementById('{canvas}').toDataURL()")
        return np.array(Image.open(io.BytesIO(b64decode(url.partition(",")[2]))).convert("RGBA"))

    def color(self, across, down, canvas="a"):
        """Lab of what is seen at a place of the photo, over a few pixels."""
        x, y = self.place(across, down)
        left, top = self.browser.do(
            "(({left, top}) => [left, top])(document.getElementById('stage').getBoundingClientRect())"
        )
        row, column = round(y - top), round(x - left)
        part = self.painted(canvas)[row - 2 : row + 3, column - 2 : column + 3, :3]
        return rgb2lab(part).reshape(-1, 3).mean(axis=0)

    def downloaded(self, suffix):
        deadline = time.monotonic() + 60
        while not (found := [file for file in self.downloads.iterdir() if file.suffix == suffix]):
            assert time.monotonic() < deadline, "nothing was downloaded"
            time.sleep(0.1)
        return found[0]


@pytest.fixture
def desk(browser, address, tmp_path):
    made = Desk(browser, address, tmp_path)
    yield made
    assert browser.complaints == []
