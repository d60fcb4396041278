"""Click, then choose: the menu that opens at a new point."""

import itertools

import numpy as np
import pytest
from skimage.color import rgb2lab

POINT, OTHER = (0.9, 0.1), (0.3, 0.75)
IS_OPEN = "!document.getElementById('color-menu').hidden"
SUGGESTED = "[...document.querySelectorAll('#menu-suggested button')].map((each) => ({ ...each.dataset }))"
FOCUSED = "document.activeElement.title || document.activeElement.id"


def center(studio, selector):
    box = studio.browser.evaluate(f"document.querySelector({selector!r}).getBoundingClientRect().toJSON()")
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def ab(color):
    return rgb2lab([int(color[n : n + 2], 16) / 255 for n in (1, 3, 5)])[1:]


def point_color(studio):
    return ab(studio.save_session().points[-1].color)


@pytest.fixture
def menu(studio):
    """The studio with a new point and its menu, with suggestions."""
    studio.open_sample("astronaut")
    studio.click(*OTHER)
    studio.browser.wait_for(f"{IS_OPEN} && {SUGGESTED}.length > 0")
    studio.wait_until_idle()
    return studio


def test_menu_opens_beside_the_point_inside_of_the_stage(studio):
    studio.open_sample("astronaut")
    sizes = ((1280, 800), (640, 400), (390, 844), (320, 568))
    places = ((0.03, 0.03), (0.97, 0.03), (0.5, 0.5), (0.03, 0.97), (0.97, 0.97))
    for size, place in itertools.product(sizes, places):
        studio.browser.resize(*size)
        studio.browser.wait_for_frame()
        studio.click(*place)
        studio.browser.wait_for(f"{IS_OPEN} && {SUGGESTED}.length > 0")
        box, stage = studio.browser.evaluate(
            "['color-menu', 'stage'].map((id) => document.getElementById(id).getBoundingClientRect().toJSON())"
        )
        assert stage["left"] <= box["left"] < box["right"] <= stage["right"]
        assert stage["top"] <= box["top"] < box["bottom"] <= stage["bottom"]
        assert box["height"] > 80
        x, y = studio.page_position(*place)
        assert not (box["left"] < x < box["right"] and box["top"] < y < box["bottom"])
        studio.browser.press("Escape")
        studio.browser.wait_for(f"!({IS_OPEN})")


def test_new_point_takes_the_first_suggestion_until_a_color_was_chosen(menu):
    [best, *_] = menu.browser.evaluate(SUGGESTED)
    assert point_color(menu) == pytest.approx([float(best["a"]), float(best["b"])], abs=3)
    menu.wait_for_colors(lambda: menu.browser.press("z", modifiers=2))
    assert menu.annotation_count() == 0  # the point and its color are one step
    menu.wait_for_colors(lambda: (menu.click(*POINT), menu.click_swatch("denim")))
    menu.wait_for_colors(lambda: menu.click(*OTHER))
    first, second = (ab(each.color) for each in menu.save_session().points)
    assert second == pytest.approx(first, abs=12)  # as far as a screen can show it there
    assert second[1] < -10


def test_click_shows_no_foreign_color_before_the_suggestion(studio):
    studio.open_sample("astronaut")
    visible = studio.lab_color(*OTHER)[1:]
    studio.browser.evaluate("""
      window.plain = window.fetch;
      window.fetch = (address, ...more) =>
        address.includes("suggestions") ? new Promise(() => {}) : plain(address, ...more);
    """)
    studio.wait_for_colors(lambda: studio.click(*OTHER))
    assert point_color(studio) == pytest.approx(visible, abs=6)
    assert studio.lab_color(*OTHER)[1:] == pytest.approx(visible, abs=6)


def test_hovering_previews_and_a_click_commits_one_step(menu):
    before = menu.lab_color(*OTHER)[1:]
    denim = "#menu-named button:nth-child(6)"
    menu.browser.evaluate("document.querySelector('#menu-tabs button:nth-child(3)').click()")
    assert menu.browser.evaluate(f"document.querySelector('{denim}').title") == "denim"
    menu.wait_for_colors(lambda: menu.browser.mouse(*center(menu, denim)))
    assert menu.lab_color(*OTHER)[2] < before[1] - 8
    menu.wait_for_colors(lambda: menu.browser.mouse(*menu.page_position(0.5, 0.3)))
    assert menu.lab_color(*OTHER)[1:] == pytest.approx(before, abs=1)
    menu.wait_for_colors(lambda: menu.browser.drag(center(menu, denim)))
    assert not menu.browser.evaluate(IS_OPEN)
    assert menu.lab_color(*OTHER)[2] < before[1] - 8
    menu.wait_for_colors(lambda: menu.browser.press("z", modifiers=2))
    assert menu.annotation_count() == 1
    assert menu.lab_color(*OTHER)[1:] == pytest.approx(before, abs=1)


