"""The 313 bins, their soft encoding, and histograms, against the published bins and loops in NumPy."""

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from chromahint.hints.gamut_bins import ab_histogram, gamut_bins, soft_encode

# smallest and largest b of the published bins, for each a
PUBLISHED = {
    -90: (50, 90), -80: (20, 90), -70: (0, 90), -60: (-20, 90), -50: (-30, 100), -40: (-40, 100), -30: (-50, 100),
    -20: (-50, 100), -10: (-60, 100), 0: (-70, 100), 10: (-80, 90), 20: (-80, 90), 30: (-90, 90), 40: (-100, 90),
    50: (-100, 80), 60: (-110, 80), 70: (-110, 80), 80: (-110, 70), 90: (-110, 70), 100: (-90, 0),
}  # fmt: skip


def test_bins_are_those_of_the_publication():
    expected = [[float(a), float(b)] for a, (low, high) in PUBLISHED.items() for b in range(low, high + 1, 10)]
    assert gamut_bins().tolist() == expected
    assert len(expected) == 313


def test_bins_have_values_after_use_with_fake_tensors_and_other_devices():
    with FakeTensorMode(), torch.device("meta"):
        gamut_bins()
    assert gamut_bins()[0].tolist() == [-90, 50]


def test_colors_are_spread_over_their_five_nearest_bins():
    colors = torch.rand(20, 2, generator=torch.Generator().manual_seed(0)) * 160 - 80
    encoded = soft_encode(colors)
    for n, color in enumerate(colors.numpy()):
        distance = np.linalg.norm(gamut_bins().numpy() - color, axis=1)
        nearest = np.argsort(distance)[:5]
        weights = np.exp(-(distance[nearest] ** 2) / 50)
        assert encoded.bins[n].tolist() == nearest.tolist()
        np.testing.assert_allclose(encoded.weights[n].numpy(), weights / weights.sum(), atol=1e-5)


def test_colors_far_outside_the_gamut_are_encoded():
    assert soft_encode(torch.tensor([[1000.0, -1000.0]])).weights.sum() == 1


def test_histogram_is_the_mean_encoding_of_every_fourth_pixel():
    ab = torch.rand(2, 2, 12, 8, generator=torch.Generator().manual_seed(1)) * 100 - 50
    histogram = ab_histogram(ab)
    for image in range(2):
        expected = np.zeros(313)
        for row in range(0, 12, 4):
            for column in range(0, 8, 4):
                bins, weights = soft_encode(ab[image, :, row, column][None])
                expected[bins[0].numpy()] += weights[0].numpy() / 6
        np.testing.assert_allclose(histogram[image].numpy(), expected, atol=1e-6)
