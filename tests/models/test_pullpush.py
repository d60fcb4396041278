"""Pull-push interpolation against a loop implementation."""

import numpy as np
import pytest
import torch

from chromahint.hints.hints import concatenate_hints, hints_from_mask, no_hints
from chromahint.models.pullpush import PullPush


def random_input(height, width, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    ab = torch.rand(1, 2, height, width, generator=generator) * 160 - 80
    mask = torch.zeros(height * width)
    mask[torch.randperm(height * width, generator=generator)[:count]] = 1
    return torch.rand(1, 1, height, width, generator=generator) * 100, hints_from_mask(
        ab, mask.view(1, 1, height, width)
    )


def upsampled(coarse, height, width):
    """Upsample by 2 with bilinear weights of up to four neighbors; pixel centers are at half integers."""
    rows, columns = coarse.shape[:2]
    result = np.zeros((height, width, 2))
    for y in range(height):
        for x in range(width):
            v, u = max((y + 0.5) / 2 - 0.5, 0), max((x + 0.5) / 2 - 0.5, 0)
            top, left = int(v), int(u)
            bottom, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            upper = coarse[top, left] * (1 - (u - left)) + coarse[top, right] * (u - left)
            lower = coarse[bottom, left] * (1 - (u - left)) + coarse[bottom, right] * (u - left)
            result[y, x] = upper * (1 - (v - top)) + lower * (v - top)
    return result


def reference(ab, weight):
    height, width = weight.shape
    if height == width == 1:
        return ab
    shape = (-(-height // 2), -(-width // 2))
    coarse, coarse_weight = np.zeros((*shape, 2)), np.zeros(shape)
    for y in range(shape[0]):
        for x in range(shape[1]):
            block = np.s_[2 * y : 2 * y + 2, 2 * x : 2 * x + 2]
            total = weight[block].sum()
            if total > 0:
                coarse[y, x] = (ab[block] * weight[block][..., None]).sum((0, 1)) / total
            coarse_weight[y, x] = min(total, 1)
    filling = upsampled(reference(coarse, coarse_weight), height, width)
    return ab * weight[..., None] + filling * (1 - weight[..., None])


@pytest.mark.parametrize(("height", "width", "count"), [(16, 16, 5), (13, 21, 9), (1, 9, 2), (17, 4, 68)])
def test_matches_a_loop_implementation(height, width, count):
    lightness, hints = random_input(height, width, count)
    expected = reference(hints.ab[0].permute(1, 2, 0).double().numpy(), hints.mask[0, 0].double().numpy())
    actual = PullPush()(lightness, hints)[0].permute(1, 2, 0)
    np.testing.assert_allclose(actual, expected, atol=1e-3)


def test_hinted_pixels_keep_their_color():
    lightness, hints = random_input(50, 70, 300)
    ab = PullPush()(lightness, hints)
    hinted = hints.mask.expand_as(ab) == 1
    torch.testing.assert_close(ab[hinted], hints.ab[hinted], atol=1e-4, rtol=0)


def test_one_hint_colors_the_whole_image():
    lightness, hints = random_input(33, 47, 1)
    ab = PullPush()(lightness, hints)
    color = hints.ab.sum(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(ab, color.expand_as(ab), atol=1e-3, rtol=0)


def test_image_without_hints_stays_gray():
    lightness, _ = random_input(8, 12, 1)
    assert not PullPush()(lightness, no_hints(lightness)).any()


def test_images_of_a_batch_are_independent():
    one, other = random_input(20, 30, 4, seed=1), random_input(20, 30, 40, seed=2)
    both = PullPush()(torch.cat([one[0], other[0]]), concatenate_hints([one[1], other[1]]))
    torch.testing.assert_close(both, torch.cat([PullPush()(*one), PullPush()(*other)]))


def test_colors_stay_within_the_range_of_the_hints():
    lightness, hints = random_input(40, 40, 25)
    ab = PullPush()(lightness, hints)
    for channel in (0, 1):
        hinted = hints.ab[:, channel][hints.mask[:, 0] == 1]
        assert hinted.min() - 1e-3 <= ab[:, channel].min()
        assert ab[:, channel].max() <= hinted.max() + 1e-3
