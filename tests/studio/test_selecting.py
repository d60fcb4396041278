"""Choosing models, comparing pictures, and picking colors."""

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

POINT = (0.9, 0.1)


def test_two_models_color_from_the_same_hints(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("sky")))
    studio.choose_option("compare-with", "levin")
    studio.browser.wait_for("!document.getElementById('psnr-b').hidden")
    studio.wait_until_idle()
    figures = [
        float(studio.browser.evaluate(f"document.getElementById('psnr-{s}').textContent").split()[0]) for s in "ab"
    ]
    assert all(5 < figure < 50 for figure in figures)
    first, second = studio.pixels("canvas-a"), studio.pixels("canvas-b")
    assert first.shape == second.shape
    assert np.abs(first.astype(int) - second).max() > 10
    assert studio.browser.evaluate("document.getElementById('label-b').textContent").startswith("Levin · ")
    studio.browser.press("3")
    studio.browser.wait_for_frame()
    assert studio.browser.evaluate("document.getElementById('canvas-b').style.clipPath").startswith("inset")


def test_runs_can_be_chosen_and_suggest_colors_if_they_have_classes(studio):
    studio.open_sample("rocket")
    options = "[...document.querySelectorAll('#model option')].map((each) => [each.textContent, each.value])"
    models = dict(studio.browser.evaluate(options))
    assert next(iter(models)) == "SpreadNet"
    assert set(models) == {
        *("SpreadNet", "Levin", "Pull-push"),
        *("first/2026-11-20_10-00-00", "classes/2026-11-20_10-00-00"),
    }
    assert not any("/" in key for key in models.values())
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("brick")))
    studio.browser.wait_for("!document.getElementById('suggested-colors').parentElement.hidden")
    studio.wait_for_colors(lambda: studio.choose_option("model", models["Levin"]))
    studio.browser.wait_for("document.getElementById('suggested-colors').parentElement.hidden")
    before = studio.pixels()
    studio.wait_for_colors(lambda: studio.choose_option("model", models["classes/2026-11-20_10-00-00"]))
    assert np.abs(studio.pixels().astype(int) - before).max() > 10
    studio.browser.wait_for("!document.getElementById('suggested-colors').parentElement.hidden")
    count = studio.browser.evaluate("document.getElementById('suggested-colors').children.length")
    assert 1 <= count <= 8
    hinted = studio.save_session().points[0].color
    studio.wait_for_colors(
        lambda: studio.browser.evaluate("document.querySelector('#suggested-colors button').click()")
    )
    assert studio.save_session().points[0].color != hinted


def test_choices_survive_a_reload(studio, address):
    studio.open_sample("coffee")
    studio.wait_for_colors(lambda: studio.click(*POINT))
    studio.wait_for_colors(lambda: studio.choose_option("model", "levin"))
    studio.choose_option("compare-with", "pullpush")
    studio.wait_until_idle()
    studio.open(address)
    studio.wait_until_idle()
    assert studio.browser.evaluate(
        "[document.getElementById('model').value, document.getElementById('compare-with').value]"
    ) == [
        "levin",
        "pullpush",
    ]
    assert (
        studio.browser.evaluate("document.querySelector('#compare-modes [aria-pressed=true]').value") == "side-by-side"
    )


