"""Small versions for slow lines: how far they are from the exact ones, and that the page uses them. What is kept."""

import io
import json

import numpy as np
import pytest
import requests
from PIL import Image
from skimage import data
from skimage.color import rgb2lab
from starlette.testclient import TestClient

from chromahint.studio.app import create_app
from chromahint.studio.model_list import ModelList

ORIGIN = "http://127.0.0.1:8765"
HINTS = json.dumps({"format": "chromahint-hints/1", "points": [{"x": 300, "y": 200, "color": "#c04020", "radius": 8}]})
LINE = {"offline": False, "latency": 20, "downloadThroughput": 60_000, "uploadThroughput": 60_000}
FAST = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
ADDRESSES = "performance.getEntriesByType('resource').map(({ name }) => name).filter((name) => name.includes('/api/'))"


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(ModelList([]), "cpu"), base_url=ORIGIN) as client:
        yield client


@pytest.fixture(scope="module")
def coffee(client):
    """The address of the open sample."""
    return f"/api/photos/{client.post('/api/samples/coffee').json()['id']}"


def levels(response):
    assert response.headers["content-type"] == "image/jpeg"
    return np.array(Image.open(io.BytesIO(response.content))).astype(float)


def test_compact_lightness_is_close_to_the_exact_one_and_much_smaller(client, coffee):
    query = "network-input?model=pretrained&size=256"
    exact, compact = (client.get(f"{coffee}/{query}{end}") for end in ("", "&compact=true"))
    assert [exact.headers[name] for name in ("x-height", "x-width")] == [
        compact.headers[name] for name in ("x-height", "x-width")
    ]
    shape = int(exact.headers["x-height"]), int(exact.headers["x-width"])
    difference = np.abs(levels(compact)[: shape[0]] / 2.55 - np.frombuffer(exact.content, np.float32).reshape(shape))
    assert difference.mean() < 0.7
    assert len(compact.content) < len(exact.content) / 8


def test_compact_colors_are_close_to_the_exact_ones_and_much_smaller(client, coffee):
    query = f"{coffee}/colors?model=pretrained&size=256"
    exact, compact = (client.post(f"{query}{end}", content=HINTS) for end in ("", "&compact=true"))
    height, width = int(exact.headers["x-height"]), int(exact.headers["x-width"])
    ab = np.frombuffer(exact.content, np.int16).reshape(2, height, width) / 64
    both = levels(compact).reshape(2, -1, width)
    assert both.shape[1] % 8 == 0
    assert height <= both.shape[1] < height + 8
    assert np.abs(both[:, :height] - 128 - ab).mean() < 0.7
    assert len(compact.content) < len(exact.content) / 8


def test_compact_gray_is_close_and_limited_in_size(client):
    picture = np.kron(data.astronaut(), np.ones((2, 2, 1), np.uint8))
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "PNG")
    photo = client.post("/api/photos?name=large.png", content=file.getvalue()).json()["id"]
    gray = levels(client.get(f"/api/photos/{photo}/gray?compact=true"))
    assert 680_000 < gray.size <= 700_000
    small = np.array(Image.fromarray(picture).resize(gray.shape[::-1], Image.Resampling.BOX))
    lightness = rgb2lab(np.dstack([gray] * 3) / 255)[..., 0]
    assert np.abs(lightness - rgb2lab(small)[..., 0]).mean() < 1.2


def test_compact_is_a_boolean(client, coffee):
    assert client.get(f"{coffee}/gray?compact=1").status_code == 422


def test_the_same_photo_has_the_same_address_which_browsers_keep(client, coffee):
    assert f"/api/photos/{client.post('/api/samples/coffee').json()['id']}" == coffee
    photo = client.post("/api/photos?name=other.png", content=client.get(f"{coffee}/gray").content).json()
    assert f"/api/photos/{photo['id']}" != coffee
    turned = client.post(f"{coffee}/preparation", json={"angle": 2}).json()
    assert f"/api/photos/{turned['id']}" != coffee
    for picture in ("gray", "original", "scan"):
        kept = client.get(f"{coffee}/{picture}").headers["cache-control"]
        assert kept == "private, max-age=31536000, immutable"


def test_an_id_does_not_follow_from_the_file(client, coffee):
    """Hint files contain the hash of a photo; whoever gets one must not get the photo."""
    with TestClient(create_app(ModelList([]), "cpu"), base_url=ORIGIN) as other:
        assert f"/api/photos/{other.post('/api/samples/coffee').json()['id']}" != coffee


def test_a_thumbnail_is_sent_once(address, studio):
    kept = requests.post(f"{address}api/project/samples/coffee", timeout=60).json()["key"]
    thumbnail = f"{address}api/project/photos/{kept}/thumbnail"
    first = requests.get(thumbnail, timeout=60)
    again = requests.get(thumbnail, headers={"if-none-match": first.headers["etag"]}, timeout=60)
    assert (again.status_code, again.content) == (304, b"")
    other = requests.get(thumbnail, headers={"if-none-match": '"other"'}, timeout=60)
    assert (other.status_code, other.content) == (200, first.content)


@pytest.mark.slow
def test_page_looks_nearly_the_same_on_a_slow_line(studio, address):
    studio.open_sample()
    exact = studio.pixels().astype(int)
    assert not any("compact" in each for each in studio.browser.evaluate(ADDRESSES))
    studio.browser.call("Network.setCacheDisabled", cacheDisabled=True)
    studio.browser.call("Network.emulateNetworkConditions", **LINE)
    try:
        studio.open(address)
        pictures = "[...document.querySelectorAll('#samples img')].every(({ complete }) => complete)"
        studio.browser.wait_for(pictures)  # their transfer tells how slow the line is
        studio.open_sample()
        requested = studio.browser.evaluate(ADDRESSES)
        for kind in ("/gray", "/network-input", "/colors"):
            assert all("compact=true" in each for each in requested if kind in each)
        difference = np.abs(studio.pixels() - exact)
        assert difference.max() > 0
        assert difference.mean() < 1.5
        assert np.percentile(difference, 99) <= 6
    finally:
        studio.browser.call("Network.emulateNetworkConditions", **FAST)
        studio.browser.call("Network.setCacheDisabled", cacheDisabled=False)
        studio.browser.evaluate("localStorage.clear()")


def test_original_colors_are_loaded_when_somebody_compares_with_them(studio):
    studio.open_sample()
    loaded = f"{ADDRESSES}.filter((name) => name.includes('/original')).length"
    assert studio.browser.evaluate(loaded) == 0
    studio.choose_option("compare-with", "original")
    studio.browser.wait_for(f"{loaded} === 1")
    studio.wait_until_idle()
    shown = studio.pixels("canvas-b")[..., :3]
    assert np.ptp(shown.astype(int), axis=2).max() > 60  # it has colors


def test_a_photo_is_restored_from_the_cache(studio, address):
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    studio.wait_until_saved()
    studio.open(address)
    studio.wait_until_idle()
    sizes = studio.browser.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/gray'))"
        ".map(({ transferSize }) => transferSize)"
    )
    studio.open(address)
    studio.wait_until_idle()
    again = studio.browser.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/gray'))"
        ".map(({ transferSize }) => transferSize)"
    )
    assert len(sizes) == len(again) == 1
    assert again == [0]
