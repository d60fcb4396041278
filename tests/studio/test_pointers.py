"""Keys, fingers and wheels; small and large screens."""

import time

import numpy as np
import pytest
from skimage.color import rgb2lab

POINT = (0.9, 0.1)


def test_keys_alone_are_enough(desk):
    desk.sample()
    desk.browser.do("document.getElementById('stage').focus()")
    desk.browser.press("ArrowRight")
    desk.after(lambda: desk.browser.press("Enter"))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")
    desk.browser.press("?")
    assert desk.browser.do("document.getElementById('sheet').open")
    desk.browser.press("Escape")
    desk.after(lambda: desk.browser.press("Delete"))
    assert desk.browser.do("document.getElementById('count').textContent") == "No points yet."


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (820, 1180), (390, 844)])
def test_all_of_it_fits(desk, address, width, height):
    desk.sample()
    desk.open(address, width=width, height=height)
    desk.quiet()
    assert desk.browser.do("document.documentElement.scrollWidth <= innerWidth")
    if width > 700:  # a telephone scrolls down to the colors
        assert desk.browser.do("document.documentElement.scrollHeight <= innerHeight")
    stage = desk.browser.do(
        "(({width, height}) => [width, height])(document.getElementById('stage').getBoundingClientRect())"
    )
    assert min(stage) > 240


def scale(desk):
    """Pixels of the screen for one of the photo, told by where two points are seen."""
    return desk.browser.do(
        "(() => { const canvas = document.getElementById('overlay'), { width, height } = canvas;"
        "const pen = new OffscreenCanvas(width, height).getContext('2d'); pen.drawImage(canvas, 0, 0);"
        "const { data } = pen.getImageData(0, 0, width, height); let left = width, right = 0;"
        "for (let n = 0; n < width * height; n++) if (data[4 * n + 3] > 200) {"
        "left = Math.min(left, n % width); right = Math.max(right, n % width); } return right - left; })()"
    )


@pytest.fixture
def two_points(desk):
    desk.sample()
    desk.after(lambda: (desk.click(0.45, 0.5), desk.click(0.55, 0.5)))
    desk.browser.press("Escape")
    desk.browser.settle()
    return scale(desk)


def test_the_wheel_makes_larger_about_the_pointer_and_the_hand_moves(desk, two_points):
    x, y = desk.place(0.5, 0.5)
    desk.browser.wheel(x, y, -400)
    desk.browser.settle()
    larger = scale(desk)
    assert larger > 1.5 * two_points
    desk.browser.press("0")
    desk.browser.settle()
    assert scale(desk) == pytest.approx(two_points, abs=1)
    before = desk.painted()
    desk.browser.press("h")
    desk.browser.drag((x, y), (x + 80, y + 30))
    desk.browser.settle()
    assert desk.count() == 2
    time.sleep(0.5)  # until it is sharp
    assert np.abs(np.roll(before, (30, 80), axis=(0, 1)).astype(int) - desk.painted())[100:-100, 100:-100].mean() < 2


def test_fingers_put_pinch_and_move(desk, two_points):
    x, y = desk.place(0.5, 0.5)
    desk.after(lambda: desk.browser.touch([desk.place(0.3, 0.3)]))
    assert desk.count() == 3
    desk.after(lambda: desk.browser.press("z", modifiers=2))
    desk.browser.touch(
        [(x - 40, y)], [(x - 40, y), (x + 40, y)], [(x - 80, y), (x + 80, y)], [(x - 120, y), (x + 120, y)]
    )
    desk.browser.settle()
    assert desk.count() == 2  # what the first finger began was not meant
    assert scale(desk) == pytest.approx(3 * (two_points - 13) + 13, rel=0.1)
    desk.browser.touch([(x, y), (x + 100, y)], [(x + 30, y), (x + 130, y)])
    desk.browser.settle()
    assert scale(desk) == pytest.approx(3 * (two_points - 13) + 13, rel=0.1)
    assert desk.count() == 2


