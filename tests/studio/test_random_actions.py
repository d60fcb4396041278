"""Random sequences of user actions."""

import random

import pytest

KEYS = [*"pbihg123xn.,[]+-0", "Delete", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", "Enter"]
LISTS = ["model", "compare-with"]


def do_anything(studio, rng):
    browser = studio.browser
    x, y = rng.uniform(40, 1040), rng.uniform(70, 800)

    def near():
        return x + rng.uniform(-100, 100), y + rng.uniform(-100, 100)

    def drag():
        browser.drag(near(), *(near() for _ in range(rng.randrange(4))), button=rng.choice(["left", "left", "right"]))

    def touch():
        fingers = rng.randrange(1, 4)
        browser.touch(*([near() for _ in range(fingers)] for _ in range(3)))

    def choose():
        box = rng.choice(LISTS)
        values = browser.evaluate(f"[...document.getElementById('{box}').options].map((each) => each.value)")
        studio.choose_option(box, rng.choice(values))

    def change_photo():
        studio.click_button("home")
        browser.wait_for("document.querySelectorAll('#samples button').length")
        browser.evaluate(f"document.querySelectorAll('#samples button')[{rng.randrange(4)}].click()")

    def slide():
        browser.evaluate(f"document.getElementById('size').value = {rng.randrange(100)}")
        browser.evaluate("document.getElementById('size').dispatchEvent(new Event('input'))")

    def color():
        browser.evaluate(f"document.querySelectorAll('#common-colors button')[{rng.randrange(16)}].click()")

    def hold():
        browser.press("c", kinds=["keyDown"])
        browser.press("c", kinds=["keyUp"])

    common = [
        drag,
        lambda: browser.press(rng.choice(KEYS)),
        lambda: browser.press("z", modifiers=rng.choice([2, 10])),
    ]
    rare = [touch, choose, change_photo, slide, color, hold, lambda: browser.wheel(x, y, rng.uniform(-300, 300))]
    rng.choice([*(common * 3), *rare])()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 6])
def test_random_actions_never_break_the_page(studio, seed):
    studio.browser.resize(1400, 900)  # where the stage is as large as the actions reach
    studio.open_sample()
    rng = random.Random(seed)
    for _ in range(120):
        do_anything(studio, rng)
        assert studio.errors() == []
    studio.wait_until_idle()
    studio.browser.press("Escape")
    if studio.browser.evaluate("document.body.classList.contains('start-page-open')"):
        studio.click_button("back")
    annotations = studio.save_session()
    assert len(annotations.points) + len(annotations.strokes) == studio.annotation_count()
    assert studio.errors() == []


def test_undo_and_opening_a_photo_end_the_current_gesture(studio):
    studio.browser.resize(1400, 900)  # where the menu of a point does not reach the next one
    studio.open_sample("rocket")
    studio.wait_for_colors(lambda: studio.click(0.2, 0.2))
    before = studio.save_session()
    x, y = studio.page_position(0.5, 0.5)
    for key in ("p", "b"):
        studio.browser.press(key)
        studio.browser.mouse(x, y)
        studio.browser.mouse(x, y, "mousePressed", "left")
        studio.browser.mouse(x + 30, y, "mouseMoved", "left")
        studio.browser.press("z", modifiers=2)
        studio.browser.mouse(x + 60, y, "mouseMoved", "left")
        studio.browser.mouse(x + 60, y, "mouseReleased", "left")
        assert studio.save_session() == before
    studio.browser.mouse(x, y, "mousePressed", "left")
    studio.browser.mouse(x + 30, y, "mouseMoved", "left")
    studio.wait_for_colors(lambda: studio.browser.evaluate("document.querySelectorAll('#samples button')[2].click()"))
    studio.browser.mouse(x + 60, y, "mouseMoved", "left")
    studio.browser.mouse(x + 60, y, "mouseReleased", "left")
    assert studio.text("photo-name").startswith("coffee")
    assert studio.annotation_count() == 0
