"""Photos colored with hints that count in a part only, weaker hints, and erased parts."""

import functools
import json

import numpy as np
import pytest
from skimage import data
from skimage.color import rgb2lab
from skimage.draw import polygon2mask

from chromahint import Colorizer
from chromahint.hints.annotations import Annotations, Point, Stroke
from chromahint.inference.look import REACHES, Look

AREA = ((60.0, 300.0), (300.0, 300.0), (300.0, 500.0), (60.0, 500.0))
SUIT = Point(150, 420, "#d0701c", 3)
SKY = Point(360, 30, "#3060d0", 3)


@pytest.fixture(scope="module", params=["pullpush", "pretrained"])
def ab(request):
    """A function that returns the colors of the astronaut for points, strokes, and a reach."""
    colorizer, photo = Colorizer.load(request.param, device="cpu"), data.astronaut()

    @functools.cache
    def color(points, strokes, reach):
        return rgb2lab(colorizer.colorize(photo, Annotations(points, strokes), Look(reach=reach)))[..., 1:]

    return lambda points=(), strokes=(), reach="whole": color(tuple(points), tuple(strokes), reach)


def difference(one, other):
    return np.hypot(*(one - other).transpose(2, 0, 1))


@pytest.mark.parametrize("reach", REACHES)
def test_a_limited_point_leaves_the_rest_as_it_was(ab, reach):
    without, limited = ab([SKY], reach=reach), ab([SUIT._replace(area=AREA), SKY], reach=reach)
    inside = polygon2mask((512, 512), np.array(AREA)[:, ::-1])
    y, x = np.mgrid[:512, :512]
    margin = 16  # colors are predicted at half the size and follow the edges of the photo
    outside = (x < 60 - margin) | (x > 300 + margin) | (y < 300 - margin)
    assert difference(limited, without)[outside].max() < 1
    assert difference(limited, without)[inside].mean() > 10
    assert difference(limited, ab([SUIT, SKY]))[320:480, 80:280].mean() < 1


def test_points_of_two_parts_do_not_mix(ab):
    other = ((320.0, 300.0), (500.0, 300.0), (500.0, 500.0), (320.0, 500.0))
    second = Point(400, 420, "#20a040", 3, area=other)
    both, alone = ab([SUIT._replace(area=AREA), second]), ab([SUIT._replace(area=AREA)])
    assert difference(both, alone)[320:480, 80:280].max() < 1
    assert difference(both, alone)[320:480, 340:480].mean() > 10


def test_an_eraser_brings_back_the_coloring_without_points(ab):
    eraser = Stroke(((250, 60), (400, 60)), None, 40)
    erased, without, full = ab([SUIT], [eraser]), ab(), ab([SUIT])
    assert difference(erased, without)[40:80, 260:390].max() < 1
    assert difference(erased, full)[300:, :200].max() < 1


def test_a_point_inside_of_an_eraser_counts_there(ab):
    eraser = Stroke(((250, 60), (400, 60)), None, 40)
    erased = ab([SUIT, SKY], [eraser])
    assert difference(erased, ab([SKY]))[40:80, 260:390].max() < 1


def test_the_color_of_a_weak_point_lies_between_with_and_without(ab):
    here = slice(419, 422), slice(149, 152)
    without, full, half, none = (
        colors[here].mean(axis=(0, 1))
        for colors in (ab(), ab([SUIT]), ab([SUIT._replace(strength=0.5)]), ab([SUIT._replace(strength=0)]))
    )
    assert np.abs(none - without).max() < 1.5
    assert np.abs(half - (full + without) / 2).max() < 1.5
    assert np.hypot(*(full - without)) > 15


def test_a_disabled_point_changes_nothing(ab):
    assert np.array_equal(ab([SUIT._replace(enabled=False)]), ab())


def test_hint_files_with_limits_work_everywhere(ab, tmp_path):
    point = {"x": 150, "y": 420, "color": "#d0701c", "radius": 3, "area": [list(each) for each in AREA]}
    file = tmp_path / "hints.json"
    file.write_text(json.dumps({"format": "chromahint-hints/3", "points": [point]}))
    colorizer, photo = Colorizer.load("pullpush", device="cpu"), data.astronaut()
    colored = colorizer.colorize(photo, file)
    assert np.array_equal(colored, colorizer.colorize(photo, Annotations((SUIT._replace(area=AREA),))))
