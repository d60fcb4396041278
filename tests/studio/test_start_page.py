"""The first page: samples that wipe from gray to color, its font, and where messages are shown."""

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from skimage import data
from skimage.color import rgb2lab

import chromahint.studio
from chromahint.studio.model_list import SAMPLES

PICTURES = Path(chromahint.studio.__file__).parent / "assets" / "samples"
WIPE = "document.querySelector('#samples button[value={}] .wipe')"
POSITION = "parseFloat(getComputedStyle({}).getPropertyValue('--wipe'))"
REST = "document.getAnimations().forEach((each) => each.finish())"


@pytest.fixture
def coffee(studio):
    """Where the picture of a sample is, once the animation at the start is over."""
    studio.browser.wait_for("[...document.querySelectorAll('#samples img')].every(({ complete }) => complete)")
    studio.browser.evaluate(REST)
    return studio.browser.evaluate(f"{WIPE.format('coffee')}.getBoundingClientRect().toJSON()")


@contextlib.contextmanager
def touch_screen(studio):
    studio.browser.call("Emulation.setTouchEmulationEnabled", enabled=True)
    yield
    studio.browser.call("Emulation.setTouchEmulationEnabled", enabled=False)


def position(studio, sample="coffee"):
    studio.browser.evaluate(REST)
    return studio.browser.evaluate(POSITION.format(WIPE.format(sample)))


def colorfulness(studio, box, start, end):
    """Mean chroma of a part of a picture on the screen, from left to right."""
    screen = np.array(Image.open(io.BytesIO(studio.browser.screenshot())).convert("RGB"))
    left, width = box["left"], box["width"]
    rows = slice(round(box["top"] + 10), round(box["bottom"] - 10))
    part = screen[rows, round(left + start * width) : round(left + end * width)]
    return np.hypot(*np.moveaxis(rgb2lab(part)[..., 1:], 2, 0)).mean()


def test_samples_are_half_in_color(studio, coffee):
    assert position(studio) == 50
    assert colorfulness(studio, coffee, 0.05, 0.47) > 12
    assert colorfulness(studio, coffee, 0.53, 0.95) < 1


def test_pointer_moves_the_line_and_leaving_takes_it_back(studio, coffee):
    middle = (coffee["top"] + coffee["bottom"]) / 2
    studio.browser.mouse(coffee["left"] + 0.9 * coffee["width"], middle)
    assert position(studio) == pytest.approx(90, abs=1)
    assert colorfulness(studio, coffee, 0.53, 0.85) > 12
    studio.browser.mouse(5, 5)
    assert position(studio) == 50


def test_finger_moves_the_line(studio, coffee):
    middle = (coffee["top"] + coffee["bottom"]) / 2
    with touch_screen(studio):
        for kind, share in (("touchStart", 0.5), ("touchMove", 0.4), ("touchMove", 0.3), ("touchMove", 0.25)):
            touch = {"x": coffee["left"] + share * coffee["width"], "y": middle}
            studio.browser.call("Input.dispatchTouchEvent", type=kind, touchPoints=[touch])
        assert position(studio) == pytest.approx(25, abs=8)
        studio.browser.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        assert position(studio) == 50
    assert studio.browser.evaluate("document.body.classList.contains('start-page-open')")


def test_tap_opens_the_sample(studio, coffee):
    with touch_screen(studio):
        studio.browser.touch([(coffee["left"] + 50, coffee["top"] + 50)])
        studio.browser.wait_for("!document.body.classList.contains('start-page-open')")


def test_keys_move_the_line_and_open_the_sample(studio, coffee):
    studio.browser.evaluate("document.querySelector('#samples button[value=chelsea]').focus()")
    studio.browser.press("Tab")
    assert studio.browser.evaluate("document.activeElement.value") == "coffee"
    assert position(studio) == 100
    for _ in range(3):
        studio.browser.press("ArrowLeft")
    assert position(studio) == 70
    studio.browser.press("Enter")
    studio.browser.wait_for("!document.body.classList.contains('start-page-open')")
    assert studio.text("photo-name").startswith("coffee.png")


def test_nothing_moves_for_people_who_prefer_that(studio, address):
    studio.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    studio.browser.evaluate("document.getElementById('home').click()")
    studio.browser.wait_for("document.querySelectorAll('#samples .wipe').length === 4")
    assert studio.browser.evaluate("document.getAnimations().length") == 0
    assert studio.browser.evaluate(POSITION.format(WIPE.format("coffee"))) == 50


@pytest.mark.parametrize("name", SAMPLES)
def test_pictures_of_the_samples_show_the_samples(name):
    """Each has the gray of its photo, cut to the same shape: only color was added."""
    shown = np.array(Image.open(PICTURES / f"{name}.webp").convert("L"), float)
    photo = Image.fromarray(getattr(data, name)()).convert("L")
    expected = np.array(ImageOps.fit(photo, shown.shape[::-1], Image.Resampling.LANCZOS), float)
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.97


def test_text_is_in_the_font_that_comes_with_the_page(studio):
    loaded = "document.fonts.ready.then(() => [...document.fonts].filter((each) => each.status === 'loaded').length)"
    assert studio.browser.evaluate(loaded) == 1  # the rest is for names with other letters
    node = studio.browser.call("DOM.getDocument")["root"]["nodeId"]
    title = studio.browser.call("DOM.querySelector", nodeId=node, selector="#start-page h2")["nodeId"]
    studio.browser.call("CSS.enable")
    fonts = studio.browser.call("CSS.getPlatformFontsForNode", nodeId=title)["fonts"]
    assert [font["isCustomFont"] for font in fonts] == [True]


def test_page_has_three_sizes_of_text_and_a_headline(studio):
    studio.open_sample()
    sizes = studio.browser.evaluate(
        "[...new Set([...document.querySelectorAll('body *')].filter((each) => each.checkVisibility()"
        " && [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))"
        ".map((each) => getComputedStyle(each).fontSize))]"
    )
    assert set(sizes) <= {"13px", "15px", "20.8px"}


def test_messages_cover_nothing(studio):
    studio.open_sample()
    covered = """(() => {
        const box = document.getElementById("notice").getBoundingClientRect();
        return [...document.querySelectorAll("button, input, select, #stage, h1")].filter((each) => {
            const other = each.getBoundingClientRect();
            return each.checkVisibility() && other.left < box.right && other.right > box.left
                && other.top < box.bottom - 2 && other.bottom > box.top;
        }).map(({ id }) => id);
    })()"""
    for size in ((1280, 800), (390, 844), (844, 390), (320, 568)):
        studio.browser.resize(*size)
        studio.browser.press("x")
        studio.browser.wait_for("getComputedStyle(document.getElementById('notice')).opacity === '1'")
        assert studio.browser.evaluate(covered) == []
        assert studio.browser.evaluate("document.getElementById('notice').getBoundingClientRect().right <= innerWidth")
