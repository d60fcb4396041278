"""Hint attention against a loop implementation: one softmax per pixel over the cells that it attends to."""

import numpy as np
import pytest
import torch

from chromahint.models.layers.hint_attention import HintAttention, hint_density

CHANNELS = 6


def perturbed(seed=0, **options):
    """Return an attention layer with noise added to every weight."""
    torch.manual_seed(seed)
    attention = HintAttention(CHANNELS, **options)
    with torch.no_grad():
        for parameter in attention.parameters():
            parameter += 0.3 * torch.randn_like(parameter)
    return attention.eval()


def random_input(height, width, share=0.1, batch=1, seed=0):
    """Return features, lightness, hints of which some have a weight below 1, and the current state."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(channels):
        return torch.rand(batch, channels, height, width, generator=generator)

    features, lightness = 2 * uniform(CHANNELS) - 1, 100 * uniform(1)
    weight = (uniform(1) < share) * (1 - 0.7 * uniform(1) * (uniform(1) < 0.5))
    ab = 160 * uniform(2) - 80
    hint_state = torch.cat([ab, lightness + 4 * uniform(1), (ab / 110).square().sum(dim=1, keepdim=True)], dim=1)
    state = torch.cat([160 * uniform(2) - 80, 100 * uniform(1), uniform(1)], dim=1)
    return features, lightness, torch.cat([hint_state * weight, weight], dim=1), state


def attend(attention, features, lightness, hint_state, state):
    return attention(features, lightness, hint_state, hint_density(hint_state[:, 4:]), state)


def pointwise(conv, x):
    """Apply a 1x1 convolution to one pixel."""
    return conv.weight.detach().double().numpy()[:, :, 0, 0] @ x + conv.bias.detach().double().numpy()


def pool_hints(attention, features, hint_state, side):
    """Return the cells with a hint as {(row, column): (key, ab / 110, L / 100, position)}, weighted means."""
    height, width = hint_state.shape[-2:]
    cells = {}
    for top in range(0, height, side):
        for left in range(0, width, side):
            pixels = [(y, x) for y in range(top, min(top + side, height)) for x in range(left, min(left + side, width))]
            total = sum(hint_state[4, y, x] for y, x in pixels)
            if total > 0:
                mean = sum(
                    hint_state[4, y, x] * np.array([*pointwise(attention.key, features[:, y, x]), y, x])
                    for y, x in pixels
                )
                hint = sum(hint_state[:3, y, x] for y, x in pixels)
                mean, hint = mean / total, hint / total
                cells[top // side, left // side] = (mean[:-2], hint[:2] / 110, hint[2] / 100, mean[-2:])
    return cells


def reference(attention, features, lightness, hint_state, state):
    """Return the attended state and its confidence for one image."""
    features, lightness, hint_state, state = (x.double().numpy() for x in (features, lightness, hint_state, state))
    height, width = lightness.shape[-2:]
    side = 4
    distance_weight = attention.log_distance_weight.exp().item()
    lightness_weight = attention.log_lightness_weight.exp().item()
    cells = pool_hints(attention, features, hint_state, side)
    attended, confidence = np.zeros((4, height, width)), np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            light, position = lightness[0, y, x] / 100, np.array([y, x])
            query = pointwise(attention.query, features[:, y, x])
            in_reach = [
                cell
                for (row, column), cell in cells.items()
                if max(abs(row - y // side), abs(column - x // side)) <= attention.window // 2
            ]
            hints, output = np.zeros(8), np.zeros(4)
            if in_reach:
                similarity = [key @ query / len(query) ** 0.5 for key, *_ in in_reach]
                distance = [((position - center) ** 2).sum() for *_, center in in_reach]
                contrast = [(light - hint_light) ** 2 for *_, hint_light, _ in in_reach]
                score = np.array(similarity) - distance_weight * np.array(distance)
                score = score - lightness_weight * np.array(contrast)
                weight = np.exp(score - score.max())
                weight /= weight.sum()
                ab = sum(w * cell[1] for w, cell in zip(weight, in_reach, strict=True))
                mean_light = sum(w * cell[2] for w, cell in zip(weight, in_reach, strict=True))
                squares = sum(w * (cell[1] ** 2).sum() for w, cell in zip(weight, in_reach, strict=True))
                difference = abs(110 * ab - state[:2, y, x]).sum()
                hints = np.array(
                    [
                        *ab, 5 * (mean_light - light), 0.01 * (weight @ distance), 10 * (squares - (ab**2).sum()), 1,
                        weight @ similarity, difference / 20,
                    ]
                )  # fmt: skip
                output = np.array([*(110 * ab), 100 * mean_light, squares])
            density = hint_state[4, max(y - 2, 0) : y + 3, max(x - 2, 0) : x + 3].sum() / 25
            per_pixel = [*features[:, y, x], density, (lightness[0, y, x] - state[2, y, x]) / 20]
            hidden = pointwise(attention.confidence_mlp[0], np.concatenate([per_pixel, hints])).clip(min=0)
            logit = pointwise(attention.confidence_mlp[2], hidden)[0]
            attended[:, y, x] = output
            confidence[y, x] = (1 / (1 + np.exp(-logit))) * bool(in_reach)
    return attended, confidence


def compare(attention, *inputs):
    """Compare with the loops. With and without gradients, the computation differs."""
    expected = [reference(attention, *(x[number] for x in inputs)) for number in range(len(inputs[0]))]
    for is_training in (True, False):
        with torch.set_grad_enabled(is_training):
            attended, confidence = (x.detach() for x in attend(attention, *inputs))
        assert confidence.shape == inputs[1].shape
        for number, (expected_attended, expected_confidence) in enumerate(expected):
            np.testing.assert_allclose(attended[number], expected_attended, atol=0.02)
            np.testing.assert_allclose(confidence[number, 0], expected_confidence, atol=2e-4)
    return confidence


@pytest.mark.parametrize(("height", "width", "share"), [(1, 1, 1.0), (3, 1, 0.7), (13, 22, 0.1), (30, 9, 0.03)])
@pytest.mark.parametrize("window", [5, 3])
def test_window_attention_matches_a_loop_implementation(height, width, share, window):
    attention = perturbed(head_dim=4, window=window)
    compare(attention, *random_input(height, width, share, batch=2))


def test_pixels_without_hints_in_reach_get_zero_output_and_confidence():
    features, lightness, hint_state, state = random_input(13, 40, share=1.0)
    hint_state[..., 3:] = 0
    attention = perturbed(head_dim=4, window=3)
    confidence = compare(attention, features, lightness, hint_state, state)
    assert confidence[..., :8].min() > 0  # the window reaches one cell of four pixels to each side
    assert not confidence[..., 8:].any()
    assert not attend(attention, features, lightness, hint_state, state)[0][..., 8:].any()


def test_image_without_hints_gives_zero_output_and_confidence():
    features, lightness, hint_state, state = random_input(9, 14, batch=2)
    attended, confidence = attend(
        perturbed(head_dim=4, window=5), features, lightness, torch.zeros_like(hint_state), state
    )
    assert not attended.any()
    assert not confidence.any()


@pytest.mark.parametrize("corner", [np.s_[..., :20, :20], np.s_[..., -20:, -20:]])
def test_hints_of_one_color_are_attended_from_the_farthest_pixel(corner):
    """Empty cells never count as gray, even for a head with a large distance weight."""
    torch.manual_seed(0)
    color = torch.tensor([30.0, 20.0, 50.0, 1300 / 110**2, 1.0]).view(1, 5, 1, 1)
    hint_state = torch.zeros(1, 5, 32, 32)
    hint_state[corner] = color
    attention = HintAttention(CHANNELS, window=15)
    attended, confidence = attend(
        attention,
        torch.zeros(1, CHANNELS, 32, 32),
        torch.full((1, 1, 32, 32), 50.0),
        hint_state,
        torch.zeros(1, 4, 32, 32),
    )
    torch.testing.assert_close(attended, color[:, :4].expand_as(attended), atol=0.01, rtol=0)
    assert confidence.min() > 0


@pytest.mark.parametrize("dims", [[2], [3], [2, 3]])
@pytest.mark.parametrize("log_weight", [2.0, 4.0])
def test_flipping_the_image_flips_the_output(log_weight, dims):
    """Many hints in one corner, and a large distance weight."""
    features, lightness, hint_state, state = random_input(32, 32, share=1.0)
    hint_state[:, :, 8:] = 0
    hint_state[..., 8:] = 0
    attention = perturbed(head_dim=4, window=7)
    torch.nn.init.constant_(attention.log_distance_weight, log_weight)
    plain, flipped = (
        attend(attention, features, lightness, hint_state, state),
        attend(attention, *(x.flip(dims) for x in (features, lightness, hint_state, state))),
    )
    for expected, flipped_output in zip(plain, flipped, strict=True):
        torch.testing.assert_close(flipped_output.flip(dims), expected, atol=0.05, rtol=0)


def test_every_weight_has_a_finite_nonzero_gradient():
    torch.manual_seed(0)
    attention = perturbed(head_dim=4, window=5)
    attended, confidence = attend(attention, *random_input(21, 18, batch=2))
    (confidence * attended.square()).mean().backward()
    for name, parameter in attention.named_parameters():
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.any(), name
