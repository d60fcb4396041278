"""The default protocol samples nested, reproducible random pixels."""

import itertools

import pytest
import torch

from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.eval_positions import positions
from chromahint.hints.hints import hints_from_mask

IDS = ["a", "b", "c"]


def photos(batch=3, size=32):
    ab = torch.randn(batch, 2, size, size, generator=torch.Generator().manual_seed(0)) * 30
    return LabImages(torch.full_like(ab[:, :1], 50), ab, torch.zeros(batch, 3, size, size, dtype=torch.uint8))


def flipped(images):
    return LabImages(*(tensor.flip(0) for tensor in images))


def one(images, index):
    return LabImages(*(tensor[index : index + 1] for tensor in images))


PROTOCOL = RandomPixels(hint_counts=[0, 1, 10, 100, 1024], size=32, seed=5)


@pytest.mark.parametrize("count", PROTOCOL.hint_counts)
def test_each_image_reveals_the_requested_number_of_pixels(count):
    truth = photos()
    hints = PROTOCOL.hints(truth, IDS, count)
    assert hints.mask.sum((1, 2, 3)).tolist() == [count] * 3
    assert torch.equal(hints.ab, hints_from_mask(truth.ab, hints.mask).ab)
    for mask, name in zip(hints.mask, IDS, strict=True):
        assert set(mask.flatten().nonzero()[:, 0].tolist()) == set(positions(name, 5, 32, 32, count).tolist())


def test_positions_of_fewer_hints_are_a_subset():
    truth = photos()
    masks = [PROTOCOL.hints(truth, IDS, count).mask for count in PROTOCOL.hint_counts]
    for fewer, more in itertools.pairwise(masks):
        assert (fewer <= more).all()


def test_hints_depend_on_neither_batch_nor_order():
    truth = photos()
    together = PROTOCOL.hints(truth, IDS, 10)
    backwards = PROTOCOL.hints(flipped(truth), IDS[::-1], 10)
    alone = PROTOCOL.hints(one(truth, 1), IDS[1:2], 10)
    assert torch.equal(together.mask, backwards.mask.flip(0))
    assert torch.equal(together.ab, backwards.ab.flip(0))
    assert torch.equal(together.mask[1:2], alone.mask)


def test_positions_differ_between_images_and_seeds():
    hints = PROTOCOL.hints(photos(), IDS, 10)
    assert not torch.equal(hints.mask[0], hints.mask[1])
    other = RandomPixels(hint_counts=[10], size=32, seed=6).hints(photos(), IDS, 10)
    assert not torch.equal(hints.mask, other.mask)


def test_defaults():
    protocol = RandomPixels()
    assert protocol.name == "random_pixels"
    assert protocol.hint_counts == [0, 1, 10, 100, 328, 1966]
    assert (protocol.size, protocol.seed) == (256, 0)


@pytest.mark.parametrize(
    ("counts", "suggestion"),
    [
        ([1, 1], "1"),
        ([10, 1], "1,10"),
        ([0, 257], "0"),
        ([1000], "0,1,10"),
    ],
)
def test_error_for_invalid_counts_suggests_valid_ones(counts, suggestion):
    with pytest.raises(ValueError, match=rf"Try 'protocol.hint_counts=\[{suggestion}\]'"):
        RandomPixels(hint_counts=counts, size=16)


@pytest.mark.parametrize("counts", [[], [-1, 4], [10**19], [1.5], list(range(1001))])
def test_hint_counts_out_of_range_are_reported(counts):
    with pytest.raises(
        ValueError, match=r"protocol\.hint_counts=.*: must be a list \[\.\.\.\] of 1 to 1000, each item an"
    ):
        RandomPixels(hint_counts=counts, size=16)


def test_error_if_images_have_another_size():
    with pytest.raises(ValueError, match=r"64x64 pixels.* Use protocol.size=64"):
        PROTOCOL.hints(photos(size=64), IDS, 10)


def test_error_if_images_are_too_small_for_ssim():
    with pytest.raises(ValueError, match=r"protocol\.size=6: must be an integer >= 16"):
        RandomPixels(hint_counts=[1], size=6)
