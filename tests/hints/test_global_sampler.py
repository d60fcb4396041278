"""Samplers of global hints."""

import dataclasses

import numpy as np
import pytest
import torch
from skimage.color import rgb2hsv

from chromahint.color import rgb_to_lab
from chromahint.hints.gamut_bins import ab_histogram
from chromahint.hints.global_sampler import WithGlobalHints, mean_saturation
from chromahint.hints.palettes import extract_palette
from chromahint.hints.samplers import FixedProbabilityPixels, LogUniformPixels, Mixture

ALL = WithGlobalHints(FixedProbabilityPixels([0.0]), 1.0, 1.0, 1.0, 3, 3, 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def photos():
    """Lightness and ab of four images of random colors."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(4, 3, 4, 4, generator=generator)
    return rgb_to_lab(torch.nn.functional.interpolate(small, (32, 32), mode="bilinear"))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_global_hints_are_those_of_the_photo(photos):
    lightness, ab = photos
    known = ALL.sample(lightness, ab, seeded()).global_hints
    palette, weights = extract_palette(ab, 3)
    torch.testing.assert_close(known.palette, palette)
    torch.testing.assert_close(known.palette_weights, weights)
    torch.testing.assert_close(known.histogram, ab_histogram(ab))
    torch.testing.assert_close(known.saturation, mean_saturation(lightness, ab))


def test_saturation_is_that_of_hsv():
    rgb = torch.rand(2, 3, 6, 5, generator=seeded(1))
    expected = [rgb2hsv(image.permute(1, 2, 0).numpy())[..., 1].mean() for image in rgb]
    np.testing.assert_allclose(mean_saturation(*rgb_to_lab(rgb))[:, 0].numpy(), expected, atol=1e-3)


def test_saturation_is_left_out_without_lightness(photos):
    known = ALL(photos[1], seeded()).global_hints
    assert not known.has_saturation.any()
    assert known.has_histogram.all()


def test_each_is_dropped_with_its_probability(photos):
    lightness, ab = (each[:1].expand(2000, -1, -1, -1)[..., ::8, ::8] for each in photos)
    sampler = dataclasses.replace(
        ALL, histogram_probability=0.2, saturation_probability=0.5, palette_probability=0.8, max_colors=7
    )
    known = sampler.sample(lightness, ab, seeded()).global_hints
    shares = [each.float().mean().item() for each in (known.has_histogram, known.has_saturation, known.has_palette)]
    assert shares == pytest.approx([0.2, 0.5, 0.8], abs=0.04)
    assert torch.equal(known.histogram.sum(dim=1) > 0, known.has_histogram[:, 0] > 0)
    sizes = (known.palette_weights > 0).sum(dim=1)[known.has_palette]
    assert {3, 4, 5, 6, 7} >= set(sizes.tolist()) >= {3, 4, 5}


def test_weights_can_be_equal_and_colors_noisy(photos):
    sampler = dataclasses.replace(ALL, equal_weights_probability=1.0, jitter=4.0)
    known = sampler.sample(*photos, seeded()).global_hints
    torch.testing.assert_close(known.palette_weights[:, :3], torch.full((4, 3), 1 / 3))
    difference = (known.palette - extract_palette(photos[1], 3)[0])[:, :3]
    assert 2 < difference.std() < 6
    assert not known.palette[:, 3:].any()


def test_global_hints_of_another_photo(photos):
    known = dataclasses.replace(ALL, other_photo_probability=1.0).sample(*photos, seeded()).global_hints
    torch.testing.assert_close(known.palette, extract_palette(photos[1], 3)[0].roll(-1, dims=0))
    torch.testing.assert_close(known.histogram, ab_histogram(photos[1]).roll(-1, dims=0))


def test_local_hints_are_those_of_the_other_sampler(photos):
    local = LogUniformPixels(0.1, 0.2)
    hints = dataclasses.replace(ALL, local=local).sample(*photos, seeded())
    assert torch.equal(hints.mask, local(photos[1], seeded()).mask)


def test_mixture_with_a_sampler_without_global_hints(photos):
    ab = photos[1][:1].expand(200, -1, -1, -1)
    hints = Mixture([ALL, LogUniformPixels(0.1, 0.2, 0.0)], [1, 1])(ab, seeded())
    has_points = hints.mask.flatten(1).any(dim=1)
    assert 0.3 < has_points.float().mean() < 0.7
    assert torch.equal(hints.global_hints.has_palette, ~has_points)


def test_range_of_palette_sizes_is_checked():
    with pytest.raises(ValueError, match="hints.min_colors=5: must be <= hints.max_colors=4"):
        dataclasses.replace(ALL, min_colors=5, max_colors=4)
