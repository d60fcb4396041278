"""Points and strokes become colors, are taken back, kept, saved and downloaded."""

import json
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from chromahint.hints.hint_file import read_hints

POINT, OTHER = (0.9, 0.1), (0.7, 0.75)


def test_a_click_colors_what_belongs_to_it_and_undo_takes_it_back(desk):
    desk.sample()
    before = {place: desk.color(*place) for place in (POINT, OTHER)}
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    at_point = desk.color(*POINT)
    assert at_point[2] < -15
    assert abs(at_point[0] - before[POINT][0]) < 1.5
    assert desk.color(POINT[0] - 0.04, POINT[1])[2] < -5
    desk.after(lambda: (desk.click(*OTHER), desk.swatch("gold")))
    assert desk.color(*OTHER)[2] > 15
    for _ in range(4):  # a point, its color; twice
        desk.browser.press("z", modifiers=2)
    desk.quiet()
    for place, color in before.items():
        assert desk.color(*place) == pytest.approx(color, abs=0.6)
    desk.after(lambda: desk.browser.press("z", modifiers=10))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")


def test_a_point_is_dragged_and_removed(desk):
    desk.sample()
    desk.after(lambda: (desk.click(*POINT), desk.swatch("grass")))
    away = desk.place(0.5, 0.9)
    desk.after(lambda: desk.browser.drag(desk.place(*POINT), desk.place(0.4, 0.5), away))
    assert desk.browser.do("document.getElementById('count').textContent").startswith("1 ")
    assert desk.color(0.5, 0.9)[1] < -8
    desk.after(lambda: desk.browser.drag(away, button="right"))
    assert desk.browser.do("document.getElementById('count').textContent") == "No points yet."


def test_a_session_is_saved_as_a_hint_file_and_opens_again(desk, address):
    desk.sample("rocket")
    desk.click(*POINT)
    desk.browser.press("b")
    desk.after(lambda: desk.browser.drag(*(desk.place(0.3 + 0.05 * n, 0.8) for n in range(5))))
    desk.browser.press("g")
    desk.click(*OTHER)
    desk.quiet()
    seen = desk.painted()
    desk.browser.press("s")
    file = desk.downloaded(".json")
    marks = read_hints(file)
    assert len(marks.points) == 1
    assert len(marks.strokes) == 2
    assert len(marks.strokes[0].points) >= 4
    width, height = 640, 427
    assert (marks.points[0].x / width, marks.points[0].y / height) == pytest.approx(POINT, abs=0.01)
    # a page that is loaded anew is as it was
    desk.open(address)
    desk.quiet()
    assert np.abs(desk.painted().astype(int) - seen).max() <= 1
    # and so is one where all was removed and the file opened
    desk.after(lambda: desk.browser.do("document.getElementById('clear').click()"))
    assert np.abs(desk.painted().astype(int) - seen).max() > 10
    desk.after(lambda: desk.browser.give("#file", file))
    assert np.abs(desk.painted().astype(int) - seen).max() <= 1


def test_a_large_photo_is_downloaded_in_its_size_with_its_lightness(desk, tmp_path_factory):
    wide = np.array(Image.fromarray(data.coffee()).resize((4000, 3000)).convert("L"))
    photo = tmp_path_factory.mktemp("photo") / "old.png"
    Image.fromarray(wide).save(photo)
    desk.after(lambda: desk.browser.give("#file", photo))
    desk.after(lambda: (desk.click(*POINT), desk.swatch("brick")))
    assert desk.color(*POINT)[1] > 8
    desk.browser.press("d")
    colored = np.array(Image.open(desk.downloaded(".png")))
    assert colored.shape == (3000, 4000, 3)
    part = np.s_[700:1100:3, 1000:1500:3]
    assert np.ptp(colored[part], axis=2).mean() > 10
    assert np.abs(rgb2lab(colored[part])[..., 0] - rgb2lab(np.dstack([wide] * 3)[part])[..., 0]).max() < 1.5


