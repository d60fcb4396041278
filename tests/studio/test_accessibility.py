"""The page for everyone: axe-core's rules, contrast in both color schemes, forced colors, zoom, and small screens."""

from pathlib import Path

import axe_core_python
import pytest

AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text()
SIZES = {"desktop": (1280, 800), "zoomed to 200 %": (640, 400), "phone": (390, 844), "narrow": (320, 568)}


def violations(studio):
    """What axe-core objects to, with the elements."""
    studio.browser.evaluate(f"{AXE}; undefined")
    found = studio.browser.evaluate("axe.run().then(({ violations }) => violations)")
    return [(rule["id"], node["html"][:200], node["failureSummary"]) for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_violation(studio, address, size, dark):
    width, height = SIZES[size]
    studio.open(address, width=width, height=height, dark=dark)
    assert violations(studio) == []
    studio.open_sample()
    studio.click(0.9, 0.1)
    studio.wait_until_idle()
    assert violations(studio) == []
    studio.click_button("help")
    assert violations(studio) == []


@pytest.mark.parametrize("size", SIZES)
def test_nothing_is_wider_than_the_screen(studio, address, size):
    width, height = SIZES[size]
    studio.open(address, width=width, height=height)
    assert studio.browser.evaluate("document.documentElement.scrollWidth") <= width
    studio.open_sample()
    assert studio.browser.evaluate("document.documentElement.scrollWidth") <= width
    cut_off = """[...document.querySelectorAll("button, select, input")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth)
        .map((each) => each.outerHTML)"""
    assert studio.browser.evaluate(cut_off) == []


@pytest.mark.parametrize("size", ["phone", "narrow"])
def test_the_photo_keeps_half_of_a_small_screen(studio, address, size):
    width, height = SIZES[size]
    studio.open(address, width=width, height=height)
    studio.open_sample()
    box = studio.browser.evaluate("document.getElementById('stage').getBoundingClientRect().toJSON()")
    visible = min(box["right"], width) - max(box["left"], 0), min(box["bottom"], height) - max(box["top"], 0)
    assert visible[0] * visible[1] >= width * height / 2


def test_swatches_keep_their_colors_where_the_system_sets_all_others(studio, address):
    studio.open(address)
    studio.open_sample()
    shown = (
        "[...document.querySelectorAll('#common-colors button')].map((each) => getComputedStyle(each).backgroundColor)"
    )
    usual = studio.browser.evaluate(shown)
    studio.browser.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    assert studio.browser.evaluate("matchMedia('(forced-colors: active)').matches")
    assert studio.browser.evaluate(shown) == usual
