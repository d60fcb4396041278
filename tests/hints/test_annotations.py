"""Points and strokes on a photo, and the pixels that they cover."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from chromahint.hints.annotations import Annotations, Point, Stroke, parse_annotations


def rasterized(annotations, height=30, width=40):
    """Return the mask HxW (bool) and ab HxWx2."""
    maps = annotations.rasterize(height, width).to_dense((height, width))
    return maps.mask[0, 0].numpy() > 0, maps.ab[0].permute(1, 2, 0).numpy()


def ab_of(rgb):
    return rgb2lab(np.array([[rgb]], np.uint8))[0, 0, 1:]


def test_point_hints_one_pixel_with_the_ab_of_its_color():
    mask, ab = rasterized(Annotations((Point(7, 3, "#ff8000"),)))
    assert np.argwhere(mask).tolist() == [[3, 7]]
    np.testing.assert_allclose(ab[3, 7], ab_of((255, 128, 0)), atol=1e-2)


@pytest.mark.parametrize(("x", "y", "pixel"), [(7.4, 3.4, [3, 7]), (6.5, 2.5, [3, 7]), (-0.5, 29.49, [29, 0])])
def test_pixel_centers_are_at_integers(x, y, pixel):
    assert np.argwhere(rasterized(Annotations((Point(x, y, "#ff0000"),)))[0]).tolist() == [pixel]


@pytest.mark.parametrize("radius", [1, 2.5, 7, 40])
def test_radius_draws_a_disc_clipped_at_the_border(radius):
    rows, columns = np.mgrid[:30, :40]
    disc = (rows - 4) ** 2 + (columns - 30) ** 2 <= radius**2 + radius
    assert (rasterized(Annotations((Point(30, 4, "#00ff00", radius),)))[0] == disc).all()


@pytest.mark.parametrize("radius", [0, 3])
def test_stroke_follows_its_path(radius):
    path = [(3.0, 4.0), (35.0, 20.0), (10.0, 27.0)]
    mask, _ = rasterized(Annotations(strokes=(Stroke(tuple(path), "#0000ff", radius),)))
    rows, columns = np.mgrid[:30, :40]

    def distance(a, b):
        a, b = np.array(a), np.array(b)
        t = np.clip(((columns - a[0]) * (b - a)[0] + (rows - a[1]) * (b - a)[1]) / ((b - a) ** 2).sum(), 0, 1)
        return np.hypot(columns - a[0] - t * (b - a)[0], rows - a[1] - t * (b - a)[1])

    away = np.minimum(distance(path[0], path[1]), distance(path[1], path[2]))
    assert mask[away <= radius - 0.5].all()
    assert not mask[away > radius + 1.2].any()
    for x, y in path:
        assert mask[int(y), int(x)]


@pytest.mark.parametrize("radius", [0, 2, 9])
def test_self_crossing_stroke_covers_the_pixels_of_its_segments_once(radius):
    turns = np.linspace(0, 9 * np.pi, 70)
    path = [(150 + 2 * t * np.cos(t), 110 + 2 * t * np.sin(1.3 * t)) for t in turns]
    segments = [Stroke(segment, "#0000ff", radius) for segment in pairwise(path)]
    whole = Annotations(strokes=(Stroke(tuple(path), "#0000ff", radius),)).rasterize(220, 300)
    assert (whole.flat_index.diff() > 0).all()
    assert torch.equal(whole.flat_index, Annotations(strokes=tuple(segments)).rasterize(220, 300).flat_index)


def test_stroke_with_one_point_is_a_dot():
    assert np.argwhere(rasterized(Annotations(strokes=(Stroke(((7, 3),), "#0000ff"),)))[0]).tolist() == [[3, 7]]


def test_gray_hints_have_zero_ab():
    for color in (None, "#777777", (3, 3, 3)):
        mask, ab = rasterized(Annotations((Point(7, 3, color, 2),)))
        assert mask[3, 7]
        assert (ab == 0).all()


def test_points_cover_strokes_and_later_marks_cover_earlier_ones():
    line = Stroke(((0, 5), (39, 5)), "#0000ff", 2)
    _, ab = rasterized(
        Annotations((Point(9, 5, "#ff0000"), Point(20, 5, "#ff0000", 3), Point(21, 5, "#00ff00", 3)), (line,))
    )
    for column, rgb in ((5, (0, 0, 255)), (9, (255, 0, 0)), (21, (0, 255, 0)), (19, (0, 255, 0)), (17, (255, 0, 0))):
        np.testing.assert_allclose(ab[5, column], ab_of(rgb), atol=1e-2)


def test_relative_units_range_from_edge_to_edge():
    points = tuple(Point(x, y, "#ff0000") for x, y in ((0, 0), (1, 1), (0.5, 0.5), (0.25, 0.999)))
    assert np.argwhere(rasterized(Annotations(points, units="relative"))[0]).tolist() == [
        [0, 0],
        [15, 20],
        [29, 10],
        [29, 39],
    ]
    small, large = (
        rasterized(Annotations((Point(0.5, 0.5, "#ff0000", 0.2),), units="relative"), 30 * s, 40 * s)[0] for s in (1, 9)
    )
    assert abs(small.mean() - large.mean()) < 0.02
    assert abs(large.mean() - np.pi * 0.2**2 * 40 / 30) < 0.005


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        (
            Annotations((Point(1, 1, "#ff0000"), Point(40, 3, "#ff0000"))),
            r"points\[1\]\.x=40.*40 pixels wide. Use 0 to 39",
        ),
        (Annotations((Point(3, -1, "#ff0000", 5),)), r"points\[0\]\.y=-1.*30 pixels high"),
        (Annotations((Point(1.1, 0, "#ff0000"),), units="relative"), r"points\[0\]\.x=1\.1.*from 0 to 1"),
        (Annotations(strokes=(Stroke(((1, 1), (2, 30)), "#ff0000"),)), r"strokes\[0\]\.points\[1\]\.y=30"),
    ],
)
def test_marks_outside_the_photo_raise_value_error(annotations, message):
    with pytest.raises(ValueError, match=message):
        annotations.rasterize(30, 40)


def test_tuples_are_parsed_as_points():
    given = [(3, 4, "#FF0000"), (5.5, 6, (0, 128, 255), 2), [np.int64(1), np.float32(2), np.array([1, 2, 3], np.uint8)]]
    assert parse_annotations(given).points == (
        Point(3.0, 4.0, "#ff0000"), Point(5.5, 6.0, (0, 128, 255), 2.0), Point(1.0, 2.0, (1, 2, 3))
    )  # fmt: skip
    assert parse_annotations([(1, 2, None, 3)]).points == (Point(1.0, 2.0, None, 3.0),)
    assert parse_annotations([]) == Annotations()


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        ((1, 2), r"hints\[1\].*\(x, y, color, radius\)"),
        ("#ff0000", r"hints\[1\]"),
        (5, r"hints\[1\]"),
        ((1, "2", "#ff0000"), r"hints\[1\]: y='2'"),
        ((1, float("nan"), "#ff0000"), r"hints\[1\]: y=nan"),
        ((True, 1, "#ff0000"), r"hints\[1\]: x=True"),
        ((1, 2, "red"), r"hints\[1\]: color='red'.*#rrggbb"),
        ((1, 2, (0, 0, 256)), r"hints\[1\]: color"),
        ((1, 2, (0.5, 0.5, 0.5)), r"hints\[1\]: color"),
        ((1, 2, "#ff0000", -1), r"hints\[1\]: radius=-1.*from 0"),
        ((1, 2, "#ff0000", 10**400), r"hints\[1\]: radius"),
    ],
)
def test_invalid_tuples_raise_value_error(hint, message):
    with pytest.raises(ValueError, match=message):
        parse_annotations([(0, 0, "#ffffff"), hint])


def test_empty_annotations_give_no_hints():
    pixels = Annotations().rasterize(3, 4)
    assert len(pixels.flat_index) == 0
    assert torch.equal(pixels.to_dense((2, 2)).mask, torch.zeros(1, 1, 2, 2))