def test_a_stroke_is_chosen_moved_colored_and_removed(desk):
    desk.sample("rocket")
    desk.browser.press("b")
    path = [(0.3 + 0.04 * n, 0.3) for n in range(6)]
    desk.after(lambda: desk.browser.drag(*(desk.place(*at) for at in path)))
    desk.browser.press("p")
    # by its line: that is a stroke; off it, inside of its breadth or not, a point would be put
    on, there = desk.place(0.4, 0.3), desk.place(0.4, 0.6)
    desk.after(lambda: desk.browser.drag(on, desk.place(0.4, 0.5), there))
    desk.after(lambda: desk.swatch("grass"))
    [stroke] = desk.saved().strokes
    assert [y / 427 for _, y in stroke.points] == pytest.approx([0.6] * len(stroke.points), abs=0.01)
    assert stroke.points[0][0] / 640 == pytest.approx(0.3, abs=0.01)
    assert rgb2lab(np.array([[[int(stroke.color[n : n + 2], 16) for n in (1, 3, 5)]]]) / 255)[0, 0, 1] < -10
    assert desk.count() == 1
    desk.after(lambda: desk.press_button("remove"))
    assert desk.count() == 0
    desk.after(lambda: desk.browser.press("z", modifiers=2))
    assert desk.count() == 1


def test_a_brush_may_begin_on_a_stroke(desk):
    desk.sample("rocket")
    desk.browser.press("b")
    for end in (0.6, 0.2):
        desk.after(lambda end=end: desk.browser.drag(desk.place(0.4, 0.4), desk.place(end, 0.5)))
    assert desk.count() == 2


def test_the_size_of_a_point_changes_in_one_step_of_undo(desk):
    desk.sample("rocket")
    desk.after(lambda: desk.click(*POINT))
    before = desk.saved().points[0].radius
    slide = "box.dispatchEvent(new Event('input'))"
    for value in (50, 60, 70):
        desk.browser.do(f"(() => {{ const box = document.getElementById('size'); box.value = {value}; {slide}; }})()")
    desk.after(lambda: desk.browser.do("document.getElementById('size').dispatchEvent(new Event('change'))"))
    assert desk.saved().points[0].radius > 5 * before
    desk.after(lambda: desk.browser.press("z", modifiers=2))
    assert desk.saved().points[0].radius == pytest.approx(before, abs=0.01)


def test_what_a_screen_shows_at_a_dark_place_can_be_told(desk):
    """Swatches stand for hues, so they are as light as can be seen, wherever a person points."""
    desk.sample("rocket")
    desk.after(lambda: desk.click(0.02, 0.02))
    codes = desk.browser.do("[...document.querySelectorAll('#everyday button')].map((each) => each.dataset.hex)")
    lab = rgb2lab(np.array([[[int(code[n : n + 2], 16) for n in (1, 3, 5)] for code in codes]]) / 255)[0]
    assert len(lab) == 16
    assert lab[:, 0].min() > 45
    nearest = [np.sort(np.linalg.norm(lab[:, 1:] - each[1:], axis=1))[1] for each in lab]
    assert min(nearest) > 4


def test_a_dropped_photo_opens_and_its_work_is_kept_beside_that_of_others(desk, address):
    desk.sample("coffee")
    desk.after(lambda: (desk.click(*POINT), desk.click(*OTHER)))
    drop = (
        "fetch('/api/samples/chelsea').then((answer) => answer.blob()).then((blob) => {"
        "const data = new DataTransfer();"
        "data.items.add(new File([blob], 'cat.jpg', { type: 'image/jpeg' }));"
        "document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })"
    )
    desk.after(lambda: desk.browser.do(drop))
    assert desk.text("name").startswith("cat.jpg · 300 ")
    assert desk.count() == 0
    desk.after(lambda: desk.click(*POINT))
    desk.open(address)
    desk.quiet()
    assert desk.text("name").startswith("cat.jpg")
    assert desk.count() == 1
    desk.press_button("home")
    desk.browser.wait("document.querySelectorAll('#kept li').length === 2")
    assert desk.browser.do("[...document.querySelectorAll('#kept span')].map((each) => each.textContent)") == [
        "cat.jpg · 1",
        "coffee.png · 2",
    ]
    desk.after(lambda: desk.browser.do("document.querySelectorAll('#kept li > button:first-child')[1].click()"))
    assert desk.text("name").startswith("coffee.png")
    assert desk.count() == 2
    desk.press_button("home")
    desk.browser.wait("document.querySelectorAll('#kept li').length === 2")
    desk.browser.do("document.querySelector('#kept .forget').click()")
    desk.browser.wait("document.querySelectorAll('#kept li').length === 1")
    desk.browser.press("Escape")
    assert not desk.browser.do("document.body.classList.contains('empty')")


