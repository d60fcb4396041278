import math
import statistics

import pytest
import torch

from chromahint.hints.hints import hints_from_mask
from chromahint.hints.patches import Cells, Points
from chromahint.hints.samplers import FixedProbabilityPixels, LogUniformPixels, Mixture
from chromahint.hints.strokes import Strokes

SAMPLERS = {
    "list": FixedProbabilityPixels([0.05, 0.01]),
    "range": LogUniformPixels(1e-3, 0.1, 0.1),
    "points": Points(),
    "cells": Cells(20, 2),
    "strokes": Strokes(8, 12),
    "mixture": Mixture([LogUniformPixels(1e-3, 0.1), Points(), Cells(20)], [2, 1, 1]),
}


def colors(batch, height, width):
    return torch.randn(batch, 2, height, width, generator=torch.Generator().manual_seed(7)) * 30


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def counts(hints):
    return hints.mask.sum((1, 2, 3))


@pytest.mark.parametrize("size", [(32, 32), (17, 33), (5, 3)])
@pytest.mark.parametrize("name", SAMPLERS)
def test_maps_are_well_formed(name, size):
    ab = colors(6, *size)
    hints = SAMPLERS[name](ab, seeded())
    assert hints.ab.shape == ab.shape
    assert hints.mask.shape == (6, 1, *size)
    assert hints.ab.dtype == hints.mask.dtype == torch.float32
    assert set(hints.mask.unique().tolist()) <= {0.0, 1.0}
    assert (hints.ab * (1 - hints.mask) == 0).all()
    assert hints.mask.sum() > 0


@pytest.mark.parametrize("name", SAMPLERS)
def test_all_randomness_comes_from_the_generator(name):
    ab = colors(6, 24, 20)
    torch.manual_seed(1)
    first = SAMPLERS[name](ab, seeded())
    torch.manual_seed(2)
    again = SAMPLERS[name](ab, seeded())
    other = SAMPLERS[name](ab, seeded(1))
    assert torch.equal(first.mask, again.mask)
    assert torch.equal(first.ab, again.ab)
    assert not torch.equal(first.mask, other.mask)


@pytest.mark.parametrize("name", SAMPLERS)
def test_autocast_does_not_round_colors(name):
    ab = colors(6, 24, 20)
    expected = SAMPLERS[name](ab, seeded())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        hints = SAMPLERS[name](ab, seeded())
    assert torch.equal(hints.ab, expected.ab)


@pytest.mark.parametrize("sampler", [FixedProbabilityPixels([0.2]), LogUniformPixels(0.2, 0.2, 0), Strokes(4, 10)])
def test_pixels_and_strokes_have_their_own_color(sampler):
    ab = colors(3, 20, 30)
    hints = sampler(ab, seeded())
    assert torch.equal(hints.ab, hints_from_mask(ab, hints.mask).ab)


def test_fixed_probability_is_drawn_per_photo():
    shares = counts(FixedProbabilityPixels([0.3, 0.1])(colors(400, 40, 40), seeded())) / 1600
    dense = shares > 0.2
    assert 0.4 < dense.float().mean() < 0.6
    assert shares[dense].mean() == pytest.approx(0.3, abs=0.005)
    assert shares[~dense].mean() == pytest.approx(0.1, abs=0.005)


def test_probabilities_of_zero_and_one():
    ab = colors(2, 8, 8)
    assert counts(FixedProbabilityPixels([0])(ab, seeded())).sum() == 0
    assert counts(FixedProbabilityPixels([1])(ab, seeded())).tolist() == [64, 64]


def test_hint_probability_is_log_uniform():
    shares = counts(LogUniformPixels(0.01, 1.0, 0.25)(colors(2000, 32, 32), seeded())) / 1024
    no_hints = shares == 0
    assert no_hints.float().mean() == pytest.approx(0.25, abs=0.03)
    exponents = shares[~no_hints].log10()
    for quarter in (0.25, 0.5, 0.75):
        assert torch.quantile(exponents, quarter) == pytest.approx(-2 + 2 * quarter, abs=0.1)


