"""The mood of a photo: palettes from a second picture, in the page and over HTTP."""

import io
import json

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab
from starlette.testclient import TestClient

from chromahint import Colorizer
from chromahint.hints.annotations import Annotations, PaletteColor, Point
from chromahint.studio.app import create_app
from chromahint.studio.model_list import ModelList

STRIPES = np.zeros((60, 100, 3), np.uint8)
STRIPES[:, :70], STRIPES[:, 70:] = (200, 60, 40), (40, 70, 200)


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(ModelList([]), "cpu"), base_url="http://127.0.0.1:8765") as client:
        yield client


def encode(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def ab(color):
    return rgb2lab(np.array([[[int(color[n : n + 2], 16) for n in (1, 3, 5)]]], np.uint8))[0, 0, 1:]


def test_palette_of_a_picture_has_its_colors_and_their_shares(client):
    palette = client.post("/api/palette", content=encode(STRIPES)).json()
    assert [each["weight"] for each in palette] == pytest.approx([0.7, 0.3], abs=0.02)
    for each, color in zip(palette, ("#c83c28", "#2846c8"), strict=True):
        assert ab(each["color"]) == pytest.approx(ab(color), abs=1.5)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "the file is empty"), (b"no picture", "not an image in a supported format")]
)
def test_a_palette_needs_a_picture(client, content, reason):
    refused = client.post("/api/palette", content=content)
    assert refused.status_code == 422
    assert refused.json()["error"] == f"The picture: {reason}"


@pytest.mark.parametrize(("model", "has_palette"), [("pretrained", True), ("levin", False)])
def test_networks_without_palettes_ignore_them(client, model, has_palette):
    coffee = data.coffee()[100:200, 150:280]
    photo = client.post("/api/photos?name=a.png", content=encode(coffee)).json()["id"]
    points = [{"x": 40, "y": 30, "color": "#c04020", "radius": 3}]
    palette = [{"color": "#2846c8", "weight": 2}, {"color": "#30c040"}]
    hints = {"format": "chromahint-hints/2", "points": points, "palette": palette}
    parsed = client.post(f"/api/photos/{photo}/hints", content=json.dumps(hints)).json()
    assert parsed["palette"] == [{"color": "#2846c8", "weight": 2.0}, {"color": "#30c040", "weight": 1.0}]

    downloaded = client.post(f"/api/photos/{photo}/download?model={model}", content=json.dumps(hints))
    colors = (PaletteColor("#2846c8", 2), PaletteColor("#30c040")) if has_palette else ()
    expected = Annotations((Point(40, 30, "#c04020", 3),), palette=colors)
    colored = Colorizer.load(model).colorize(coffee, expected)
    assert np.array_equal(np.array(Image.open(io.BytesIO(downloaded.content))), colored)


def choose_file(studio, box, content):
    """Choose a file in a file box of the page."""
    bytes_ = ",".join(map(str, content))
    studio.browser.evaluate(
        f"""(() => {{
          const transfer = new DataTransfer();
          transfer.items.add(new File([new Uint8Array([{bytes_}])], "second.png"));
          const box = document.getElementById("{box}");
          box.files = transfer.files;
          box.dispatchEvent(new Event("change"));
        }})()"""
    )


def strip(studio):
    """The labels of the colors in the strip."""
    return studio.browser.evaluate(
        "[...document.querySelectorAll('#palette-strip button')].map((each) => each.getAttribute('aria-label'))"
    )


def test_the_mood_comes_from_a_second_picture_and_can_be_edited(studio):
    studio.open_sample()
    before = rgb2lab(studio.pixels()[..., :3])[..., 1:].mean(axis=(0, 1))
    studio.wait_for_colors(lambda: choose_file(studio, "palette-file", encode(STRIPES[:, 70:])))
    assert len(strip(studio)) == 1
    after = rgb2lab(studio.pixels()[..., :3])[..., 1:].mean(axis=(0, 1))
    assert after[1] < before[1] - 1  # it became bluer
    studio.click_swatch("gold")
    studio.wait_for_colors(lambda: studio.click_button("palette-add"))
    assert [label.partition(", ")[2] for label in strip(studio)] == ["50% of the photo", "50% of the photo"]
    studio.wait_for_colors(
        lambda: studio.browser.evaluate(
            """(() => {
              const share = document.getElementById("palette-share");
              share.value = 80;
              for (const type of ["input", "change"]) share.dispatchEvent(new Event(type));
            })()"""
        )
    )
    saved = studio.save_session().palette
    assert [each.weight / sum(other.weight for other in saved) for each in saved] == pytest.approx([0.2, 0.8], abs=0.01)
    assert ab(saved[1].color)[1] > 40
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    assert len(strip(studio)) == 1
    studio.wait_for_colors(lambda: studio.click_button("palette-clear"))
    assert strip(studio) == []
    assert rgb2lab(studio.pixels()[..., :3])[..., 1:].mean(axis=(0, 1)) == pytest.approx(before, abs=0.2)