def test_holding_and_sliding_show_the_other_picture(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: (studio.click(*POINT), studio.click_swatch("sky")))
    assert studio.lab_color(*POINT)[2] < -15
    studio.browser.press("c", kinds=["keyDown"])
    studio.browser.wait_for_frame()
    assert studio.browser.evaluate("document.getElementById('canvas-a').hidden")
    assert abs(studio.lab_color(*POINT, canvas="canvas-b")[2]) < 2
    studio.browser.press("c", kinds=["keyUp"])
    studio.browser.wait_for_frame()
    assert not studio.browser.evaluate("document.getElementById('canvas-a').hidden")
    studio.browser.press("3")
    studio.browser.wait_for_frame()
    middle, right = studio.page_position(0.5, 0.5), studio.page_position(0.95, 0.5)
    studio.browser.drag(middle, right)
    studio.browser.wait_for_frame()
    assert int(studio.browser.evaluate("document.getElementById('divider').getAttribute('aria-valuenow')")) > 80
    assert studio.annotation_count() == 1
    # the gray photo lies to the left of the divider, so that is the color picked there
    studio.browser.press("i")
    studio.click(*POINT)
    assert studio.text("notice") == "Color picked."
    studio.wait_for_colors(lambda: studio.click(0.2, 0.2))
    color = studio.save_session().points[-1].color
    assert np.abs(rgb2lab(np.array([[[int(color[n : n + 2], 16) for n in (1, 3, 5)]]]) / 255)[0, 0, 1:]).max() < 3


def test_pictures_are_arranged_by_available_space(studio):
    corner = "(id) => (({left, top}) => [left, top])(document.getElementById(id).getBoundingClientRect())"
    boxes = f"['canvas-a', 'canvas-b'].map({corner})"
    studio.open_sample()
    studio.browser.resize(1400, 900)
    studio.browser.press("2")
    studio.browser.wait_for_frame()
    (left_a, top_a), (left_b, top_b) = studio.browser.evaluate(boxes)
    assert left_a > left_b
    assert top_a == top_b
    studio.browser.resize(800, 1200)
    studio.browser.wait_for(f"(([[leftA, topA], [leftB, topB]]) => leftA === leftB && topA > topB)({boxes})")


def test_colors_can_be_picked_from_photo_and_reference(studio, tmp_path_factory):
    file = tmp_path_factory.mktemp("second") / "second.png"
    pixels = np.zeros((90, 120, 3), np.uint8)
    pixels[:, :60], pixels[:, 60:] = (60, 160, 70), (90, 90, 220)
    Image.fromarray(pixels).save(file)
    studio.open_sample()
    studio.browser.set_files("#reference-file", file)
    studio.browser.wait_for("!document.getElementById('reference').hidden")
    box = studio.browser.evaluate(
        "(({left, top, width, height}) => [left, top, width, height])"
        "(document.getElementById('reference-canvas').getBoundingClientRect())"
    )
    studio.browser.drag((box[0] + 0.25 * box[2], box[1] + 0.5 * box[3]))
    studio.wait_for_colors(lambda: studio.click(*POINT))
    green = studio.lab_color(*POINT)[1:]
    assert green == pytest.approx(rgb2lab(np.array([[[60, 160, 70]]]) / 255)[0, 0, 1:], abs=6)
    studio.browser.evaluate("document.getElementById('reference-canvas').focus()")
    studio.wait_for_colors(lambda: [studio.browser.press("ArrowRight") for _ in range(9)])
    blue = rgb2lab(np.array([[[90, 90, 220]]]) / 255)[0, 0, 1:]
    assert np.linalg.norm(studio.lab_color(*POINT)[1:] - blue) < np.linalg.norm(green - blue) / 2
    # colors can also be picked from the photo
    studio.browser.press("i")
    studio.click(*POINT)
    studio.wait_for_colors(lambda: studio.click(0.2, 0.3))
    assert np.linalg.norm(studio.lab_color(0.2, 0.3)[1:] - studio.lab_color(*POINT)[1:]) < 12


def test_psnr_of_the_previous_model_is_hidden(studio):
    studio.open_sample()
    studio.wait_for_colors(lambda: studio.click(*POINT))
    studio.choose_option("compare-with", "levin")
    studio.browser.wait_for("!document.getElementById('psnr-b').hidden")
    for box, slot in (("compare-with", "b"), ("model", "a")):
        change = "box.dispatchEvent(new Event('change'))"
        hidden = f"document.getElementById('psnr-{slot}').hidden"
        assert studio.browser.evaluate(
            f"(() => {{ const box = document.getElementById('{box}'); box.value = 'pullpush'; {change};"
            f"return {hidden}; }})()"
        )
        studio.browser.wait_for(f"!{hidden}")
