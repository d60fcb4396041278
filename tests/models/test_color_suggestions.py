"""Color suggestions for known class logits."""

import numpy as np
import pytest
import torch

from chromahint.color import in_gamut
from chromahint.hints.hints import no_hints
from chromahint.models.ab_bins import NUM_CLASSES, ab_classes, class_centers
from chromahint.models.color_suggestions import LOGIT_SCALE, MAX_SUGGESTIONS, suggest_colors
from chromahint.models.unet import UNet
from chromahint.models.zhang2017 import Zhang2017


class FixedLogits(torch.nn.Module):
    """Network that returns the same logits at every pixel, or a map of logits."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def with_classes(self, lightness, hints):
        size = [-(-side // 4) for side in lightness.shape[-2:]]
        return torch.zeros(1, 2, *lightness.shape[-2:]), self.logits.expand(1, NUM_CLASSES, *size)

    def freeze_classes(self):
        raise NotImplementedError


def class_of(a, b):
    return int(ab_classes(torch.tensor([float(a), float(b)]).view(1, 2, 1, 1)))


def peaked_logits(*peaks):
    """Return logits with the given peaks ((a, b), logit); all other classes get a probability of 0."""
    logits = torch.full((NUM_CLASSES,), -1e4)
    for (a, b), logit in peaks:
        logits[class_of(a, b)] = logit
    return logits.view(1, NUM_CLASSES, 1, 1)


def uniform_input(lightness):
    gray = torch.full((1, 1, 12, 16), float(lightness))
    return gray, no_hints(gray)


def test_two_peaks_give_two_colors_with_their_probabilities():
    found = suggest_colors(FixedLogits(peaked_logits(((20, 30), 10.0), ((-20, 10), 5.0))), *uniform_input(60), 3, 7)
    assert [suggestion.ab for suggestion in found] == [(20, 30), (-20, 10)]
    odds = np.exp(LOGIT_SCALE * 5)
    assert [s.probability for s in found] == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])


def test_adjacent_classes_merge_into_one_suggestion():
    far = [(-30, 0), (40, 0), (0, 40), (0, -40), (30, 30), (-30, 30), (30, -30), (60, 20)]
    peaks = [((0, 0), 6.0), ((10, 0), 6.0), *((place, 5.0) for place in far)]
    found = suggest_colors(FixedLogits(peaked_logits(*peaks)), *uniform_input(55), 0, 0)
    assert len(found) == MAX_SUGGESTIONS
    assert found[0].ab == pytest.approx((5, 0))
    assert sum(s.probability for s in found) == pytest.approx(1)


def test_suggestions_are_a_fixed_point_of_weighted_k_means():
    """Each class belongs to its closest mean, which is the weighted mean of its classes."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, NUM_CLASSES, 1, 1, generator=generator) * 10
    gray, hints = uniform_input(60)
    found = suggest_colors(FixedLogits(logits), gray, hints, 5, 5)
    colors = class_centers()
    shown = in_gamut(torch.full((1, 1, 1, NUM_CLASSES), 60.0), colors.T[None, :, None]).flatten().numpy()
    weight = np.exp(LOGIT_SCALE * logits.flatten().double().numpy())[shown]
    weight /= weight.sum()
    points, means = colors.double().numpy()[shown], np.array([s.ab for s in found])
    cluster = np.linalg.norm(points[:, None] - means, axis=2).argmin(1)
    assert len(found) == MAX_SUGGESTIONS
    for number, suggestion in enumerate(found):
        members = cluster == number
        assert suggestion.probability == pytest.approx(weight[members].sum())
        np.testing.assert_allclose(
            suggestion.ab, (weight[members, None] * points[members]).sum(0) / weight[members].sum()
        )
    assert [s.probability for s in found] == sorted((s.probability for s in found), reverse=True)


@pytest.mark.parametrize("lightness", [2, 50, 97])
def test_suggestions_are_in_gamut(lightness):
    found = suggest_colors(FixedLogits(torch.zeros(1, NUM_CLASSES, 1, 1)), *uniform_input(lightness), 0, 0)
    for suggestion in found:
        ab = torch.tensor(suggestion.ab).view(1, 2, 1, 1)
        assert in_gamut(torch.full((1, 1, 1, 1), float(lightness)), ab, tolerance=0.02)


def test_white_pixel_only_gets_white():
    [only] = suggest_colors(FixedLogits(torch.zeros(1, NUM_CLASSES, 1, 1)), *uniform_input(100), 0, 0)
    assert only == ((0, 0), 1)


def test_a_place_too_dark_for_all_likely_colors_gets_gray():
    network = FixedLogits(peaked_logits(((60, 50), 1e4)))
    lightness = torch.full((1, 1, 8, 8), 5.0)
    [suggestion] = suggest_colors(network, lightness, no_hints(lightness), 2, 3)
    assert suggestion == ((0.0, 0.0), 1.0)


def test_uses_the_logits_at_the_pixel():
    logits = torch.cat([peaked_logits(((20, 30), 0.0)), peaked_logits(((-20, 10), 0.0))], dim=3).repeat_interleave(
        2, dim=3
    )
    network = FixedLogits(logits.expand(1, NUM_CLASSES, 3, 4))
    assert suggest_colors(network, *uniform_input(60), 11, 7)[0].ab == (20, 30)
    assert suggest_colors(network, *uniform_input(60), 0, 8)[0].ab == (-20, 10)


def test_hints_change_the_suggestions():
    torch.manual_seed(0)
    network = Zhang2017(width=8).eval()
    gray, hints = uniform_input(60)
    before = suggest_colors(network, gray, hints, 5, 5)
    hints.mask[..., 4:8, 4:8], hints.ab[..., 4:8, 4:8] = 1, 60
    assert suggest_colors(network, gray, hints, 5, 5) != before
    assert 1 <= len(before) <= MAX_SUGGESTIONS


@pytest.mark.parametrize(
    ("build", "inputs", "pixel", "message"),
    [
        (lambda: UNet(width=4), uniform_input(50), (0, 0), "UNet: predicts no distribution of colors"),
        (lambda: Zhang2017(width=4), uniform_input(50), (12, 0), "row 12, column 0: outside"),
        (lambda: Zhang2017(width=4), uniform_input(50), (0, -1), "outside"),
        (lambda: Zhang2017(width=4), (torch.zeros(2, 1, 8, 8), no_hints(torch.zeros(2, 1, 8, 8))), (0, 0), "one"),
    ],
)
def test_invalid_requests_raise_value_error(build, inputs, pixel, message):
    with pytest.raises(ValueError, match=message):
        suggest_colors(build(), *inputs, *pixel)


def test_modes_of_a_distribution_merge_if_they_are_close():
    class Modes(torch.nn.Module):
        def encode(self, lightness):
            return lightness

        def color_distribution(self, encoding, hints, row, column):
            ab = torch.tensor([[0.0, 0.0], [4.0, 0.0], [30.0, 20.0], [-120.0, -120.0], [0.0, 30.0]])
            return ab, torch.tensor([0.3, 0.1, 0.35, 0.24, 0.01])

    found = suggest_colors(Modes(), *uniform_input(60), 0, 0)
    assert [s.ab for s in found] == [pytest.approx((1.0, 0.0)), pytest.approx((30.0, 20.0))]
    assert [s.probability for s in found] == pytest.approx([0.4 / 0.75, 0.35 / 0.75])
