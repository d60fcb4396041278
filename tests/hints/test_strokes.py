"""Shape of strokes. test_samplers.py has the tests that apply to every sampler."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from chromahint.hints.strokes import Strokes

SIZE = 96


def masks(sampler, batch=300, size=SIZE, seed=0):
    ab = torch.zeros(1, 2, size, size).expand(batch, -1, -1, -1)
    return sampler(ab, torch.Generator().manual_seed(seed)).mask[:, 0].numpy() > 0


def single(sampler, **options):
    """Return the masks with a stroke that does not touch the border, for a sampler of at most one stroke."""
    return [mask for mask in masks(sampler, **options) if mask.any() and not border(mask).any()]


def border(mask):
    return np.concatenate([mask[0], mask[-1], mask[:, 0], mask[:, -1]])


def extents(mask):
    """Return the length and width of a shape along its principal axes, from the first to the last pixel."""
    pixels = np.argwhere(mask) - np.argwhere(mask).mean(0)
    _, _, axes = np.linalg.svd(pixels, full_matrices=False)
    return np.ptp(pixels @ axes.T, axis=0)


def brush(radius):
    rows, columns = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.hypot(rows, columns) < radius + 0.5


@pytest.mark.parametrize("curvature", [0.0, 0.25, 1.0])
def test_strokes_are_connected(curvature):
    found = single(Strokes(1, max_length=40, max_radius=0, curvature=curvature))
    assert len(found) > 50
    assert {ndimage.label(mask, np.ones((3, 3)))[1] for mask in found} == {1}


def test_the_number_of_strokes_is_uniform():
    # single pixels, which rarely overlap
    numbers = masks(Strokes(5, max_length=1, max_radius=0), batch=3000).sum((1, 2))
    share = np.bincount(numbers, minlength=6) / 3000
    assert share.tolist() == pytest.approx([1 / 6] * 6, abs=0.03)


def test_lengths_range_from_one_pixel_to_the_maximum():
    lengths = [extents(mask)[0] for mask in single(Strokes(1, max_length=30, max_radius=0, curvature=0.0), size=256)]
    assert min(lengths) < 3
    assert 27 < max(lengths) < 30.5
    assert np.mean(lengths) == pytest.approx(14.5, abs=1.5)


@pytest.mark.parametrize(("curvature", "low", "high"), [(0.0, 0.0, 1.3), (0.5, 4.0, 25.0)])
def test_strokes_are_straight_or_curved(curvature, low, high):
    widths = [
        extents(mask)[1]
        for mask in single(Strokes(1, max_length=40, max_radius=0, curvature=curvature))
        if mask.sum() > 20
    ]
    assert low <= np.mean(widths) <= high
    assert (max(widths) < 1.5) == (curvature == 0)


def test_brush_is_round_with_every_radius():
    found = single(Strokes(1, max_length=1, max_radius=3))
    shapes = {tuple(mask[np.ix_(mask.any(1), mask.any(0))].astype(int).ravel()) for mask in found}
    expected = {tuple(brush(radius).astype(int).ravel()) for radius in range(4)}
    assert shapes == expected


def test_wide_strokes_are_drawn_with_a_round_brush():
    checked = 0
    for mask in single(Strokes(1, max_length=30, max_radius=2)):
        radius = max(r for r in range(3) if ndimage.binary_opening(mask, brush(r)).sum() == mask.sum())
        assert np.array_equal(ndimage.binary_opening(mask, brush(radius)), mask)
        checked += radius == 2 and mask.sum() > 60
    assert checked > 10


def test_positions_and_directions_are_uniform():
    visits = masks(Strokes(12, max_length=20, max_radius=0), batch=400, size=48).mean(0)
    inner = visits[12:-12, 12:-12]
    assert (visits > 0).mean() > 0.99
    assert inner.mean(0).std() < 0.15 * inner.mean()
    assert inner.mean(1).std() < 0.15 * inner.mean()
    found = single(Strokes(1, max_length=40, max_radius=0, curvature=0.0))
    heights, widths = (np.array([mask.any(axis).sum() for mask in found]) for axis in (1, 0))
    assert np.mean(heights > widths) == pytest.approx(0.5, abs=0.15)


def test_strokes_are_clipped_at_the_border():
    """A stroke that leaves the photo on one side does not reappear on the other."""
    for mask in masks(Strokes(1, max_length=30, max_radius=1, curvature=0.0)):
        if mask.any():
            assert np.ptp(np.argwhere(mask), axis=0).max() <= 33
