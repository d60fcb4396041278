"""Input by keyboard, touch, and wheel; screen sizes; accessibility."""

import numpy as np
import pytest
from skimage.color import rgb2lab

OUTSIDE = (0.5, -0.03)  # of the photo, which selects nothing


def test_keyboard_adds_and_removes_points(studio):
    studio.open_sample()
    studio.browser.evaluate("document.getElementById('stage').focus()")
    studio.browser.press("ArrowRight")
    studio.wait_for_colors(lambda: studio.browser.press("Enter"))
    assert studio.annotation_count() == 1
    studio.browser.press("?")
    assert studio.browser.evaluate("document.getElementById('help-dialog').open")
    studio.browser.press("Escape")
    studio.wait_for_colors(lambda: studio.browser.press("Delete"))
    assert studio.text("annotation-count") == "No points yet."


def test_page_fits_the_screen(studio):
    studio.open_sample()
    for width, height in ((1400, 900), (820, 1180), (390, 844)):
        studio.browser.resize(width, height)
        studio.browser.wait_for_frame()
        assert studio.browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if width > 700:  # on a phone, the colors are below the photo
            assert studio.browser.evaluate("document.documentElement.scrollHeight <= innerHeight")
        stage = studio.browser.evaluate(
            "(({width, height}) => [width, height])(document.getElementById('stage').getBoundingClientRect())"
        )
        assert min(stage) > 240


def overlay_width(studio):
    """Return the distance of the leftmost and rightmost overlay pixels, which grows with the zoom."""
    return studio.browser.evaluate(
        "(() => { const canvas = document.getElementById('overlay'), { width, height } = canvas;"
        "const pen = new OffscreenCanvas(width, height).getContext('2d'); pen.drawImage(canvas, 0, 0);"
        "const { data } = pen.getImageData(0, 0, width, height); let left = width, right = 0;"
        "for (let n = 0; n < width * height; n++) if (data[4 * n + 3] > 200) {"
        "left = Math.min(left, n % width); right = Math.max(right, n % width); } return right - left; })()"
    )


@pytest.fixture
def two_points(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(0.45, 0.5), studio.click(0.55, 0.5)))
    studio.click(*OUTSIDE)
    studio.browser.wait_for_frame()
    return overlay_width(studio)


def test_wheel_zooms_around_pointer_and_move_tool_pans(studio, two_points):
    x, y = studio.page_position(0.5, 0.5)
    studio.browser.wheel(x, y, -400)
    studio.browser.wait_for_frame()
    zoomed = overlay_width(studio)
    assert zoomed > 1.5 * two_points
    studio.browser.press("0")
    studio.browser.wait_for_frame()
    assert overlay_width(studio) == pytest.approx(two_points, abs=1)
    before = studio.pixels()
    studio.browser.press("h")
    studio.browser.drag((x, y), (x + 80, y + 30))
    studio.browser.wait_for_frame()
    assert studio.annotation_count() == 2
    studio.wait_until_idle()  # it is drawn at full resolution
    assert np.abs(np.roll(before, (30, 80), axis=(0, 1)).astype(int) - studio.pixels())[100:-100, 100:-100].mean() < 2


def test_touch_adds_points_pinches_and_pans(studio, two_points):
    x, y = studio.page_position(0.5, 0.5)
    studio.wait_for_colors(lambda: studio.browser.touch([studio.page_position(0.3, 0.3)]))
    assert studio.annotation_count() == 3
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    studio.browser.touch(
        [(x - 40, y)], [(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)], [(x - 120, y), (x + 120, y)]
    )
    studio.browser.wait_for_frame()
    assert studio.annotation_count() == 2  # the first finger did not add a point
    assert overlay_width(studio) == pytest.approx(3 * (two_points - 13) + 13, rel=0.1)
    studio.browser.touch([(x, y), (x + 100, y)], [(x + 30, y), (x + 130, y)])
    studio.browser.wait_for_frame()
    assert overlay_width(studio) == pytest.approx(3 * (two_points - 13) + 13, rel=0.1)
    assert studio.annotation_count() == 2


