"""The palette protocol gives palettes of the photo or of another picture, and measures histogram intersection."""

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.palette import Palette, other_pictures
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.gamut_bins import ab_histogram
from chromahint.hints.palettes import extract_palette

SIZE = 64


@pytest.fixture(scope="module")
def truth():
    tiles = NaturalTiles(SIZE)
    rgb = torch.stack([torch.from_numpy(tiles.read(index).copy()).permute(2, 0, 1) for index in (0, 40, 90)])
    return LabImages.from_rgb(rgb)


def test_palette_is_that_of_the_photo_next_to_the_pixels_of_random_pixels(truth):
    protocol = Palette(size=SIZE, num_colors=3)
    hints = protocol.hints(truth, ["a", "b", "c"], 5)
    expected = RandomPixels(size=SIZE, hint_counts=[0, 1, 5, 10]).hints(truth, ["a", "b", "c"], 5)
    assert torch.equal(hints.mask, expected.mask)
    assert torch.equal(hints.ab, expected.ab)
    palette, weights = extract_palette(truth.ab, 3)
    assert torch.equal(hints.global_hints.palette, palette)
    assert torch.equal(hints.global_hints.palette_weights, weights)
    assert Palette(palette="none", size=SIZE).hints(truth, ["a", "b", "c"], 0).global_hints is None


def test_other_picture_depends_on_the_photo_only(truth):
    protocol = Palette(palette="other", size=SIZE)
    together = protocol.hints(truth, ["a", "b", "c"], 0).global_hints.palette
    for index in range(3):
        alone = LabImages(*(each[index : index + 1] for each in truth))
        assert torch.equal(protocol.hints(alone, ["x"], 0).global_hints.palette[0], together[index])
        assert not torch.equal(together[index], Palette(size=SIZE).hints(alone, ["x"], 0).global_hints.palette[0])


@pytest.mark.parametrize(
    ("palette", "histogram_of"), [("own", None), ("none", None), ("other", None), ("none", "other")]
)
def test_histogram_intersection(truth, palette, histogram_of):
    protocol = Palette(palette=palette, histogram_of=histogram_of, size=SIZE)
    with_other = "other" in (palette, histogram_of)
    expected = other_pictures(truth.rgb) if with_other else truth.ab
    gray = LabImages(truth.lightness, torch.zeros_like(truth.ab), lab_to_rgb8(truth.lightness, 0 * truth.ab))
    found = protocol.measure(gray, truth)["histogram_intersection"].numpy()
    for image in range(3):
        one, other = ab_histogram(0 * truth.ab)[image].numpy(), ab_histogram(expected[image : image + 1])[0].numpy()
        assert found[image] == pytest.approx(np.minimum(one, other).sum(), abs=0.02)
    own = protocol.measure(truth, truth)["histogram_intersection"]
    assert (own > 0.99).all() != with_other


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "palette_own"),
        ({"palette": "none"}, "palette_none"),
        ({"palette": "none", "histogram_of": "own"}, "palette_none"),
        ({"palette": "none", "histogram_of": "other"}, "palette_none_compared_with_other"),
        ({"palette": "other", "histogram_of": "own"}, "palette_other_compared_with_own"),
    ],
)
def test_results_with_different_palettes_have_different_names(options, name):
    assert Palette(**options).name == name