def test_keys_walk_from_point_to_point_and_carry_one(desk):
    desk.sample()
    desk.after(lambda: (desk.click(0.3, 0.5), desk.click(0.6, 0.5)))
    before = desk.saved().points
    desk.browser.press("Escape")
    desk.browser.press(".")
    desk.browser.press("Enter")
    desk.after(lambda: [desk.browser.press("ArrowDown") for _ in range(5)])
    desk.browser.press("Enter")
    after = desk.saved().points
    assert after[0].y > before[0].y + 10
    assert after[0].x == pytest.approx(before[0].x, abs=0.1)
    assert after[1] == before[1]
    desk.browser.press("Enter")
    desk.browser.press("ArrowUp")
    desk.after(lambda: desk.browser.press("Escape"))  # it goes back to where it was
    assert desk.saved().points == after
    desk.browser.press(",")
    desk.after(lambda: desk.browser.press("Delete"))
    assert desk.count() == 1


def test_keys_draw_strokes_take_colors_and_move_the_photo(desk):
    desk.sample()
    desk.browser.press("b")
    desk.browser.press("ArrowLeft")
    desk.browser.press("Enter")
    desk.after(lambda: [desk.browser.press("ArrowLeft", modifiers=8) for _ in range(3)])
    desk.browser.press("Enter")
    [stroke] = desk.saved().strokes
    assert len(stroke.points) == 4
    assert stroke.points[0][0] - stroke.points[-1][0] > 60
    desk.browser.press("i")
    desk.browser.press("Enter")
    assert desk.text("said") == "this color was taken"
    before = desk.painted()
    desk.browser.press("h")
    desk.browser.press("ArrowRight")
    desk.browser.settle()
    assert (desk.painted() != before).any()
    assert desk.count() == 1


@pytest.mark.parametrize(("key", "axis", "way"), [("Up", 2, 1), ("Down", 2, -1), ("Right", 1, 1), ("Left", 1, -1)])
def test_arrows_on_the_plane_of_colors_go_where_they_point(desk, key, axis, way):
    """To the right lies more a, upwards more b."""
    desk.sample()
    desk.after(lambda: desk.click(0.3, 0.5))

    def lab():
        [point] = desk.saved().points
        return rgb2lab([int(point.color[n : n + 2], 16) / 255 for n in (1, 3, 5)])

    before = lab()
    desk.browser.do("document.getElementById('plane').focus()")
    desk.after(lambda: [desk.browser.press(f"Arrow{key}") for _ in range(3)])
    change = lab() - before
    assert change[axis] * way > 2
    assert abs(change[3 - axis]) < 2


def test_all_that_can_be_reached_has_a_name(desk):
    desk.sample()
    desk.browser.call("Accessibility.enable")
    nodes = desk.browser.call("Accessibility.getFullAXTree")["nodes"]
    desk.browser.call("Accessibility.disable")

    def focusable(node):
        return any(each["name"] == "focusable" and each["value"]["value"] for each in node.get("properties", []))

    reached = [node for node in nodes if not node["ignored"] and focusable(node)]
    roles = {node["role"]["value"] for node in reached}
    assert {"button", "combobox", "slider", "application"} <= roles
    nameless = [
        node for node in reached if not node.get("name", {}).get("value") and node["role"]["value"] != "RootWebArea"
    ]
    assert not nameless


def test_late_answers_are_dropped_and_the_last_question_wins(desk):
    answered = desk.browser.do(
        "import('/assets/api.js').then(async ({ Latest }) => { const answered = [];"
        "const latest = new Latest(async (question) => { await new Promise((done) => setTimeout(done, 30));"
        "answered.push(question); });"
        "const all = []; for (let n = 0; n < 20; n++) all.push(latest.ask(n)); await Promise.all(all);"
        "return answered; })"
    )
    assert answered == [0, 19]