def test_number_of_patches_is_geometric():
    # patches of one pixel rarely overlap
    numbers = counts(
        Points(0.125, max_patch_size=1, full_color_probability=0)(colors(1, 96, 96).expand(1500, -1, -1, -1), seeded())
    )
    assert numbers.mean() == pytest.approx(7, abs=0.6)
    assert (numbers == 0).float().mean() == pytest.approx(0.125, abs=0.03)
    assert numbers.std() == pytest.approx(math.sqrt(0.875) / 0.125, abs=1)


def test_patches_are_square_and_have_their_mean_color():
    ab = colors(300, 40, 50)
    hints = Points(0.9, max_patch_size=9, full_color_probability=0)(ab, seeded())
    sides, centers = [], []
    for photo, hint, mask in zip(ab, hints.ab, hints.mask[:, 0] > 0, strict=True):
        rows, columns = mask.any(1).nonzero()[:, 0], mask.any(0).nonzero()[:, 0]
        if len(rows) == 0 or len(rows) != len(columns) or mask.sum() != len(rows) ** 2:
            continue
        sides.append(len(rows))
        centers.append([rows.float().mean() / 39, columns.float().mean() / 49])
        mean = photo[:, mask].mean(1, keepdim=True)
        torch.testing.assert_close(hint[:, mask], mean.expand(-1, len(rows) ** 2), atol=1e-4, rtol=1e-4)
    assert len(sides) > 20
    assert {min(sides), max(sides)} <= set(range(1, 10))
    assert len(set(sides)) > 5
    assert torch.tensor(centers).mean(0).tolist() == pytest.approx([0.5, 0.5], abs=0.1)


def test_patches_are_normally_distributed_around_the_center():
    mask = Points(0.01, max_patch_size=1, full_color_probability=0)(colors(64, 101, 101), seeded()).mask.sum((0, 1))
    position = torch.arange(101.0)
    for axis in (0, 1):
        share = mask.sum(axis) / mask.sum()
        mean = (share * position).sum()
        assert mean == pytest.approx(50, abs=2)
        # a normal distribution with a standard deviation of 25, clamped to the border
        assert (share * (position - mean) ** 2).sum().sqrt() == pytest.approx(24, abs=2)


def test_overlapping_patches_do_not_add_up():
    ab = torch.tensor([20.0, -30.0]).view(1, 2, 1, 1).expand(4, 2, 12, 12)
    hints = Points(0.02, max_patch_size=9, full_color_probability=0)(ab, seeded())
    assert hints.mask.mean() > 0.5
    torch.testing.assert_close(hints.ab, ab * hints.mask, atol=1e-4, rtol=0)


def test_points_can_give_full_color():
    ab = colors(200, 6, 6)
    hints = Points(0.5, max_patch_size=1, full_color_probability=0.3)(ab, seeded())
    whole = counts(hints) == 36
    assert whole.float().mean() == pytest.approx(0.3, abs=0.1)
    assert torch.equal(hints.ab[whole], ab[whole])


def test_number_of_cells_is_uniform():
    numbers = counts(Cells(max_cells=9, cell_size=2)(colors(3000, 8, 8), seeded())) / 4
    share = torch.bincount(numbers.long(), minlength=10) / 3000
    assert torch.equal(numbers, numbers.round())
    assert len(share) == 10
    torch.testing.assert_close(share, torch.full((10,), 0.1), atol=0.025, rtol=0)


@pytest.mark.parametrize("size", [2, 3])
def test_cells_lie_on_the_grid_and_have_their_mean_color(size):
    ab = colors(5, 20, 23)
    hints = Cells(max_cells=30, cell_size=size)(ab, seeded())
    rows, columns = 20 // size, 23 // size
    marked = set()
    for photo in range(5):
        for row in range(rows):
            for column in range(columns):
                here = (
                    photo,
                    slice(None),
                    slice(row * size, row * size + size),
                    slice(column * size, column * size + size),
                )
                mask = hints.mask[here]
                assert mask.min() == mask.max()
                if mask.max() > 0:
                    marked.add((row, column))
                    mean = ab[here].mean((1, 2), keepdim=True)
                    torch.testing.assert_close(hints.ab[here], mean.expand(-1, size, size), atol=1e-4, rtol=1e-4)
    assert len(marked) > 20
    assert hints.mask[:, :, rows * size :].sum() == hints.mask[..., columns * size :].sum() == 0


