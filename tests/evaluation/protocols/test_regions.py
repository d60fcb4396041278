"""Hints in regions: the largest regions first, nested, and the same for every network, batch and process."""

import itertools

import numpy as np
import pytest
import skimage.data
import torch

from chromahint.evaluation.protocols import regions as regions_module
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.regions import Regions
from chromahint.evaluation.segmentation import segment

SIZE = 64
IDS = ["a", "b"]
COUNTS = [1, 2, 5, 20, 50]
KINDS = ["click", "scribble"]


@pytest.fixture(scope="module")
def truth():
    astronaut = torch.from_numpy(skimage.data.astronaut()[::2, ::2].copy()).permute(2, 0, 1)
    return LabImages.from_rgb(torch.stack([astronaut[:, top : top + SIZE, 100 : 100 + SIZE] for top in (20, 170)]))


@pytest.mark.parametrize("kind", KINDS)
def test_hints_of_fewer_regions_are_a_subset(kind, truth):
    protocol = Regions(kind, COUNTS, SIZE)
    hints = [protocol.hints(truth, IDS, count) for count in [0, *COUNTS]]
    assert hints[0].mask.sum() == 0
    for fewer, more in itertools.pairwise(hints):
        assert (fewer.mask <= more.mask).all()
        assert torch.equal(fewer.ab, more.ab * fewer.mask)


def test_clicks_are_single_pixels_with_the_median_color_around_them(truth):
    for count in COUNTS:
        hints = Regions("click", COUNTS, SIZE).hints(truth, IDS, count)
        assert hints.mask.sum((1, 2, 3)).tolist() == [count] * 2
    padded = np.pad(truth.ab.numpy(), [(0, 0), (0, 0), (2, 2), (2, 2)], mode="reflect")
    for image, _, row, column in hints.mask.nonzero().tolist():
        patch = padded[image, :, row : row + 5, column : column + 5].reshape(2, 25)
        np.testing.assert_array_equal(hints.ab[image, :, row, column].numpy(), np.median(patch, axis=1))


def test_first_clicks_are_in_different_regions_the_largest_first(truth):
    labels = segment(truth.rgb[0].permute(1, 2, 0).numpy())
    for count in (1, 2, 5):
        mask = Regions("click", COUNTS, SIZE).hints(truth, IDS, count).mask[0, 0].numpy() > 0
        assert sorted(labels[mask]) == list(range(count))


def test_scribbles_lie_in_their_regions_and_hold_the_photos_colors(truth):
    labels = segment(truth.rgb[0].permute(1, 2, 0).numpy())
    hints = Regions("scribble", COUNTS, SIZE).hints(truth, IDS, 2)
    mask = hints.mask[0, 0].numpy() > 0
    assert set(labels[mask]) == {0, 1}
    assert mask.sum() > 10
    assert torch.equal(hints.ab, truth.ab * hints.mask)


@pytest.mark.parametrize("kind", KINDS)
def test_hints_depend_on_neither_batch_nor_order(kind, truth):
    protocol = Regions(kind, COUNTS, SIZE)
    together = protocol.hints(truth, IDS, 5)
    backwards = Regions(kind, COUNTS, SIZE).hints(LabImages(*(part.flip(0) for part in truth)), IDS[::-1], 5)
    assert torch.equal(together.mask, backwards.mask.flip(0))
    assert torch.equal(together.ab, backwards.ab.flip(0))


@pytest.mark.parametrize("kind", KINDS)
def test_a_photo_is_segmented_once(kind, truth, monkeypatch):
    calls = []
    monkeypatch.setattr(regions_module, "segment", lambda rgb: calls.append(1) or segment(rgb))
    protocol = Regions(kind, COUNTS, SIZE)
    for count in COUNTS:
        protocol.hints(truth, IDS, count)
    assert len(calls) == 2


def test_more_hints_than_the_protocol_reports(truth):
    protocol = Regions("click", [1, 2], SIZE)
    few, many = protocol.hints(truth, IDS, 2), protocol.hints(truth, IDS, 30)
    assert many.mask.sum() == 60
    assert (few.mask <= many.mask).all()


def test_defaults_and_errors(truth):
    assert (Regions().kind, Regions().hint_counts, Regions().size) == ("click", [1, 2, 3, 5, 10, 20, 50], 256)
    with pytest.raises(ValueError, match=r"64x64 pixels.* Use protocol.size=64"):
        Regions(size=32).hints(truth, IDS, 1)
    with pytest.raises(ValueError, match=r"protocol.kind=stroke: must be click or scribble"):
        Regions("stroke")
