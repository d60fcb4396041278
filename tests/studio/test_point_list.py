"""The list of points and strokes, and the ring of the brush."""

import shutil

import numpy as np
import pytest

ROWS = "[...document.querySelectorAll('#point-list li')]"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """A folder for the work of `listed`, which is done once."""
    return tmp_path_factory.mktemp("work") / "project"


@pytest.fixture
def listed(studio, server, work):
    """Two points and a stroke, in the open list."""
    if work.exists():
        shutil.copytree(work, server.project, dirs_exist_ok=True)
        studio.open(studio.address)
        studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 1")
        first = "document.querySelector('#recent-photos li > button').click()"
        studio.wait_for_colors(lambda: studio.browser.evaluate(first))
    else:
        add_marks(studio)
        studio.wait_until_saved()
        shutil.copytree(server.project, work)
    studio.browser.evaluate("document.querySelector('#points summary').click()")
    studio.browser.wait_for(f"{ROWS}.length === 3")
    return studio


def add_marks(studio):
    studio.open_sample()
    for x, y, color in ((0.2, 0.3, "brick"), (0.8, 0.8, "sky")):
        studio.wait_for_colors(lambda x=x, y=y: studio.click(x, y))
        studio.wait_for_colors(lambda color=color: studio.click_swatch(color))
        studio.browser.press("Escape")
    studio.browser.press("b")
    path = [studio.page_position(x, 0.6) for x in (0.4, 0.5, 0.6)]
    studio.wait_for_colors(lambda: studio.browser.drag(*path))
    studio.browser.press("p")


def names(studio):
    return studio.browser.evaluate(f"{ROWS}.map((each) => each.querySelector('.name').textContent)")


def in_row(studio, row, script):
    """Do something with the row of a mark."""
    return studio.browser.evaluate(f"(({{ row }}) => {script})({{ row: {ROWS}[{row}] }})")


def saved(studio):
    annotations = studio.save_session()
    return [*annotations.points, *annotations.strokes]


def test_list_is_closed_at_first_and_counts(studio):
    studio.open_sample()
    assert not studio.browser.evaluate("document.getElementById('points').open")
    assert studio.text("point-count") == ""
    studio.wait_for_colors(lambda: studio.click(0.5, 0.5))
    assert studio.text("point-count") == "(1)"


def test_marks_have_their_colors_and_names(listed):
    assert names(listed) == ["brick", "sky", "sky"]
    swatches = listed.browser.evaluate(
        f"{ROWS}.map((each) => getComputedStyle(each.querySelector('.swatch')).backgroundColor)"
    )
    red, blue = (np.array([int(each) for each in swatch[4:-1].split(",")]) for swatch in swatches[:2])
    assert red.argmax() == 0
    assert blue.argmax() == 2
    listed.wait_for_colors(lambda: listed.click_button("undo"))
    listed.browser.wait_for(f"{ROWS}.length === 2")
    listed.browser.press("g")  # nothing is selected: this is for new points
    listed.browser.press("g")
    in_row(listed, 0, "row.querySelector('.name').click()")
    listed.wait_for_colors(lambda: listed.browser.press("g"))
    assert names(listed) == ["Keep gray", "sky"]


def test_click_selects_and_hovering_marks_a_point_on_the_photo(listed):
    before = listed.pixels("overlay")
    in_row(listed, 1, "row.dispatchEvent(new PointerEvent('pointerenter'))")
    listed.browser.wait_for_frame()
    changed = np.argwhere((listed.pixels("overlay") != before).any(axis=2))
    left, top = listed.browser.evaluate(
        "(({left, top}) => [left, top])(document.getElementById('stage').getBoundingClientRect())"
    )
    x, y = listed.page_position(0.8, 0.8)
    assert np.abs(changed - [y - top, x - left]).max() < 40
    in_row(listed, 1, "row.dispatchEvent(new PointerEvent('pointerleave'))")
    listed.browser.wait_for_frame()
    assert np.array_equal(listed.pixels("overlay"), before)
    in_row(listed, 0, "row.querySelector('.name').click()")
    assert listed.browser.evaluate(f"{ROWS}.map((each) => each.classList.contains('selected'))") == [True, False, False]
    assert listed.browser.evaluate("document.getElementById('remove-selected').checkVisibility()")


