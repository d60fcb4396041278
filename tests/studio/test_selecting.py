"""Several networks on the same points, beside each other."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

POINT = (0.9, 0.1)


def test_two_networks_color_from_the_same_hints(desk):
    desk.sample()
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    desk.browser.do(
        "const box = document.getElementById('beside'); box.value = 'levin'; box.dispatchEvent(new Event('change'))"
    )
    desk.browser.wait("!document.getElementById('psnr-b').hidden")
    desk.quiet()
    figures = [float(desk.browser.do(f"document.getElementById('psnr-{s}').textContent").split()[0]) for s in "ab"]
    assert all(5 < figure < 50 for figure in figures)
    pictures = [desk.painted(slot) for slot in "ab"]
    assert pictures[0].shape == pictures[1].shape
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 10
    assert desk.browser.do("document.getElementById('left').textContent").startswith("Levin · ")
    desk.browser.press("3")
    desk.browser.settle()
    assert desk.browser.do("document.getElementById('b').style.clipPath").startswith("inset")


def test_runs_that_are_there_can_be_chosen_and_suggest_where_they_have_classes(desk):
    desk.sample("rocket")
    options = "[...document.querySelectorAll('#model option')].map((each) => [each.textContent, each.value])"
    models = dict(desk.browser.do(options))
    assert next(iter(models)) == "SpreadNet"
    assert set(models) == {
        *("SpreadNet", "Levin", "Pull-push"),
        *("first/2026-11-20_10-00-00", "classes/2026-11-20_10-00-00"),
    }
    assert not any("/" in key for key in models.values())
    desk.after(lambda: desk.click(*POINT))
    assert desk.browser.do("document.getElementById('suggested').parentElement.hidden")
    before = desk.painted()
    desk.after(lambda: desk.choose("model", models["classes/2026-11-20_10-00-00"]))
    assert np.abs(desk.painted().astype(int) - before).max() > 10
    desk.browser.wait("!document.getElementById('suggested').parentElement.hidden")
    count = desk.browser.do("document.getElementById('suggested').children.length")
    assert 1 <= count <= 8
    hinted = desk.saved().points[0].color
    desk.after(lambda: desk.browser.do("document.querySelector('#suggested button').click()"))
    assert desk.saved().points[0].color != hinted


def test_a_choice_is_there_again_when_the_page_is(desk, address):
    desk.sample("coffee")
    desk.after(lambda: desk.click(*POINT))
    desk.after(lambda: desk.choose("model", "levin"))
    desk.choose("beside", "pullpush")
    desk.quiet()
    desk.open(address)
    desk.quiet()
    assert desk.browser.do("[document.getElementById('model').value, document.getElementById('beside').value]") == [
        "levin",
        "pullpush",
    ]
    assert desk.browser.do("document.querySelector('#modes [aria-pressed=true]').value") == "side"


def test_holding_and_wiping_show_the_other_picture(desk):
    desk.sample()
    desk.after(lambda: (desk.click(*POINT), desk.swatch("sky")))
    assert desk.color(*POINT)[2] < -15
    desk.browser.press("c", kinds=["keyDown"])
    desk.browser.settle()
    assert desk.browser.do("document.getElementById('a').hidden")
    assert abs(desk.color(*POINT, canvas="b")[2]) < 2
    desk.browser.press("c", kinds=["keyUp"])
    desk.browser.settle()
    assert not desk.browser.do("document.getElementById('a').hidden")
    desk.browser.press("3")
    desk.browser.settle()
    middle, right = desk.place(0.5, 0.5), desk.place(0.95, 0.5)
    desk.browser.drag(middle, right)
    desk.browser.settle()
    assert int(desk.browser.do("document.getElementById('divider').getAttribute('aria-valuenow')")) > 80
    assert desk.count() == 1
    # on the left side of the wipe lies the gray photo, and that is the color that is taken there
    desk.browser.press("i")
    desk.click(*POINT)
    assert desk.text("said") == "this color was taken"
    desk.after(lambda: desk.click(0.2, 0.2))
    color = desk.saved().points[-1].color
    assert np.abs(rgb2lab(np.array([[[int(color[n : n + 2], 16) for n in (1, 3, 5)]]]) / 255)[0, 0, 1:]).max() < 3


def test_two_pictures_lie_as_the_photo_has_more_room(desk, address):
    boxes = (
        "['a', 'b'].map((id) => (({left, top}) => [left, top])(document.getElementById(id).getBoundingClientRect()))"
    )
    desk.sample()
    desk.browser.press("2")
    desk.browser.settle()
    (left_a, top_a), (left_b, top_b) = desk.browser.do(boxes)
    assert left_a > left_b
    assert top_a == top_b
    desk.open(address, width=800, height=1200)
    desk.quiet()
    (left_a, top_a), (left_b, top_b) = desk.browser.do(boxes)
    assert left_a == left_b
    assert top_a > top_b


def test_colors_are_taken_from_the_photo_and_from_another_picture(desk, tmp_path_factory):
    file = tmp_path_factory.mktemp("second") / "second.png"
    pixels = np.zeros((90, 120, 3), np.uint8)
    pixels[:, :60], pixels[:, 60:] = (60, 160, 70), (90, 90, 220)
    Image.fromarray(pixels).save(file)
    desk.sample()
    desk.browser.give("#second", file)
    desk.browser.wait("!document.getElementById('reference-box').hidden")
    box = desk.browser.do(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('reference-canvas').getBoundingClientRect())"
    )
    desk.browser.drag((box[0] + 0.25 * box[2], box[1] + 0.5 * box[3]))
    desk.after(lambda: desk.click(*POINT))
    green = desk.color(*POINT)[1:]
    assert green == pytest.approx(rgb2lab(np.array([[[60, 160, 70]]]) / 255)[0, 0, 1:], abs=6)
    desk.browser.do("document.getElementById('reference-canvas').focus()")
    desk.after(lambda: [desk.browser.press("ArrowRight") for _ in range(9)])
    blue = rgb2lab(np.array([[[90, 90, 220]]]) / 255)[0, 0, 1:]
    assert np.linalg.norm(desk.color(*POINT)[1:] - blue) < np.linalg.norm(green - blue) / 2
    # and what is seen can be taken
    desk.browser.press("i")
    desk.click(*POINT)
    desk.after(lambda: desk.click(0.2, 0.3))
    assert np.linalg.norm(desk.color(0.2, 0.3)[1:] - desk.color(*POINT)[1:]) < 12


def test_a_figure_is_never_that_of_the_network_chosen_before(desk):
    desk.sample()
    desk.after(lambda: desk.click(*POINT))
    desk.choose("beside", "levin")
    desk.browser.wait("!document.getElementById('psnr-b').hidden")
    for box, slot in (("beside", "b"), ("model", "a")):
        change = "box.dispatchEvent(new Event('change'))"
        hidden = f"document.getElementById('psnr-{slot}').hidden"
        assert desk.browser.do(
            f"(() => {{ const box = document.getElementById('{box}'); box.value = 'pullpush'; {change};"
            f"return {hidden}; }})()"
        )
        desk.browser.wait(f"!{hidden}")