def test_keyboard_selects_and_moves_points(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(0.3, 0.5), studio.click(0.6, 0.5)))
    before = studio.save_session().points
    studio.click(*OUTSIDE)
    studio.browser.press(".")
    studio.browser.press("Enter")
    studio.wait_for_colors(lambda: [studio.browser.press("ArrowDown") for _ in range(5)])
    studio.browser.press("Enter")
    after = studio.save_session().points
    assert after[0].y > before[0].y + 10
    assert after[0].x == pytest.approx(before[0].x, abs=0.1)
    assert after[1] == before[1]
    studio.browser.press("Enter")
    studio.browser.press("ArrowUp")
    studio.wait_for_colors(lambda: studio.browser.press("Escape"))  # cancels the move
    assert studio.save_session().points == after
    studio.browser.press(",")
    studio.wait_for_colors(lambda: studio.browser.press("Delete"))
    assert studio.annotation_count() == 1


def test_keyboard_draws_strokes_picks_colors_and_pans(studio):
    studio.open_sample()
    studio.browser.press("b")
    studio.browser.press("ArrowLeft")
    studio.browser.press("Enter")
    studio.wait_for_colors(lambda: [studio.browser.press("ArrowLeft", modifiers=8) for _ in range(3)])
    studio.browser.press("Enter")
    [stroke] = studio.save_session().strokes
    assert len(stroke.points) == 4
    assert stroke.points[0][0] - stroke.points[-1][0] > 60
    studio.browser.press("i")
    studio.browser.press("Enter")
    assert studio.text("notice") == "Color picked."
    before = studio.pixels()
    studio.browser.press("h")
    studio.browser.press("ArrowRight")
    studio.browser.wait_for_frame()
    assert (studio.pixels() != before).any()
    assert studio.annotation_count() == 1


def test_arrow_keys_move_the_color_in_their_direction(studio):
    """a increases to the right, b increases upward."""
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(0.3, 0.5))

    def lab():
        [point] = studio.save_session().points
        return rgb2lab([int(point.color[n : n + 2], 16) / 255 for n in (1, 3, 5)])

    studio.browser.evaluate("document.getElementById('color-plane').focus()")
    for key, axis, direction in (("Up", 2, 1), ("Down", 2, -1), ("Right", 1, 1), ("Left", 1, -1)):
        before = lab()
        studio.wait_for_colors(lambda key=key: [studio.browser.press(f"Arrow{key}") for _ in range(3)])
        change = lab() - before
        assert change[axis] * direction > 2
        assert abs(change[3 - axis]) < 2


def test_focusable_elements_have_accessible_names(studio):
    studio.open_sample()
    studio.browser.call("Accessibility.enable")
    nodes = studio.browser.call("Accessibility.getFullAXTree")["nodes"]
    studio.browser.call("Accessibility.disable")

    def focusable(node):
        return any(each["name"] == "focusable" and each["value"]["value"] for each in node.get("properties", []))

    focusables = [node for node in nodes if not node["ignored"] and focusable(node)]
    roles = {node["role"]["value"] for node in focusables}
    assert {"button", "combobox", "slider", "application"} <= roles
    nameless = [
        node for node in focusables if not node.get("name", {}).get("value") and node["role"]["value"] != "RootWebArea"
    ]
    assert not nameless


def test_latest_only_queue_drops_all_but_the_last_request(studio):
    processed = studio.evaluate(
        "import('/assets/latest_only_queue.js').then(async ({ LatestOnlyQueue }) => { const processed = [];"
        "const queue = new LatestOnlyQueue(async (item) => { await new Promise((done) => setTimeout(done, 30));"
        "processed.push(item); });"
        "const all = []; for (let n = 0; n < 20; n++) all.push(queue.push(n)); await Promise.all(all);"
        "return processed; })"
    )
    assert processed == [0, 19]
