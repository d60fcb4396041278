"""The page for everyone: axe-core's rules, contrast in both color schemes, forced colors, zoom, and small screens."""

import pytest

from support.axe import violations

SIZES = {
    "desktop": (1280, 800),
    "zoomed to 200 %": (640, 400),
    "phone": (390, 844),
    "phone on its side": (844, 390),
    "narrow": (320, 568),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_violation(studio, address, take_screenshot, size, dark):
    width, height = SIZES[size]
    name = f"{size}, {'dark' if dark else 'light'}"
    studio.open(address, width=width, height=height, dark=dark)
    assert violations(studio) == []
    take_screenshot(f"{name}, first page")
    studio.open_sample()
    take_screenshot(f"{name}, photo")
    studio.click(0.9, 0.1)
    studio.wait_until_idle()
    assert studio.browser.evaluate("document.getElementById('color-menu').checkVisibility()")
    assert violations(studio) == []
    take_screenshot(f"{name}, colors")
    studio.click_button("help")
    assert violations(studio) == []
    take_screenshot(f"{name}, help")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_no_violation_in_an_album(studio, address, album, take_screenshot, size, dark):
    width, height = SIZES[size]
    studio.open(address, width=width, height=height, dark=dark)
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", *album))
    studio.browser.wait_for("document.querySelectorAll('#filmstrip-photos img[src]').length === 3")
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    studio.wait_until_saved()
    studio.browser.press("m")
    studio.browser.wait_for("document.getElementById('count-done').textContent === '1'")
    assert violations(studio) == []
    assert studio.browser.evaluate("document.documentElement.scrollWidth") <= width
    take_screenshot(f"{size}, {'dark' if dark else 'light'}, album")
    for opener, dialog in {"copy-to": "copy-dialog", "download-all": "export-dialog"}.items():
        studio.click_button(opener)
        studio.browser.wait_for(f"document.getElementById('{dialog}').open")
        assert violations(studio) == []
        studio.browser.press("Escape")
    studio.click_button("home")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 3")
    assert violations(studio) == []
    studio.browser.evaluate("document.querySelector('#recent-photos .delete').click()")
    studio.browser.wait_for("document.getElementById('delete-dialog').open")
    assert violations(studio) == []


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


@pytest.mark.parametrize(("width", "height"), [*list(SIZES.values())[1:], (820, 1180)])
def test_the_photo_keeps_half_of_a_small_screen(studio, address, take_screenshot, width, height):
    studio.open(address, width=width, height=height)
    studio.open_sample()
    box = studio.browser.evaluate("document.getElementById('stage').getBoundingClientRect().toJSON()")
    visible = min(box["right"], width) - max(box["left"], 0), min(box["bottom"], height) - max(box["top"], 0)
    assert visible[0] * visible[1] >= width * height / 2
    take_screenshot(f"{width}x{height}")


def test_swatches_keep_their_colors_where_the_system_sets_all_others(studio, address, take_screenshot):
    studio.open(address)
    studio.open_sample()
    shown = (
        "[...document.querySelectorAll('#common-colors button')].map((each) => getComputedStyle(each).backgroundColor)"
    )
    usual = studio.browser.evaluate(shown)
    studio.browser.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    assert studio.browser.evaluate("matchMedia('(forced-colors: active)').matches")
    assert studio.browser.evaluate(shown) == usual
    take_screenshot("forced colors")
