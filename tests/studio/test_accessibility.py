"""The page for everyone: axe-core's rules, contrast in both color schemes, forced colors, zoom, and small screens."""

import itertools

import pytest

from support.axe import violations

SIZES = {
    "desktop": (1280, 800),
    "zoomed to 200 %": (640, 400),
    "phone": (390, 844),
    "phone on its side": (844, 390),
    "narrow": (320, 568),
}


SCHEMES = {"light": False, "dark": True}
WIDTH = "document.documentElement.scrollWidth"


@pytest.fixture
def find_violations(studio, take_screenshot):
    """`find_violations("help")` checks a state of the page at each size and in each color scheme."""

    def find(state, prepare=lambda: None):
        found = {}
        for (size, (width, height)), (scheme, dark) in itertools.product(SIZES.items(), SCHEMES.items()):
            studio.browser.resize(width, height, dark)
            prepare()
            studio.wait_until_idle()
            found[size, scheme] = violations(studio)
            take_screenshot(f"{size}, {scheme}, {state}")
        return {where: each for where, each in found.items() if each}

    return find


def test_axe_finds_no_violation(studio, find_violations):
    def menu_is_open():
        assert studio.browser.evaluate("document.getElementById('color-menu').checkVisibility()")

    assert find_violations("first page") == {}
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(0.9, 0.1))
    assert find_violations("colors", menu_is_open) == {}
    studio.click_button("help")
    assert find_violations("help") == {}


@pytest.mark.slow
def test_axe_finds_no_violation_in_an_album(studio, album, find_violations):
    def notify():
        assert studio.browser.evaluate(WIDTH) <= studio.browser.evaluate("innerWidth")
        studio.evaluate("import('/assets/dom.js').then(({ notify }) => notify('Marked as done.'))")

    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", *album))
    studio.browser.wait_for("document.querySelectorAll('#filmstrip-photos img[src]').length === 3")
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    studio.wait_until_saved()
    studio.browser.press("m")
    studio.browser.wait_for("document.getElementById('count-done').textContent === '1'")
    assert find_violations("album", notify) == {}
    studio.evaluate("import('/assets/dom.js').then(({ clearNotice }) => clearNotice())")
    for opener, dialog in {"copy-to": "copy-dialog", "download-all": "export-dialog"}.items():
        studio.click_button(opener)
        studio.browser.wait_for(f"document.getElementById('{dialog}').open")
        assert find_violations(dialog) == {}
        studio.browser.press("Escape")
    studio.click_button("home")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 3")
    assert find_violations("recent photos") == {}
    studio.browser.evaluate("document.querySelector('#recent-photos .delete').click()")
    studio.browser.wait_for("document.getElementById('delete-dialog').open")
    assert find_violations("delete-dialog") == {}


def test_album_is_used_with_the_keyboard(studio, album):
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", *album))
    studio.browser.wait_for("document.querySelectorAll('#filmstrip-photos img[src]').length === 3")
    studio.browser.evaluate("document.querySelector('#filmstrip-photos [tabindex=\\'0\\']').focus()")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert studio.browser.evaluate(focused) == "astronaut.jpg"
    studio.browser.press("ArrowRight")
    assert studio.browser.evaluate(focused) == "cat.jpg"
    assert studio.text("photo-name").startswith("astronaut.jpg")
    studio.wait_for_colors(lambda: studio.browser.press("Enter"))
    assert studio.text("photo-name").startswith("cat.jpg")
    studio.wait_for_colors(lambda: studio.browser.press("PageDown"))
    assert studio.text("photo-name").startswith("coffee.jpg")


def test_nothing_is_wider_than_the_screen(studio):
    def widths():
        found = {}
        for width, height in SIZES.values():
            studio.browser.resize(width, height)
            studio.browser.wait_for_frame()
            found[width] = studio.browser.evaluate(WIDTH)
            assert studio.browser.evaluate(cut_off) == []
        return found

    cut_off = """[...document.querySelectorAll("button, select, input")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth)
        .map((each) => each.outerHTML)"""
    assert all(found <= width for width, found in widths().items())
    studio.open_sample()
    assert all(found <= width for width, found in widths().items())


def test_the_photo_keeps_half_of_a_small_screen(studio, take_screenshot):
    studio.open_sample()
    for width, height in [*list(SIZES.values())[1:], (820, 1180)]:
        studio.browser.resize(width, height)
        studio.wait_until_idle()
        box = studio.browser.evaluate("document.getElementById('stage').getBoundingClientRect().toJSON()")
        visible = min(box["right"], width) - max(box["left"], 0), min(box["bottom"], height) - max(box["top"], 0)
        assert visible[0] * visible[1] >= width * height / 2
        take_screenshot(f"{width}x{height}")


def test_swatches_keep_their_colors_where_the_system_sets_all_others(studio, take_screenshot):
    studio.open_sample()
    shown = (
        "[...document.querySelectorAll('#common-colors button')].map((each) => getComputedStyle(each).backgroundColor)"
    )
    usual = studio.browser.evaluate(shown)
    studio.browser.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    assert studio.browser.evaluate("matchMedia('(forced-colors: active)').matches")
    assert studio.browser.evaluate(shown) == usual
    take_screenshot("forced colors")
