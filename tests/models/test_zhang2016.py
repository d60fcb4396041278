"""The ECCV-16 network against an independent implementation of its layer table."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.hint_counts import evaluate_hint_counts
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.gamut_bins import gamut_bins
from chromahint.hints.hints import no_hints
from chromahint.models.zhang2016 import Zhang2016
from support.random_weights import random_state

CONVS = {"model1": (0, 2), "model2": (0, 2), "model8": (0, 2, 4, 6), "model_out": (0,)} | {
    f"model{n}": (0, 2, 4) for n in range(3, 8)
}
NORMS = {"model1": 4, "model2": 4} | {f"model{n}": 6 for n in range(3, 8)}


def published_keys() -> set[str]:
    blocks = {block: indices for block, indices in CONVS.items() if block != "model_out"}
    keys = {f"{block}.{i}.{kind}" for block, indices in blocks.items() for i in indices for kind in ("weight", "bias")}
    kinds = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    return keys | {f"{block}.{i}.{kind}" for block, i in NORMS.items() for kind in kinds} | {"model_out.weight"}


def reference(lightness, state, temperature):
    x = lightness / 100 - 0.5
    for number in range(1, 8):
        block = f"model{number}"
        for i in CONVS[block]:
            dilation = 2 if number in (5, 6) else 1
            stride = 2 if number <= 3 and i == CONVS[block][-1] else 1
            weight, bias = state[f"{block}.{i}.weight"], state[f"{block}.{i}.bias"]
            x = F.conv2d(x, weight, bias, padding=dilation, dilation=dilation, stride=stride).clamp(min=0)
        mean, variance, scale, offset = (
            state[f"{block}.{NORMS[block]}.{name}"][:, None, None]
            for name in ("running_mean", "running_var", "weight", "bias")
        )
        x = (x - mean) / torch.sqrt(variance + 1e-5) * scale + offset
    x = F.conv_transpose2d(x, state["model8.0.weight"], state["model8.0.bias"], stride=2, padding=1).clamp(min=0)
    for i in (2, 4):
        x = F.conv2d(x, state[f"model8.{i}.weight"], state[f"model8.{i}.bias"], padding=1).clamp(min=0)
    logits = F.conv2d(x, state["model8.6.weight"], state["model8.6.bias"])
    exponential = torch.exp((logits - logits.amax(1, keepdim=True)) / temperature)
    probability = exponential / exponential.sum(1, keepdim=True)
    small = 110 * torch.einsum("bqhw,cq->bchw", probability, state["model_out.weight"][:, :, 0, 0])
    return upsample_bilinearly(small), logits


def upsample_bilinearly(small):
    """Enlarge by 4, pixel by pixel: pixel centers are at (i + 0.5) / 4 - 0.5, and edges are repeated."""
    height, width = small.shape[-2:]
    large = torch.zeros(*small.shape[:2], 4 * height, 4 * width)
    for row in range(4 * height):
        for column in range(4 * width):
            y = min(max((row + 0.5) / 4 - 0.5, 0), height - 1)
            x = min(max((column + 0.5) / 4 - 0.5, 0), width - 1)
            top, left = int(y), int(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            above = (1 - (x - left)) * small[..., top, left] + (x - left) * small[..., top, right]
            below = (1 - (x - left)) * small[..., bottom, left] + (x - left) * small[..., bottom, right]
            large[..., row, column] = (1 - (y - top)) * above + (y - top) * below
    return large


@pytest.mark.parametrize("temperature", [0.38, 1.0])
def test_matches_the_layer_table(temperature):
    network = Zhang2016(width=8, temperature=temperature)
    state = random_state(network)
    state["model8.6.weight"] = 4 * state["model8.6.weight"]  # certain enough for the colors to differ
    network.load_state_dict(state)
    lightness = torch.rand(2, 1, 24, 16, generator=torch.Generator().manual_seed(2)) * 100
    with torch.no_grad():
        expected_ab, expected_logits = reference(lightness, state, temperature)
        ab, logits = network.eval().with_classes(lightness, no_hints(lightness))
        only_ab = network(lightness, no_hints(lightness))
    assert expected_ab.std() > 1
    torch.testing.assert_close(ab, expected_ab, rtol=1e-4, atol=1e-2)
    torch.testing.assert_close(only_ab, ab)
    torch.testing.assert_close(logits, expected_logits, rtol=1e-4, atol=1e-3)


def test_state_dict_has_the_published_keys_and_size():
    network = Zhang2016()
    state = network.state_dict()
    assert set(state) == published_keys()
    assert state["model8.0.weight"].shape == (512, 256, 4, 4)
    assert state["model_out.weight"].shape == (2, 313, 1, 1)
    assert round(sum(parameter.numel() for parameter in network.parameters()) / 1e6, 1) == 32.2


def test_color_goes_from_the_mean_to_the_most_likely_bin():
    network = Zhang2016(width=4).eval()
    logits = torch.full((1, 313, 1, 1), -1e4)
    logits[0, [10, 200]] = torch.tensor([1.0, 0.5])[:, None, None]
    network._logits = lambda lightness: logits
    lightness = torch.full((1, 1, 4, 4), 50.0)
    bins, share = gamut_bins().numpy(), np.exp([1.0, 0.5]) / np.exp([1.0, 0.5]).sum()
    for temperature, expected in ((1.0, share @ bins[[10, 200]]), (0.01, bins[10])):
        network.temperature = temperature
        ab = network(lightness, no_hints(lightness))
        np.testing.assert_allclose(ab[0, :, 2, 2].numpy(), expected, atol=1e-3)


def test_logits_cover_every_fourth_pixel_of_any_size():
    lightness = torch.rand(2, 1, 13, 22) * 100
    ab, logits = Zhang2016(width=4).with_classes(lightness, no_hints(lightness))
    assert ab.shape == (2, 2, 13, 22)
    assert logits.shape == (2, 313, 4, 6)


def test_colors_of_the_bins_are_not_trained():
    network = Zhang2016(width=4)
    lightness = torch.rand(1, 1, 16, 16) * 100
    ab, logits = network.with_classes(lightness, no_hints(lightness))
    (ab.square().mean() + logits.square().mean()).backward()
    assert {name for name, parameter in network.named_parameters() if parameter.grad is None} == {"model_out.weight"}


def test_photos_are_colored_once_for_all_numbers_of_hints():
    torch.manual_seed(0)
    network = Zhang2016(width=4).eval()
    rgb = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8)
    lightness = rgb_to_lab(rgb)[0]
    with torch.no_grad():
        expected = lab_to_rgb8(lightness, network(lightness, no_hints(lightness)))
    calls = []
    network.model1.register_forward_hook(lambda *_: calls.append(None))
    results = list(evaluate_hint_counts(network, rgb, ["a", "b"], RandomPixels([0, 1, 5], size=16)))
    assert len(results) == 3
    assert len(calls) == 1
    for result in results:
        assert torch.equal(result.prediction, expected)
