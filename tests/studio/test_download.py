"""Downloading a colored photo in each form."""

import io

import numpy as np
import pytest
import requests
import tifffile
from PIL import Image
from psd_tools import PSDImage

from support.pictures import PICTURES

HINTS = '{"format": "chromahint-hints/1", "points": [{"x": 9, "y": 9, "color": "#c04020", "radius": 4}]}'


@pytest.fixture
def download(address):
    """A function that downloads a small photo."""
    photo = requests.post(f"{address}api/photos", PICTURES[3], timeout=60).json()["id"]
    model = requests.get(f"{address}api/config", timeout=60).json()["models"][0]["key"]

    def request(**query):
        url = f"{address}api/photos/{photo}/download"
        return requests.post(url, HINTS, params={"model": model, **query}, timeout=60)

    return request


def opened(response):
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.content))


def test_forms(download):
    assert opened(download(suffix=".jpg", quality=80)).format == "JPEG"
    assert opened(download(suffix=".webp")).format == "WEBP"
    deep = tifffile.imread(io.BytesIO(download(suffix=".tif", bits=16).content))
    assert deep.dtype == np.uint16
    flat = np.array(opened(download(suffix=".png")))
    assert np.abs(deep / 257 - flat).max() < 0.51
    # more shades than 8 bits can have
    assert (deep % 257 != 0).mean() > 0.5
    assert opened(download(suffix=".psd")).size == opened(download(suffix=".png")).size
    color = np.array(opened(download(suffix=".png", content="color")))
    assert (color[..., 2] == 128).all()
    assert color[9, 9, 0] > 150
    width, height = opened(download(suffix=".png")).size
    assert opened(download(suffix=".jpg", content="comparison")).size == (2 * width, height)
    for suffix in (".webp", ".gif"):
        assert opened(download(suffix=suffix, content="animation")).n_frames > 10


@pytest.mark.parametrize(
    "query",
    [
        {"suffix": ".exe"},
        {"suffix": ".gif"},
        {"suffix": ".png", "content": "animation"},
        {"content": "sound"},
        {"quality": "0"},
        {"quality": "101"},
        {"bits": "12"},
    ],
)
def test_unknown_forms(download, query):
    response = download(**query)
    assert response.status_code == 422
    assert next(iter(query)) in response.json()["error"] or "suffix" in response.json()["error"]


def test_the_dialog_downloads_layers(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(0.9, 0.1), studio.click_swatch("brick")))
    studio.click_button("download-as")
    assert studio.browser.evaluate("document.getElementById('download-dialog').open")
    quality = "document.getElementById('download-quality-row').hidden"
    assert not studio.browser.evaluate(quality)
    studio.browser.evaluate("document.querySelector('#download-form [value=layers]').click()")
    assert studio.browser.evaluate(quality)
    studio.browser.evaluate("document.querySelector('#download-form button[value=download]').click()")
    file = studio.browser.wait_for_download(".psd")
    assert file.name == "coffee-colored.psd"
    gray, color = PSDImage.open(file)
    assert np.ptp(gray.numpy("color"), axis=2).max() == 0
    assert np.ptp(color.numpy("color"), axis=2).max() > 0.2


def test_nothing_is_downloaded_after_escape(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(0.9, 0.1))
    studio.click_button("download-as")
    studio.browser.press("Escape")
    assert not studio.browser.evaluate("document.getElementById('download-dialog').open")
    assert [file.suffix for file in studio.downloads.iterdir() if file.suffix != ""] == []