def test_eye_switches_a_point_off_and_on(listed):
    colored = listed.lab_color(0.25, 0.3)
    eye = "row.querySelector('[aria-pressed]')"
    assert in_row(listed, 0, f"{eye}.getAttribute('aria-pressed')") == "true"
    listed.wait_for_colors(lambda: in_row(listed, 0, f"{eye}.click()"))
    assert in_row(listed, 0, f"{eye}.getAttribute('aria-pressed')") == "false"
    off = listed.lab_color(0.25, 0.3)
    assert colored[1] - off[1] > 5
    listed.wait_for_colors(lambda: in_row(listed, 0, f"{eye}.click()"))
    assert listed.lab_color(0.25, 0.3) == pytest.approx(colored, abs=0.5)


def test_strength_is_one_step_to_undo(listed):
    slide = (
        "[80, 55, 30].forEach((value) => { const slider = row.querySelector('input'); slider.value = value;"
        "slider.dispatchEvent(new Event('input')); if (value === 30) slider.dispatchEvent(new Event('change')); })"
    )
    colored = listed.lab_color(0.25, 0.3)
    listed.wait_for_colors(lambda: in_row(listed, 0, slide))
    assert saved(listed)[0].strength == pytest.approx(0.3)
    assert colored[1] - listed.lab_color(0.25, 0.3)[1] > 3
    listed.wait_for_colors(lambda: listed.click_button("undo"))
    assert in_row(listed, 0, "row.querySelector('input').value") == "100"
    assert saved(listed)[0].strength == 1


def test_removing_moves_the_focus_to_what_follows(listed):
    remove = "row.querySelector('button:last-child')"
    listed.wait_for_colors(lambda: in_row(listed, 0, f"{remove}.click()"))
    assert names(listed) == ["sky", "sky"]
    assert in_row(listed, 0, f"document.activeElement === {remove}")
    for _ in range(2):
        listed.wait_for_colors(lambda: in_row(listed, 0, f"{remove}.click()"))
    assert names(listed) == []
    assert listed.browser.evaluate("document.activeElement.matches('#points summary')")


def test_ring_has_the_size_of_the_brush_and_follows_the_pointer(studio):
    studio.open_sample()
    ring = "document.getElementById('brush-ring').getBoundingClientRect().toJSON()"
    visible = "document.getElementById('brush-ring').checkVisibility()"
    set_size = (
        "((size) => { size.value = 70; size.dispatchEvent(new Event('input')); })(document.getElementById('size'))"
    )
    studio.browser.evaluate(set_size)
    x, y = studio.page_position(0.4, 0.6)
    studio.browser.mouse(x, y)
    studio.browser.wait_for(visible)
    box = studio.browser.evaluate(ring)
    assert (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2) == pytest.approx((x, y), abs=1)
    studio.browser.press("b")
    studio.wait_for_colors(lambda: studio.browser.drag((x, y), (x + 20, y)))
    [stroke] = studio.save_session().strokes
    scale = (studio.page_position(1, 0)[0] - studio.page_position(0, 0)[0]) / 600
    assert box["width"] == pytest.approx(2 * stroke.radius * scale, abs=1)
    studio.browser.press("h")
    assert not studio.browser.evaluate(visible)
    studio.browser.press("b")
    studio.browser.mouse(*studio.page_position(0.3, 0.3))
    assert studio.browser.evaluate(visible)
    studio.browser.mouse(3, 3)
    assert not studio.browser.evaluate(visible)
