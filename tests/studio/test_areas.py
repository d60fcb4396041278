"""Where a color goes: limited to a part that is found or drawn, and erased."""

import cv2
import numpy as np
import pytest

SUIT, SKY = (0.3, 0.85), (0.93, 0.05)


def add_orange(studio):
    studio.wait_for_colors(lambda: (studio.click(*SUIT), studio.click_swatch("orange")))


def change(studio, before, x, y):
    return np.linalg.norm(studio.lab_color(x, y)[1:] - before[1:])


def choose(studio, value):
    studio.wait_for_colors(
        lambda: studio.browser.evaluate(f"document.querySelector('#area-choice [value={value}]').click()")
    )


def drag(studio, *path):
    studio.browser.drag(*(studio.page_position(*place) for place in path))


def area_of_point(studio):
    studio.wait_until_saved()
    return studio.save_session().points[0].area


def test_a_color_stays_in_a_part_that_grows_with_each_press(studio):
    studio.open_sample("astronaut")
    add_orange(studio)
    assert studio.browser.evaluate("document.querySelector('#area-choice [aria-pressed=true]').value") == "everywhere"
    sizes = []
    for _ in range(2):
        choose(studio, "part")
        area = np.array(area_of_point(studio), np.float32)
        sizes.append(cv2.contourArea(area))
        assert cv2.pointPolygonTest(area, (SUIT[0] * 512, SUIT[1] * 512), False) >= 0
    assert sizes[1] > 1.2 * sizes[0] > 100
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    assert cv2.contourArea(np.array(area_of_point(studio), np.float32)) == pytest.approx(sizes[0])
    studio.browser.press("Escape")
    assert studio.browser.evaluate("document.getElementById('area').hidden")


def test_a_color_stays_inside_of_a_drawn_outline(studio):
    studio.open_sample("astronaut")
    inside, outside = (0.3, 0.8), (0.45, 0.85)
    before = studio.lab_color(*inside), studio.lab_color(*outside)
    add_orange(studio)
    assert change(studio, before[1], *outside) > 10
    studio.browser.press("l")
    outline = (0.2, 0.7), (0.38, 0.7), (0.38, 0.97), (0.2, 0.97), (0.2, 0.72)
    studio.wait_for_colors(lambda: drag(studio, *outline))
    assert change(studio, before[1], *outside) < 4
    assert change(studio, before[0], *inside) > 20
    assert np.allclose(np.array(area_of_point(studio)).min(axis=0) / 512, (0.2, 0.7), atol=0.03)
    # a point that is dragged out of its area counts everywhere again
    studio.wait_for_colors(lambda: drag(studio, SUIT, (0.5, 0.9)))
    assert area_of_point(studio) is None


def test_a_new_point_is_limited_even_if_its_suggested_color_comes_meanwhile(studio):
    studio.open_sample("astronaut")
    studio.wait_for_colors(lambda: (studio.click(*SUIT), studio.click_button("menu-this-part")))
    assert len(area_of_point(studio)) > 3


def test_the_menu_of_a_new_point_limits_it_before_its_color_is_chosen(studio):
    studio.open_sample("astronaut")
    studio.wait_for_colors(lambda: studio.click(*SUIT))
    studio.wait_for_colors(lambda: studio.click_button("menu-this-part"))
    assert not studio.browser.evaluate("document.getElementById('color-menu').hidden")
    studio.wait_for_colors(lambda: studio.click_swatch("orange"))
    assert len(area_of_point(studio)) > 3
    # one step back: the point and its area were one action
    studio.browser.press("z", modifiers=2)
    studio.browser.press("z", modifiers=2)
    assert studio.annotation_count() == 0


def test_the_eraser_takes_colors_back_for_good(studio, second):
    studio.open_sample("astronaut")
    place = (0.4, 0.9)
    before = studio.lab_color(*place)
    add_orange(studio)
    assert change(studio, before, *place) > 15
    studio.browser.press("Escape")
    for _ in range(8):
        studio.browser.press("]")
    studio.browser.press("e")
    studio.wait_for_colors(lambda: drag(studio, (0.36, 0.9), (0.44, 0.9)))
    assert change(studio, before, *place) < 5
    assert studio.lab_color(0.3, 0.9)[2] > 25
    session = studio.save_session()
    assert [stroke.color for stroke in session.strokes] == [None]
    studio.wait_until_saved()
    # it is there again in a browser that has never seen it
    second.open(second.address)
    second.wait_for_colors(lambda: second.browser.evaluate("document.querySelector('#recent-photos button').click()"))
    assert second.annotation_count() == 2
    assert change(second, before, *place) < 5
    assert second.lab_color(0.3, 0.9)[2] > 25