def test_a_session_brings_the_photo_that_it_was_made_on(desk):
    desk.sample("coffee")
    desk.after(lambda: (desk.click(*POINT), desk.click(*OTHER)))
    desk.browser.press("s")
    file = desk.downloaded(".json")
    assert json.loads(file.read_text())["photo"]["name"] == "coffee.png"
    desk.press_button("home")
    desk.sample("rocket")
    desk.after(lambda: desk.browser.give("#file", file))
    assert desk.text("name").startswith("coffee.png")
    assert desk.count() == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "line 1, column 2"),
        ('{"format": "chromahint-hints/1", "points": [{"x": 1}]}', "points[0].y"),
        ('{"format": "chromahint-hints/1", "points": [{"x": 9999, "y": 1, "color": "#ff0000"}]}', "points[0].x=9999"),
    ],
)
def test_what_is_wrong_with_a_session_is_said(desk, tmp_path_factory, content, said):
    desk.sample("coffee")
    file = tmp_path_factory.mktemp("session") / "wrong.json"
    file.write_text(content)
    desk.browser.give("#file", file)
    desk.browser.wait("document.getElementById('said').classList.contains('wrong')")
    assert desk.text("said").startswith("wrong.json: ")
    assert said in desk.text("said")
    assert desk.browser.complaints.pop()["entry"]["text"].startswith("Failed to load resource")


def test_a_photo_that_the_server_has_put_away_comes_back(desk):
    desk.sample("coffee")
    others = "fetch('/api/samples/chelsea', { method: 'POST' })"
    desk.browser.do(f"Promise.all([{', '.join([others] * 6)}]).then(() => true)")
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    assert desk.color(*POINT)[2] < -15
    assert desk.browser.complaints != []
    assert desk.wrong() == []


def test_late_answers_call_for_smaller_pictures_and_early_ones_for_larger(desk):
    desk.sample("coffee")
    desk.browser.do("""
      window.wait = 0; window.sizes = []; window.known = {}; window.plain = window.fetch;
      window.fetch = async (address, ...more) => {
        const [, size] = /colors.*size=(\\d+)/.exec(address) ?? [];
        if (!size) return plain(address, ...more);
        sizes.push(size);
        if (wait === 0 && known[size]) return known[size].clone();
        const answer = await plain(address, ...more);
        known[size] = answer.clone();
        await new Promise((done) => setTimeout(done, wait));
        return answer;
      };
    """)
    x, y = desk.place(0.5, 0.5)
    desk.browser.point(x, y)
    desk.browser.point(x, y, "mousePressed", "left")

    def drag_until(size):
        deadline = time.monotonic() + 60
        while desk.browser.do("sizes.at(-1)") != size:
            assert time.monotonic() < deadline, desk.browser.do("sizes")
            desk.browser.point(x + 20 * np.cos(time.monotonic()), y, "mouseMoved", "left")
            time.sleep(0.02)

    drag_until("256")
    desk.browser.do("window.wait = 150")
    drag_until("128")
    desk.browser.do("window.wait = 0")
    drag_until("256")
    desk.browser.point(x, y, "mouseReleased", "left")
    desk.browser.do("window.fetch = window.plain")


def test_who_waits_long_sees_that_something_goes_on(desk):
    desk.sample()
    desk.browser.do("""
      window.plain = window.fetch;
      window.let = new Promise((done) => { window.go = done; });
      window.fetch = async (...given) => { await window.let; return plain(...given); };
    """)
    shown = "getComputedStyle(document.getElementById('stage'), '::after').content !== 'none'"
    desk.click(*POINT)
    assert not desk.browser.do(shown)
    desk.browser.wait(shown)
    desk.browser.do("window.go(); window.fetch = window.plain")
    desk.browser.wait(f"!({shown})")
