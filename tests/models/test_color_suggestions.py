"""Suggested colors against likelihoods that are known."""

import numpy as np
import pytest
import torch

from chromahint.color import in_gamut
from chromahint.hints.hints import no_hints
from chromahint.models.ab_bins import CLASSES, ab_classes, class_ab
from chromahint.models.color_suggestions import MOST, SOFTNESS, suggest
from chromahint.models.unet import UNet
from chromahint.models.zhang2017 import Zhang2017


class Known(torch.nn.Module):
    """Says the same logits at every place, or those of a map."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def with_classes(self, lightness, hints):
        size = [-(-side // 4) for side in lightness.shape[-2:]]
        return torch.zeros(1, 2, *lightness.shape[-2:]), self.logits.expand(1, CLASSES, *size)

    def freeze_classes(self):
        raise NotImplementedError


def class_of(a, b):
    return int(ab_classes(torch.tensor([float(a), float(b)]).view(1, 2, 1, 1)))


def likely(*peaks):
    """Logits with peaks ((a, b), logit); all else can't be."""
    logits = torch.full((CLASSES,), -1e4)
    for (a, b), logit in peaks:
        logits[class_of(a, b)] = logit
    return logits.view(1, CLASSES, 1, 1)


def at(lightness):
    gray = torch.full((1, 1, 12, 16), float(lightness))
    return gray, no_hints(gray)


def test_two_colors_come_with_their_shares():
    found = suggest(Known(likely(((20, 30), 10.0), ((-20, 10), 5.0))), *at(60), 3, 7)
    assert [suggestion.ab for suggestion in found] == [(20, 30), (-20, 10)]
    odds = np.exp(SOFTNESS * 5)
    assert [s.probability for s in found] == pytest.approx([odds / (1 + odds), 1 / (1 + odds)])


def test_neighboring_classes_become_one_color_of_nine():
    far = [(-30, 0), (40, 0), (0, 40), (0, -40), (30, 30), (-30, 30), (30, -30), (60, 20)]
    peaks = [((0, 0), 6.0), ((10, 0), 6.0), *((place, 5.0) for place in far)]
    found = suggest(Known(likely(*peaks)), *at(55), 0, 0)
    assert len(found) == MOST
    assert found[0].ab == pytest.approx((5, 0))
    assert sum(s.probability for s in found) == pytest.approx(1)


def test_spread_out_likelihood_is_parted_as_k_means_would():
    """Each class belongs to its nearest mean, which is the weighted mean of its classes."""
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(1, CLASSES, 1, 1, generator=generator) * 10
    gray, hints = at(60)
    found = suggest(Known(logits), gray, hints, 5, 5)
    colors = class_ab()
    shown = in_gamut(torch.full((1, 1, 1, CLASSES), 60.0), colors.T[None, :, None]).flatten().numpy()
    weight = np.exp(SOFTNESS * logits.flatten().double().numpy())[shown]
    weight /= weight.sum()
    points, means = colors.double().numpy()[shown], np.array([s.ab for s in found])
    belongs = np.linalg.norm(points[:, None] - means, axis=2).argmin(1)
    assert len(found) == MOST
    for number, suggestion in enumerate(found):
        mine = belongs == number
        assert suggestion.probability == pytest.approx(weight[mine].sum())
        np.testing.assert_allclose(suggestion.ab, (weight[mine, None] * points[mine]).sum(0) / weight[mine].sum())
    assert [s.probability for s in found] == sorted((s.probability for s in found), reverse=True)


@pytest.mark.parametrize("lightness", [2, 50, 97])
def test_every_color_can_be_shown(lightness):
    found = suggest(Known(torch.zeros(1, CLASSES, 1, 1)), *at(lightness), 0, 0)
    for suggestion in found:
        ab = torch.tensor(suggestion.ab).view(1, 2, 1, 1)
        assert in_gamut(torch.full((1, 1, 1, 1), float(lightness)), ab, tolerance=0.02)


def test_white_can_only_be_white():
    [only] = suggest(Known(torch.zeros(1, CLASSES, 1, 1)), *at(100), 0, 0)
    assert only == ((0, 0), 1)


def test_the_class_of_the_pixel_is_read():
    logits = torch.cat([likely(((20, 30), 0.0)), likely(((-20, 10), 0.0))], dim=3).repeat_interleave(2, dim=3)
    network = Known(logits.expand(1, CLASSES, 3, 4))
    assert suggest(network, *at(60), 11, 7)[0].ab == (20, 30)
    assert suggest(network, *at(60), 0, 8)[0].ab == (-20, 10)


def test_hints_are_heard():
    torch.manual_seed(0)
    network = Zhang2017(width=8).eval()
    gray, hints = at(60)
    before = suggest(network, gray, hints, 5, 5)
    hints.mask[..., 4:8, 4:8], hints.ab[..., 4:8, 4:8] = 1, 60
    assert suggest(network, gray, hints, 5, 5) != before
    assert 1 <= len(before) <= MOST


@pytest.mark.parametrize(
    ("make", "picture", "place", "words"),
    [
        (lambda: UNet(width=4), at(50), (0, 0), "UNet has no color classes"),
        (lambda: Zhang2017(width=4), at(50), (12, 0), "row 12, column 0 is outside"),
        (lambda: Zhang2017(width=4), at(50), (0, -1), "outside"),
        (lambda: Zhang2017(width=4), (torch.zeros(2, 1, 8, 8), no_hints(torch.zeros(2, 1, 8, 8))), (0, 0), "one"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(make, picture, place, words):
    with pytest.raises(ValueError, match=words):
        suggest(make(), *picture, *place)