def test_cells_are_uniform_over_the_grid():
    visits = Cells(max_cells=4, cell_size=2)(colors(1, 12, 16).expand(4000, -1, -1, -1), seeded()).mask.mean((0, 1))
    torch.testing.assert_close(visits, torch.full((12, 16), 2 / 48), atol=0.015, rtol=0)


def test_number_of_cells_is_limited_by_the_photo():
    assert counts(Cells(max_cells=128, cell_size=2)(colors(300, 4, 4), seeded())).max() == 16


def test_mixture_picks_one_sampler_per_photo():
    mixture = Mixture([FixedProbabilityPixels([0]), FixedProbabilityPixels([1]), Cells(1, 2)], [1, 3, 0])
    numbers = counts(mixture(colors(1000, 6, 6), seeded())).tolist()
    assert set(numbers) == {0, 36}
    assert statistics.mean(n == 36 for n in numbers) == pytest.approx(0.75, abs=0.05)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: FixedProbabilityPixels([]), r"hints.probabilities=\[\]: must be a list \[...\] of 1 to 1000"),
        (lambda: FixedProbabilityPixels([0.1, 1.5]), r"hints.probabilities=.*, each item a number >= 0 and <= 1"),
        (lambda: LogUniformPixels(0, 0.1, 0), "hints.low=0: must be a number > 0 and <= 1. Try hints.low=1e-05"),
        (lambda: LogUniformPixels(0.2, 0.1, 0), "hints.low=0.2: must be <= hints.high=0.1. Try hints.low="),
        (lambda: LogUniformPixels(0.1, 0.2, 2), "hints.no_hint_probability=2: .* Try hints.no_hint_probability=0.05"),
        (lambda: Points(stop_probability=0), "hints.stop_probability=0: .* Try hints.stop_probability=0.125"),
        (lambda: Points(max_patch_size=0), "hints.max_patch_size=0: .* Try hints.max_patch_size=9"),
        (lambda: Points(full_color_probability=-0.1), "hints.full_color_probability=-0.1: .* Try hints.full_color"),
        (lambda: Cells(max_cells=0), "hints.max_cells=0: must be an integer >= 1 .* Try hints.max_cells=128"),
        (lambda: Cells(cell_size=0), "hints.cell_size=0: must be an integer >= 1 .* Try hints.cell_size=2"),
        (lambda: Cells(cell_size=9)(colors(1, 8, 8), seeded()), "hints.cell_size=2"),
        (lambda: Strokes(max_strokes=0), "hints.max_strokes=0: must be an integer >= 1 .* Try hints.max_strokes=12"),
        (lambda: Strokes(max_length=0), "hints.max_length=0: must be an integer >= 1 .* Try hints.max_length=48"),
        (lambda: Strokes(max_radius=-1), "hints.max_radius=-1: must be an integer >= 0 .* Try hints.max_radius=2"),
        (lambda: Strokes(curvature=-0.1), "hints.curvature=-0.1: must be a number >= 0 .* Try hints.curvature=0.25"),
        (lambda: Strokes(curvature=math.inf), "hints.curvature=inf: must be a finite number >= 0"),
        (lambda: Mixture([], []), r"hints.weights=\[\]: must be a list \[...\] of 1 to 1000"),
        (lambda: Mixture([Points()], [1, 2]), r"hints.weights=\[1, 2\]: .* Try 'hints.weights=\[1\]'"),
        (lambda: Mixture([Points(), Cells()], [1, -1]), "hints.weights=.*, each item a number >= 0"),
        (lambda: Mixture([Points(), Cells()], [0, 0]), r"hints.weights=\[0, 0\]: .* Try 'hints.weights=\[1, 1\]'"),
    ],
)
def test_invalid_options_raise_value_error(build, message):
    with pytest.raises(ValueError, match=message):
        build()
