"""Whatever a person does, in whatever order, the page goes on."""

import random

import pytest

KEYS = [*"pbihg123xn.,[]+-0", "Delete", "Escape", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Enter", "Enter"]
LISTS = ["model", "beside"]


def do_anything(desk, dice):
    browser = desk.browser
    x, y = dice.uniform(40, 1040), dice.uniform(70, 800)

    def near():
        return x + dice.uniform(-100, 100), y + dice.uniform(-100, 100)

    def drag():
        browser.drag(near(), *(near() for _ in range(dice.randrange(4))), button=dice.choice(["left", "left", "right"]))

    def touch():
        fingers = dice.randrange(1, 4)
        browser.touch(*([near() for _ in range(fingers)] for _ in range(3)))

    def choose():
        box = dice.choice(LISTS)
        values = browser.do(f"[...document.getElementById('{box}').options].map((each) => each.value)")
        desk.choose(box, dice.choice(values))

    def change_photo():
        desk.press_button("home")
        browser.wait("document.querySelectorAll('#samples button').length")
        browser.do(f"document.querySelectorAll('#samples button')[{dice.randrange(4)}].click()")

    def slide():
        browser.do(f"document.getElementById('size').value = {dice.randrange(100)}")
        browser.do("document.getElementById('size').dispatchEvent(new Event('input'))")

    def color():
        browser.do(f"document.querySelectorAll('#everyday button')[{dice.randrange(16)}].click()")

    def hold():
        browser.press("c", kinds=["keyDown"])
        browser.press("c", kinds=["keyUp"])

    common = [
        drag,
        lambda: browser.press(dice.choice(KEYS)),
        lambda: browser.press("z", modifiers=dice.choice([2, 10])),
    ]
    rare = [touch, choose, change_photo, slide, color, hold, lambda: browser.wheel(x, y, dice.uniform(-300, 300))]
    dice.choice([*(common * 3), *rare])()


@pytest.mark.parametrize("seed", [1, 6])
def test_anything_goes(desk, seed):
    desk.sample()
    dice = random.Random(seed)
    for _ in range(120):
        do_anything(desk, dice)
        assert desk.wrong() == []
    desk.quiet()
    desk.browser.press("Escape")
    if desk.browser.do("document.body.classList.contains('empty')"):
        desk.press_button("back")
    marks = desk.saved()
    assert len(marks.points) + len(marks.strokes) == desk.count()
    assert desk.wrong() == []


def test_undo_and_another_photo_end_what_a_hand_is_doing(desk):
    desk.sample("rocket")
    desk.click(0.2, 0.2)
    before = desk.saved()
    x, y = desk.place(0.5, 0.5)
    for key in ("p", "b"):
        desk.browser.press(key)
        desk.browser.point(x, y)
        desk.browser.point(x, y, "mousePressed", "left")
        desk.browser.point(x + 30, y, "mouseMoved", "left")
        desk.browser.press("z", modifiers=2)
        desk.browser.point(x + 60, y, "mouseMoved", "left")
        desk.browser.point(x + 60, y, "mouseReleased", "left")
        assert desk.saved() == before
    desk.browser.point(x, y, "mousePressed", "left")
    desk.browser.point(x + 30, y, "mouseMoved", "left")
    desk.after(lambda: desk.browser.do("document.querySelectorAll('#samples button')[2].click()"))
    desk.browser.point(x + 60, y, "mouseMoved", "left")
    desk.browser.point(x + 60, y, "mouseReleased", "left")
    assert desk.text("name").startswith("coffee")
    assert desk.count() == 0
