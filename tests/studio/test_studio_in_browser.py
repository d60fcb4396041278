"""The studio as a person meets it: the real command, a real browser, clicks and keys."""

import io
import os
import re
import subprocess
import sys
import time
from base64 import b64decode

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from skimage.color import lab2rgb, rgb2lab

from chromahint.hints.hint_file import read_hints
from chromahint.inference.session import _shrunk
from chromahint.inference.upsample import bring_up

POINT, OTHER = (0.9, 0.1), (0.7, 0.75)


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the real command serves its page."""
    server = subprocess.Popen(
        [sys.executable, "-m", "chromahint", "studio", "--no-browser"],
        cwd=tmp_path_factory.mktemp("studio"),
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
        """Do something, and wait until sharp colours that follow from it are painted."""
        before = self.fine()
        work()
        self.browser.wait(f"Number(document.body.dataset.fine ?? 0) > {before}")
        self.quiet()

    def fine(self):
        return int(self.browser.do("Number(document.body.dataset.fine ?? 0)"))

    def quiet(self):
        """Wait until no more colours come."""
        before = None
        while before != (before := self.fine()) or self.browser.do("document.body.classList.contains('busy')"):
            time.sleep(0.5)
        self.browser.settle()

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

    def colour(self, across, down, canvas="a"):
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


def test_a_click_colours_what_belongs_to_it_and_undo_takes_it_back(desk):
    desk.sample()
    before = {place: desk.colour(*place) for place in (POINT, OTHER)}
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    at_point = desk.colour(*POINT)
    assert at_point[2] < -15
    assert abs(at_point[0] - before[POINT][0]) < 1.5
    assert desk.colour(POINT[0] - 0.04, POINT[1])[2] < -5
    desk.after(lambda: (desk.click(*OTHER), desk.swatch("gold")))
    assert desk.colour(*OTHER)[2] > 15
    for _ in range(4):  # a point, its colour; twice
        desk.browser.press("z", modifiers=2)
    desk.quiet()
    for place, colour in before.items():
        assert desk.colour(*place) == pytest.approx(colour, abs=0.6)
    desk.after(lambda: desk.browser.press("z", modifiers=10))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")


def test_a_point_is_dragged_and_removed(desk):
    desk.sample()
    desk.after(lambda: (desk.click(*POINT), desk.swatch("grass")))
    away = desk.place(0.5, 0.9)
    desk.after(lambda: desk.browser.drag(desk.place(*POINT), desk.place(0.4, 0.5), away))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")
    assert desk.colour(0.5, 0.9)[1] < -8
    desk.after(lambda: desk.browser.drag(away, button="right"))
    assert desk.browser.do("document.getElementById('count').textContent") == "No points yet."


def test_a_session_is_saved_as_a_hint_file_and_opens_again(desk, address):
    desk.sample("rocket")
    desk.click(*POINT)
    desk.browser.press("b")
    desk.after(lambda: desk.browser.drag(*(desk.place(0.3 + 0.05 * n, 0.8) for n in range(5))))
    desk.browser.press("g")
    desk.click(*OTHER)
    desk.quiet()
    seen = desk.painted()
    desk.browser.press("s")
    file = desk.downloaded(".json")
    marks = read_hints(file)
    assert len(marks.points) == 1
    assert len(marks.strokes) == 2
    assert len(marks.strokes[0].points) >= 4
    width, height = 640, 427
    assert (marks.points[0].x / width, marks.points[0].y / height) == pytest.approx(POINT, abs=0.01)
    # a page that is loaded anew is as it was
    desk.open(address)
    desk.quiet()
    assert np.abs(desk.painted().astype(int) - seen).max() <= 1
    # and so is one where all was removed and the file opened
    desk.after(lambda: desk.browser.do("document.getElementById('clear').click()"))
    assert np.abs(desk.painted().astype(int) - seen).max() > 10
    desk.after(lambda: desk.browser.give("#file", file))
    assert np.abs(desk.painted().astype(int) - seen).max() <= 1


def test_a_large_photo_is_downloaded_in_its_size_with_its_lightness(desk, tmp_path_factory):
    wide = np.array(Image.fromarray(data.coffee()).resize((4000, 3000)).convert("L"))
    photo = tmp_path_factory.mktemp("photo") / "old.png"
    Image.fromarray(wide).save(photo)
    desk.after(lambda: desk.browser.give("#file", photo))
    desk.after(lambda: (desk.click(*POINT), desk.swatch("brick")))
    assert desk.colour(*POINT)[1] > 8
    desk.browser.press("d")
    coloured = np.array(Image.open(desk.downloaded(".png")))
    assert coloured.shape == (3000, 4000, 3)
    part = np.s_[700:1100:3, 1000:1500:3]
    assert np.ptp(coloured[part], axis=2).mean() > 10
    assert np.abs(rgb2lab(coloured[part])[..., 0] - rgb2lab(np.dstack([wide] * 3)[part])[..., 0]).max() < 1.5


def test_two_networks_colour_from_the_same_hints(desk):
    desk.sample()
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    desk.browser.do(
        "const box = document.getElementById('beside'); box.value = 'levin'; box.dispatchEvent(new Event('change'))"
    )
    desk.browser.wait("!document.getElementById('psnr-b').hidden")
    desk.quiet()
    figures = [float(desk.browser.do(f"document.getElementById('psnr-{s}').textContent").split()[0]) for s in "ab"]
    assert all(5 < figure < 50 for figure in figures)
    pictures = [desk.painted(slot) for slot in "ab"]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 10
    assert desk.browser.do("document.getElementById('left').textContent").startswith("Levin · ")
    desk.browser.press("3")
    desk.browser.settle()
    assert desk.browser.do("document.getElementById('b').style.clipPath").startswith("inset")


def test_keys_alone_are_enough(desk):
    desk.sample()
    desk.browser.do("document.getElementById('stage').focus()")
    desk.browser.press("ArrowRight")
    desk.after(lambda: desk.browser.press("Enter"))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")
    desk.browser.press("?")
    assert desk.browser.do("document.getElementById('sheet').open")
    desk.browser.press("Escape")
    desk.after(lambda: desk.browser.press("Delete"))
    assert desk.browser.do("document.getElementById('count').textContent") == "No points yet."


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (820, 1180), (390, 844)])
def test_all_of_it_fits(desk, address, width, height):
    desk.sample()
    desk.open(address, width=width, height=height)
    desk.quiet()
    assert desk.browser.do("document.documentElement.scrollWidth <= innerWidth")
    if width > 700:  # a telephone scrolls down to the colours
        assert desk.browser.do("document.documentElement.scrollHeight <= innerHeight")
    stage = desk.browser.do(
        "(({width, height}) => [width, height])(document.getElementById('stage').getBoundingClientRect())"
    )
    assert min(stage) > 240


def test_colours_of_the_page_are_those_of_the_server(desk):
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (200, 3))
    found = desk.browser.do(
        "import('/assets/lab.js').then(({ labOf, hexOf }) => "
        f"{rgb.tolist()}.map((rgb) => [labOf(...rgb), hexOf(...labOf(...rgb))]))"
    )
    assert np.array([lab for lab, _ in found]) == pytest.approx(rgb2lab(rgb / 255), abs=0.02)
    back = np.array([[int(code[n : n + 2], 16) for n in (1, 3, 5)] for _, code in found])
    assert np.abs(back - rgb).max() <= 1
    # a colour that no screen has keeps its lightness
    strong = desk.browser.do("import('/assets/lab.js').then(({ hexOf }) => [20, 50, 80].map((l) => hexOf(l, -90, 90)))")
    lightness = [rgb2lab(np.array([int(code[n : n + 2], 16) for n in (1, 3, 5)]) / 255)[0] for code in strong]
    assert lightness == pytest.approx([20, 50, 80], abs=1)


def test_colours_are_brought_up_as_for_a_download(desk):
    rng = np.random.default_rng(1)
    grey = rng.integers(60, 200, (18, 26)).astype(np.uint8)
    lightness = torch.from_numpy(rgb2lab(np.dstack([grey] * 3))[..., 0]).float()[None, None]
    small = _shrunk(lightness, 10, False)
    ab = torch.from_numpy(rng.integers(-900, 900, (1, 2, *small.shape[-2:])) / 64).float()
    expected = bring_up(ab, small, lightness, 0, 18)
    given = {
        "grey": np.dstack([grey] * 4).ravel().tolist(), "ab": (ab * 64).flatten().int().tolist(),
        "small": small.flatten().tolist(), "size": list(small.shape[-2:]),
    }  # fmt: skip
    found = desk.browser.do(
        f"import('/assets/paint.js').then(({{ paint }}) => {{ const given = {given};"
        "const out = new Uint8ClampedArray(26 * 18 * 4);"
        "const size = { width: 26, height: 18 };"
        "paint(out, given.grey, { ...size, left: 0, top: 0, across: 1, down: 1 }, size,"
        "{ height: given.size[0], width: given.size[1], lightness: given.small, ab: given.ab }); return [...out]; })"
    )
    shown = np.array(found).reshape(18, 26, 4)[..., :3]
    lab = torch.cat([lightness, expected], dim=1)[0].permute(1, 2, 0).numpy()
    assert np.abs(shown - lab2rgb(lab) * 255).max() <= 1.5
