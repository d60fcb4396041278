"""Color first, then correct: the first coloring, its strength, where a point counts, and where the next one helps."""

import numpy as np
from skimage.color import rgb2lab

BLUE = (0.75, 0.75)


def chroma(studio):
    pixels = studio.pixels()
    lab = rgb2lab(pixels[..., :3][pixels[..., 3] > 0])
    return np.hypot(lab[:, 1], lab[:, 2]).mean()


def set_strength(studio, value):
    studio.browser.evaluate(
        "(() => { const s = document.getElementById('strength');"
        f"s.value = {value}; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); }})()"
    )


def test_a_photo_is_colored_at_once_as_strongly_as_wanted(studio):
    studio.open_sample()
    first = chroma(studio)
    assert first > 3
    assert studio.annotation_count() == 0
    studio.wait_for_colors(lambda: set_strength(studio, 50))
    assert chroma(studio) < 0.7 * first
    studio.wait_for_colors(lambda: set_strength(studio, 0))
    assert chroma(studio) < 0.5


def test_a_point_colors_its_surroundings_only_and_shows_where(studio):
    studio.open_sample("astronaut")
    far = (0.93, 0.05)
    before = studio.lab_color(*far)[1:]
    studio.wait_for_colors(lambda: (studio.click(0.3, 0.85), studio.click_swatch("orange")))
    assert studio.lab_color(0.3, 0.9)[2] > 25
    assert np.linalg.norm(studio.lab_color(*far)[1:] - before) < 4
    overlay = studio.pixels("overlay")[..., 3]
    studio.browser.mouse(*studio.page_position(0.3, 0.85))
    studio.wait_until_idle()
    veiled = studio.pixels("overlay")[..., 3]
    assert (veiled > 100).sum() > (overlay > 100).sum() + 10000
    studio.browser.mouse(*studio.page_position(*far))
    studio.browser.wait_for_frame()
    assert (studio.pixels("overlay")[..., 3] > 100).sum() < 10000


def test_where_next_proposes_a_place_whose_color_is_taken_by_a_key(studio):
    studio.open_sample("chelsea")
    hidden = "document.getElementById('next-place').hidden"
    assert studio.browser.evaluate(hidden)
    studio.browser.press("t")
    assert studio.annotation_count() == 0
    studio.browser.press("w")
    studio.browser.wait_for(f"!{hidden}")
    suggested = studio.browser.evaluate("document.getElementById('suggested-color').title")
    studio.wait_for_colors(lambda: studio.browser.press("t"))
    assert studio.annotation_count() == 1
    assert studio.browser.evaluate(hidden)
    point = studio.save_session().points[0]
    colors = [[int(each[n : n + 2], 16) for n in (1, 3, 5)] for each in (suggested, point.color)]
    [first, second] = rgb2lab(np.array([colors]) / 255)[0, :, 1:]
    assert np.linalg.norm(first - second) < 4
    # another place is proposed after it, and Escape takes the proposal back
    studio.browser.press("w")
    studio.browser.wait_for(f"!{hidden}")
    studio.browser.press("Escape")
    assert studio.browser.evaluate(hidden)
