"""Editing in the browser: points and strokes are colored, undone, saved, restored, and downloaded."""

import json
import time

import numpy as np
import pytest
from PIL import Image
from skimage import data
from skimage.color import rgb2lab

from chromahint.hints.hint_file import read_hints

POINT, OTHER = (0.9, 0.1), (0.7, 0.75)


def test_point_colors_its_object_and_undo_reverts_it(studio):
    studio.open_sample()
    before = {place: studio.lab_color(*place) for place in (POINT, OTHER)}
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("sky")))
    at_point = studio.lab_color(*POINT)
    assert at_point[2] < -15
    assert abs(at_point[0] - before[POINT][0]) < 1.5
    assert studio.lab_color(POINT[0] - 0.04, POINT[1])[2] < -5
    studio.wait_for_colors(lambda: (studio.click(*OTHER), studio.click_swatch("gold")))
    assert studio.lab_color(*OTHER)[2] > 15
    for _ in range(4):  # two points, and the color of each
        studio.browser.press("z", modifiers=2)
    studio.wait_until_idle()
    for place, color in before.items():
        assert studio.lab_color(*place) == pytest.approx(color, abs=0.6)
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=10))
    assert studio.annotation_count() == 1


def test_point_can_be_dragged_and_removed(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("grass")))
    away = studio.page_position(0.5, 0.9)
    studio.wait_for_colors(
        lambda: studio.browser.drag(studio.page_position(*POINT), studio.page_position(0.4, 0.5), away)
    )
    assert studio.annotation_count() == 1
    assert studio.lab_color(0.5, 0.9)[1] < -8
    studio.wait_for_colors(lambda: studio.browser.drag(away, button="right"))
    assert studio.text("annotation-count") == "No points yet."


def test_session_is_saved_as_hint_file_and_can_be_reopened(studio, address):
    studio.open_sample("rocket")
    studio.click(*POINT)
    studio.browser.press("b")
    studio.wait_for_colors(lambda: studio.browser.drag(*(studio.page_position(0.3 + 0.05 * n, 0.8) for n in range(5))))
    studio.browser.press("g")
    studio.click(*OTHER)
    studio.wait_until_idle()
    seen = studio.pixels()
    studio.browser.press("s")
    file = studio.browser.wait_for_download(".json")
    annotations = read_hints(file)
    assert len(annotations.points) == 1
    assert len(annotations.strokes) == 2
    assert len(annotations.strokes[0].points) >= 4
    width, height = 640, 427
    assert (annotations.points[0].x / width, annotations.points[0].y / height) == pytest.approx(POINT, abs=0.01)
    # a reloaded page looks the same
    studio.open(address)
    studio.wait_until_idle()
    assert np.abs(studio.pixels().astype(int) - seen).max() <= 1
    # so does one where everything was removed and the file opened
    studio.wait_for_colors(lambda: studio.browser.evaluate("document.getElementById('remove-all').click()"))
    assert np.abs(studio.pixels().astype(int) - seen).max() > 10
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", file))
    assert np.abs(studio.pixels().astype(int) - seen).max() <= 1


def test_download_keeps_size_and_lightness_of_large_photo(studio, tmp_path_factory):
    wide = np.array(Image.fromarray(data.coffee()).resize((2000, 1500)).convert("L"))
    photo = tmp_path_factory.mktemp("photo") / "old.png"
    Image.fromarray(wide).save(photo)
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", photo))
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("brick")))
    assert studio.lab_color(*POINT)[1] > 8
    studio.browser.press("d")
    colored = np.array(Image.open(studio.browser.wait_for_download(".png")))
    assert colored.shape == (1500, 2000, 3)
    part = np.s_[350:550:3, 500:750:3]
    assert np.ptp(colored[part], axis=2).mean() > 10
    assert np.abs(rgb2lab(colored[part])[..., 0] - rgb2lab(np.dstack([wide] * 3)[part])[..., 0]).max() < 1.5


