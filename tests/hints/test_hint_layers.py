"""Hints that count in a part of a photo only, weaker ones, and erased parts."""

import numpy as np
import pytest
import torch
from skimage.draw import polygon2mask

from chromahint.hints.annotations import Annotations, Point, Stroke
from chromahint.hints.framing import frame_annotations
from chromahint.hints.hint_layers import hint_layers

SIZE = (60, 80)
TRIANGLE = ((10.0, 10.0), (50.0, 12.0), (30.0, 45.0))
RED, BLUE = "#c03020", "#2040c0"


def positions(pixels):
    return [(index % SIZE[1], index // SIZE[1]) for index in pixels.flat_index.tolist()]


def test_a_mask_covers_the_inside_of_its_outline():
    annotations = Annotations((Point(30, 20, RED, area=TRIANGLE),))
    [part] = hint_layers(annotations, *SIZE).parts
    expected = polygon2mask(SIZE, np.array(TRIANGLE)[:, ::-1])
    mask = part.mask(SIZE)[0, 0].numpy()
    assert mask.max() == 1
    assert mask.min() == 0
    assert np.abs(mask - expected).mean() < 0.02  # pixels on the outline
    small = part.mask((30, 40))[0, 0].numpy()
    reference = expected.reshape(30, 2, 40, 2).mean(axis=(1, 3))
    assert np.abs(small - reference).mean() < 0.02
    assert ((small > 0) & (small < 1)).any()  # soft edges


def test_a_limited_mark_counts_inside_of_its_area_only():
    annotations = Annotations((Point(30, 20, RED, area=TRIANGLE), Point(70, 50, BLUE)))
    layers = hint_layers(annotations, *SIZE)
    assert positions(layers.everywhere) == [(70, 50)]
    assert positions(layers.parts[0].pixels) == [(30, 20), (70, 50)]
    assert positions(layers.valid) == [(30, 20), (70, 50)]


def test_pixels_of_a_mark_outside_of_its_area_do_not_count():
    annotations = Annotations((Point(60, 50, RED, area=TRIANGLE), Point(12, 11, BLUE, radius=6, area=TRIANGLE)))
    layers = hint_layers(annotations, *SIZE)
    [part] = layers.parts
    inside = polygon2mask(SIZE, np.array(TRIANGLE)[:, ::-1])
    found = positions(part.pixels)
    assert 5 < len(found) < len(annotations.rasterize(*SIZE).flat_index) - 1
    # apart from pixels on the outline
    assert np.mean([inside[y, x] for x, y in found]) > 0.6
    assert (60, 50) not in found
    assert positions(layers.valid) == found


def test_marks_with_the_same_area_share_a_part():
    areas = (TRIANGLE, ((40.0, 30.0), (79.0, 30.0), (79.0, 59.0)), TRIANGLE)
    places = ((30, 20), (70, 40), (28, 22))
    points = tuple(Point(*place, RED, area=area) for place, area in zip(places, areas, strict=True))
    layers = hint_layers(Annotations(points), *SIZE)
    assert [positions(part.pixels) for part in layers.parts] == [[(30, 20), (28, 22)], [(70, 40)]]


def test_inside_an_eraser_only_the_marks_there_count():
    eraser = Stroke(((20, 30), (60, 30)), None, radius=5)
    points = (Point(5, 5, RED), Point(40, 31, BLUE))
    layers = hint_layers(Annotations(points, (eraser,)), *SIZE)
    assert positions(layers.everywhere) == [(5, 5), (40, 31)]
    [erased] = layers.parts
    assert positions(erased.pixels) == [(40, 31)]
    mask = erased.mask(SIZE)[0, 0].numpy()
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(x - x.clip(20, 60), y - 30)
    assert mask[distance < 4].min() > 0.98
    assert mask[distance > 7].max() < 0.02
    [weak] = hint_layers(Annotations(points, (eraser._replace(strength=0.25),)), *SIZE).parts
    assert torch.allclose(weak.mask(SIZE), 0.25 * erased.mask(SIZE))
    disabled = hint_layers(Annotations(points, (eraser._replace(enabled=False),)), *SIZE)
    assert disabled.parts == ()


def test_disabled_marks_do_not_count():
    points = (Point(5, 5, RED, enabled=False), Point(9, 9, BLUE))
    assert positions(Annotations(points).rasterize(*SIZE)) == [(9, 9)]
    assert hint_layers(Annotations(points[:1]), *SIZE).everywhere.flat_index.numel() == 0
    # they are checked all the same, so that switching one on later is no surprise
    with pytest.raises(ValueError, match=r"points\[0\]\.x=99: outside"):
        hint_layers(Annotations((Point(99, 5, RED, enabled=False),)), *SIZE)


def test_a_weak_hint_is_close_to_the_color_that_is_there_anyway():
    points = (Point(10, 10, RED, strength=0.25), Point(20, 10, BLUE))
    layers = hint_layers(Annotations(points), *SIZE)
    without = torch.arange(2 * 30 * 40).view(1, 2, 30, 40) / 100
    full = layers.with_strength_applied(without).everywhere
    red, blue = layers.everywhere.ab
    assert torch.allclose(full.ab[0], without[0, :, 5, 5] * 0.75 + red * 0.25, atol=1e-5)
    assert torch.equal(full.ab[1], blue)
    assert full.strength is None


@pytest.mark.parametrize("size", [(30, 40), (120, 160)])
def test_strength_stays_with_resized_hints(size):
    points = (Point(10, 10, RED, strength=0.25), Point(41, 30, BLUE), Point(40, 30, BLUE, strength=0))
    hints = Annotations(points).rasterize(*SIZE).resized(size)
    assert hints.strength.tolist() == ([0.25, 0.5] if size == (30, 40) else [0.25, 0, 1])


def test_areas_follow_units_sizes_and_frames():
    in_pixels = Annotations((Point(30, 20, RED, area=TRIANGLE),), (Stroke(((70, 50),), None, 4),))
    relative = Annotations(
        (Point(30.5 / 80, 20.5 / 60, RED, area=tuple(((x + 0.5) / 80, (y + 0.5) / 60) for x, y in TRIANGLE)),),
        (Stroke(((70.5 / 80, 50.5 / 60),), None, 4 / 80),),
        "relative",
    )
    twice = in_pixels.resized(SIZE, (120, 160))
    shift = np.array([[1.0, 0, -5], [0, 1, 3]])
    framed = frame_annotations(in_pixels, SIZE, shift, (70, 90))
    expected = [part.mask(SIZE) for part in hint_layers(in_pixels, *SIZE).parts]
    for got, want in zip(hint_layers(relative, *SIZE).parts, expected, strict=True):
        assert torch.allclose(got.mask(SIZE), want, atol=0.3)
        assert (got.mask(SIZE) - want).abs().mean() < 1e-3
    for got, want in zip(hint_layers(twice, 120, 160).parts, expected, strict=True):
        assert (got.mask(SIZE) - want).abs().mean() < 0.01
    for got, want in zip(hint_layers(framed, 70, 90).parts, expected, strict=True):
        assert torch.allclose(got.mask((70, 90))[..., 3:63, :75], want[..., 5:], atol=0.1)  # the blur is relative
