"""Preparing a scan in the studio: automatically, by switches, and with the repair brush."""

import json
import re

import cv2
import numpy as np
import pytest
import requests
from PIL import Image
from skimage import data
from skimage.color import rgb2gray

from chromahint.images.image_file import ImageFile
from chromahint.images.preparation.prepare import automatic, prepare
from chromahint.images.preparation.settings import Preparation, parse_preparation
from support.damage import placed_on_scanner, sepia

MARK = (620, 340)
"""Where a dark square lies on the print."""


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A sepia print, crooked on a scanner, with a dark square on it."""
    gray = cv2.resize(60 + 150 * rgb2gray(data.chelsea()), (902, 600), interpolation=cv2.INTER_CUBIC)
    gray[MARK[1] - 12 : MARK[1] + 12, MARK[0] - 12 : MARK[0] + 12] = 0
    file = tmp_path_factory.mktemp("scan") / "scan.png"
    Image.fromarray(placed_on_scanner(sepia(gray.clip(0, 255).astype(np.uint8)), 2.5)).save(file)
    return file


def open_scan(studio, scan):
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", scan))


def size(studio):
    return [int(number) for number in re.findall(r"\d+", studio.text("photo-name").rpartition(" · ")[2])]


def use(studio, name):
    """Press a button or a switch of the panel, and wait until the prepared photo is colored."""
    studio.wait_for_colors(lambda: studio.click_button(name))


def test_automatic_preparation_and_back(studio, scan):
    open_scan(studio, scan)
    before = size(studio)
    use(studio, "prepare-automatically")
    pixels = np.array(Image.open(scan))
    expected = prepare(ImageFile(pixels), automatic(ImageFile(pixels))).pixels
    assert size(studio) == [expected.shape[1], expected.shape[0]]
    switches = "['crop', 'neutral', 'levels'].map((name) => document.getElementById('prepare-' + name).checked)"
    assert studio.browser.evaluate(switches) == [True] * 3
    # a tint is no color to compare with
    assert studio.browser.evaluate("document.getElementById('psnr-a').hidden")
    assert not studio.browser.evaluate("[...document.querySelectorAll('option')].some((o) => o.value === 'original')")
    use(studio, "prepare-reset")
    assert size(studio) == before
    assert studio.browser.evaluate(switches) == [False] * 3


def test_a_point_stays_on_its_place_when_the_frame_changes(studio, scan):
    open_scan(studio, scan)
    use(studio, "prepare-automatically")
    pixels = studio.pixels().astype(np.float32)
    brightness = pixels[..., :3].sum(axis=2) + 9 * (255 - pixels[..., 3])  # around the photo, the canvas is empty
    row, column = np.unravel_index(cv2.blur(brightness, (15, 15)).argmin(), brightness.shape)
    box = "(({left, top}) => [left, top])(document.getElementById('stage').getBoundingClientRect())"
    left, top = studio.browser.evaluate(box)
    studio.wait_for_colors(lambda: studio.browser.drag((left + column, top + row)))
    framed = studio.save_session().points[0]
    use(studio, "prepare-reset")
    assert studio.save_session().points[0] == framed
    image = np.array(Image.open(scan).convert("L"))
    assert image[round(framed.y), round(framed.x)] < 60


def test_the_repair_brush_fills_and_can_be_undone(studio, scan):
    open_scan(studio, scan)
    use(studio, "prepare-neutral")
    pixels = np.array(Image.open(scan).convert("L"))
    rows, columns = np.nonzero(cv2.blur(pixels, (9, 9)) < 45)
    x, y = columns.mean() / pixels.shape[1], rows.mean() / pixels.shape[0]
    dark = studio.lab_color(x, y)[0]
    studio.browser.press("f")
    studio.browser.evaluate(
        "(() => { const s = document.getElementById('size'); s.value = 70; s.dispatchEvent(new Event('input')); })()"
    )
    studio.wait_for_colors(lambda: studio.click(x, y))
    assert studio.lab_color(x, y)[0] > dark + 20
    assert studio.annotation_count() == 0
    use(studio, "undo-repair")
    assert studio.lab_color(x, y)[0] == pytest.approx(dark, abs=2)


def test_a_preparation_survives_a_reload(studio, scan, address):
    open_scan(studio, scan)
    use(studio, "prepare-automatically")
    prepared = size(studio)
    studio.open(address)
    studio.browser.wait_for(f"document.getElementById('photo-name').textContent.includes(' {prepared[0]} ')")
    studio.wait_until_idle()
    assert studio.browser.evaluate("document.getElementById('prepare-neutral').checked")


def test_holding_shows_the_scan(studio, scan):
    open_scan(studio, scan)
    use(studio, "prepare-automatically")
    hold = "document.getElementById('show-scan').dispatchEvent(new PointerEvent('{}'))"
    hidden = "document.getElementById('scan-picture').hidden"
    assert studio.browser.evaluate(hidden)
    studio.browser.evaluate(hold.format("pointerdown"))
    studio.browser.wait_for("document.getElementById('scan-picture').naturalWidth === 1142")
    assert not studio.browser.evaluate(hidden)
    studio.browser.evaluate(hold.format("pointerup"))
    assert studio.browser.evaluate(hidden)


def test_routes(address, scan):
    photo = requests.post(f"{address}api/photos?name=scan.png", scan.read_bytes(), timeout=60).json()
    assert not photo["has_color"]
    assert parse_preparation(photo["preparation"]) == Preparation()
    settings = requests.get(f"{address}api/photos/{photo['id']}/preparation", timeout=60).json()
    url = f"{address}api/photos/{photo['id']}/preparation"
    prepared = requests.post(url, json.dumps(settings), timeout=60).json()
    assert prepared["id"] != photo["id"]
    assert prepared["preparation"] == settings
    assert [prepared["scan_width"], prepared["scan_height"]] == [photo["width"], photo["height"]]
    # the scan is the original, whatever was prepared
    again = requests.post(f"{address}api/photos/{prepared['id']}/preparation", "{}", timeout=60).json()
    assert (again["width"], again["matrix"]) == (photo["width"], [[1, 0, 0], [0, 1, 0]])
    wrong = requests.post(url, '{"noise": -1}', timeout=60)
    assert wrong.status_code == 422
    assert "preparation.noise=-1" in wrong.json()["error"]
    assert requests.post(url, "{", timeout=60).status_code == 422