def test_stroke_can_be_selected_moved_colored_and_removed(studio):
    studio.open_sample("rocket")
    studio.browser.press("b")
    path = [(0.3 + 0.04 * n, 0.3) for n in range(6)]
    studio.wait_for_colors(lambda: studio.browser.drag(*(studio.page_position(*at) for at in path)))
    studio.browser.press("p")
    # only the center line belongs to a stroke: a click next to it would add a point
    on, there = studio.page_position(0.4, 0.3), studio.page_position(0.4, 0.6)
    studio.wait_for_colors(lambda: studio.browser.drag(on, studio.page_position(0.4, 0.5), there))
    studio.wait_for_colors(lambda: studio.click_swatch("grass"))
    [stroke] = studio.save_session().strokes
    assert [y / 427 for _, y in stroke.points] == pytest.approx([0.6] * len(stroke.points), abs=0.01)
    assert stroke.points[0][0] / 640 == pytest.approx(0.3, abs=0.01)
    assert rgb2lab(np.array([[[int(stroke.color[n : n + 2], 16) for n in (1, 3, 5)]]]) / 255)[0, 0, 1] < -10
    assert studio.annotation_count() == 1
    studio.wait_for_colors(lambda: studio.click_button("remove-selected"))
    assert studio.annotation_count() == 0
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    assert studio.annotation_count() == 1


def test_stroke_can_start_on_another_stroke(studio):
    studio.open_sample("rocket")
    studio.browser.press("b")
    for end in (0.6, 0.2):
        studio.wait_for_colors(
            lambda end=end: studio.browser.drag(studio.page_position(0.4, 0.4), studio.page_position(end, 0.5))
        )
    assert studio.annotation_count() == 2


def test_resizing_a_point_is_one_undo_step(studio):
    studio.open_sample("rocket")
    studio.wait_for_colors(lambda: studio.click(*POINT))
    before = studio.save_session().points[0].radius
    slide = "box.dispatchEvent(new Event('input'))"
    for value in (50, 60, 70):
        studio.browser.evaluate(
            f"(() => {{ const box = document.getElementById('size'); box.value = {value}; {slide}; }})()"
        )
    studio.wait_for_colors(
        lambda: studio.browser.evaluate("document.getElementById('size').dispatchEvent(new Event('change'))")
    )
    assert studio.save_session().points[0].radius > 5 * before
    studio.wait_for_colors(lambda: studio.browser.press("z", modifiers=2))
    assert studio.save_session().points[0].radius == pytest.approx(before, abs=0.01)


def test_swatches_are_distinguishable_at_dark_positions(studio):
    """Swatches represent hues, so they stay light enough to tell apart even in dark areas."""
    studio.open_sample("rocket")
    studio.wait_for_colors(lambda: studio.click(0.02, 0.02))
    codes = studio.browser.evaluate(
        "[...document.querySelectorAll('#common-colors button')].map((each) => each.dataset.hex)"
    )
    lab = rgb2lab(np.array([[[int(code[n : n + 2], 16) for n in (1, 3, 5)] for code in codes]]) / 255)[0]
    assert len(lab) == 16
    assert lab[:, 0].min() > 45
    nearest = [np.sort(np.linalg.norm(lab[:, 1:] - each[1:], axis=1))[1] for each in lab]
    assert min(nearest) > 4


def test_dropped_photo_opens_and_work_is_saved_per_photo(studio, address):
    studio.open_sample("coffee")
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click(*OTHER)))
    drop = (
        "fetch('/assets/samples/chelsea.webp').then((response) => response.blob()).then((blob) => {"
        "const data = new DataTransfer();"
        "data.items.add(new File([blob], 'cat.webp', { type: 'image/webp' }));"
        "document.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })); })"
    )
    studio.wait_for_colors(lambda: studio.evaluate(drop))
    assert studio.text("photo-name").startswith("cat.webp · 480 ")
    assert studio.annotation_count() == 0
    studio.wait_for_colors(lambda: studio.click(*POINT))
    studio.open(address)
    studio.wait_until_idle()
    assert studio.text("photo-name").startswith("cat.webp")
    assert studio.annotation_count() == 1
    studio.click_button("home")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 2")
    assert studio.browser.evaluate(
        "[...document.querySelectorAll('#recent-photos span')].map((each) => each.textContent)"
    ) == [
        "cat.webp",
        "coffee.png",
    ]
    assert studio.browser.evaluate(
        "[...document.querySelectorAll('#recent-photos small')].map((each) => each.textContent)"
    ) == ["1 point", "2 points"]
    studio.wait_for_colors(
        lambda: studio.browser.evaluate(
            "document.querySelectorAll('#recent-photos li > button:first-child')[1].click()"
        )
    )
    assert studio.text("photo-name").startswith("coffee.png")
    assert studio.annotation_count() == 2
    studio.click_button("home")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 2")
    studio.browser.evaluate("document.querySelector('#recent-photos .delete').click()")
    assert studio.text("delete-title") == "Delete cat.webp?"
    studio.browser.evaluate("document.querySelector('#delete-dialog [value=delete]').click()")
    studio.browser.wait_for("document.querySelectorAll('#recent-photos li').length === 1")
    studio.browser.press("Escape")
    assert not studio.browser.evaluate("document.body.classList.contains('start-page-open')")