def test_choosing_the_color_that_the_point_has_is_no_step(menu):
    menu.browser.drag(center(menu, "#menu-suggested button"))
    assert not menu.browser.evaluate(IS_OPEN)
    menu.wait_for_colors(lambda: menu.browser.press("z", modifiers=2))
    assert menu.annotation_count() == 0


def test_escape_takes_back_the_preview_and_the_point(menu):
    menu.wait_for_colors(lambda: menu.browser.mouse(*center(menu, "#menu-named button:last-child")))
    menu.wait_for_colors(lambda: menu.browser.press("Escape"))
    assert menu.annotation_count() == 0
    assert not menu.browser.evaluate(IS_OPEN)
    menu.wait_for_colors(lambda: menu.browser.press("z", modifiers=10))
    assert menu.annotation_count() == 1


def test_a_click_elsewhere_keeps_the_color_and_dragging_opens_nothing(menu):
    before = point_color(menu)
    menu.wait_for_colors(lambda: menu.click(0.9, 0.2))
    assert menu.browser.evaluate(IS_OPEN)
    assert menu.annotation_count() == 2
    menu.wait_for_colors(lambda: menu.browser.drag(*(menu.page_position(x, 0.2) for x in (0.9, 0.85, 0.8))))
    assert not menu.browser.evaluate(IS_OPEN)
    first, _ = menu.save_session().points
    assert ab(first.color) == pytest.approx(before, abs=0.5)
    menu.browser.press("b")
    menu.wait_for_colors(lambda: menu.browser.drag(*(menu.page_position(x, 0.4) for x in (0.5, 0.55, 0.6))))
    assert menu.annotation_count() == 3
    assert not menu.browser.evaluate(IS_OPEN)


def test_hex_field_previews_and_commits(menu):
    menu.browser.evaluate("document.getElementById('menu-hex').focus()")
    for key in "#1f4":
        menu.browser.press(key)
    assert menu.browser.evaluate("document.getElementById('menu-hex').getAttribute('aria-invalid')") == "false"
    for key in "f9z":
        menu.browser.press(key)
    assert menu.browser.evaluate("document.getElementById('menu-hex').getAttribute('aria-invalid')") == "true"
    menu.browser.press("Enter")
    assert menu.browser.evaluate(IS_OPEN)
    menu.browser.evaluate(
        "(() => { const field = document.getElementById('menu-hex'); field.value = '1F4f99';"
        "field.dispatchEvent(new Event('input')); })()"
    )
    menu.wait_for_colors(lambda: menu.browser.press("Enter"))
    assert not menu.browser.evaluate(IS_OPEN)
    found, wanted = point_color(menu), ab("#1f4f99")
    assert np.dot(found, wanted) > 0.95 * np.linalg.norm(found) * np.linalg.norm(wanted)
    assert np.linalg.norm(found) > 15


def test_keyboard_adds_a_point_and_chooses_its_color(studio):
    studio.open_sample("astronaut")
    studio.browser.evaluate("document.getElementById('stage').focus()")
    studio.browser.press("ArrowRight")
    studio.browser.press("Enter")
    studio.browser.wait_for(f"{IS_OPEN} && {SUGGESTED}.length > 1")
    assert studio.browser.evaluate(FOCUSED) == "color-menu"
    studio.browser.press("ArrowRight")
    assert studio.browser.evaluate(FOCUSED) == "suggested"
    studio.browser.press("Tab")
    assert studio.browser.evaluate(FOCUSED) == "Skin"
    studio.browser.press("ArrowRight")
    studio.browser.press("ArrowRight")
    assert studio.browser.evaluate(FOCUSED) == "Cloth and uniforms"
    studio.browser.press("Tab")
    assert studio.browser.evaluate(FOCUSED) == "cream"
    for _ in range(5):
        studio.browser.press("ArrowRight")
    assert studio.browser.evaluate(FOCUSED) == "denim"
    studio.wait_for_colors(lambda: studio.browser.press("Enter"))
    assert not studio.browser.evaluate(IS_OPEN)
    assert studio.browser.evaluate(FOCUSED) == "stage"
    assert point_color(studio)[1] < -8
    # the cursor is still there: Enter picks the point up
    studio.browser.press("Enter")
    studio.wait_for_colors(lambda: [studio.browser.press("ArrowDown") for _ in range(5)])
    studio.browser.press("Enter")
    assert studio.annotation_count() == 1


def test_more_leads_to_the_side_panel(menu):
    menu.click_button("menu-more")
    assert not menu.browser.evaluate(IS_OPEN)
    assert menu.browser.evaluate(FOCUSED) == "color-plane"
    before = point_color(menu)
    menu.wait_for_colors(lambda: [menu.browser.press("ArrowUp") for _ in range(4)])
    assert point_color(menu)[1] > before[1] + 4