def test_session_opens_its_own_photo(studio):
    studio.open_sample("coffee")
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click(*OTHER)))
    studio.browser.press("s")
    file = studio.browser.wait_for_download(".json")
    assert json.loads(file.read_text())["photo"]["name"] == "coffee.png"
    studio.click_button("home")
    studio.open_sample("rocket")
    studio.wait_for_colors(lambda: studio.browser.set_files("#photo-file", file))
    assert studio.text("photo-name").startswith("coffee.png")
    assert studio.annotation_count() == 2


def test_invalid_session_file_is_explained(studio, tmp_path):
    studio.open_sample("coffee")
    cases = {
        "line 1, column 2": "{",
        "points[0].y": '{"format": "chromahint-hints/1", "points": [{"x": 1}]}',
        "points[0].x=9999": '{"format": "chromahint-hints/1", "points": [{"x": 9999, "y": 1, "color": "#ff0000"}]}',
    }
    for number, (message, content) in enumerate(cases.items()):
        file = tmp_path / f"invalid-{number}.json"
        file.write_text(content)
        studio.browser.set_files("#photo-file", file)
        studio.browser.wait_for(f"document.getElementById('notice').textContent.startsWith('{file.name}: ')")
        assert message in studio.text("notice")
        assert studio.browser.evaluate("document.getElementById('notice').classList.contains('error')")
        [complaint] = studio.browser.errors
        assert complaint["entry"]["text"].startswith("Failed to load resource")
        studio.browser.errors.clear()


def test_photo_closed_by_the_server_is_reopened(studio):
    studio.open_sample("coffee")
    studio.evaluate("""(async () => {
      const body = await (await fetch('/assets/samples/chelsea.webp')).blob();
      for (let other = 0; other < 32; other++) await fetch(`/api/photos?name=${other}.webp`, { method: 'POST', body });
    })()""")
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("sky")))
    assert studio.lab_color(*POINT)[2] < -15
    assert studio.browser.errors != []
    assert studio.errors() == []


def test_preview_size_adapts_to_response_time(studio):
    studio.open_sample("coffee")
    studio.browser.evaluate("""
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
    x, y = studio.page_position(0.5, 0.5)
    studio.browser.mouse(x, y)
    studio.browser.mouse(x, y, "mousePressed", "left")

    def drag_until(size):
        deadline = time.monotonic() + 60
        while studio.browser.evaluate("sizes.at(-1)") != size:
            assert time.monotonic() < deadline, studio.browser.evaluate("sizes")
            studio.browser.mouse(x + 20 * np.cos(time.monotonic()), y, "mouseMoved", "left")
            time.sleep(0.02)

    drag_until("256")
    studio.browser.evaluate("window.wait = 150")
    drag_until("128")
    studio.browser.evaluate("window.wait = 0")
    drag_until("256")
    studio.browser.mouse(x, y, "mouseReleased", "left")
    studio.browser.evaluate("window.fetch = window.plain")


def test_spinner_appears_during_long_requests(studio):
    studio.open_sample()
    studio.browser.evaluate("""
      window.plain = window.fetch;
      window.let = new Promise((done) => { window.go = done; });
      window.fetch = async (...given) => { await window.let; return plain(...given); };
    """)
    shown = "getComputedStyle(document.getElementById('stage'), '::after').content !== 'none'"
    studio.click(*POINT)
    assert not studio.browser.evaluate(shown)
    studio.browser.wait_for(shown)
    studio.browser.evaluate("window.go(); window.fetch = window.plain")
    studio.browser.wait_for(f"!({shown})")
