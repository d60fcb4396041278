"""Propagation and upsampling against loop implementations, and the backward pass against autograd."""

import numpy as np
import pytest
import torch

from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights

RING = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]

sizes = pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 6), (5, 1), (2, 2), (5, 7)])
coarse_sizes = pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (3, 1), (4, 5)])


def normal(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def lightness_of(*shape, seed=0, contrast=20.0):
    generator = torch.Generator().manual_seed(seed)
    return 40 + contrast * torch.rand(*shape, generator=generator, dtype=torch.float64)


def reference_neighbor_weights(lightness, learned):
    """Return Levin's weights times exp(learned), normalized."""
    height, width = lightness.shape
    weights = np.zeros((8, height, width))
    for y in range(height):
        for x in range(width):
            inside = {k: (y + dy, x + dx) for k, (dy, dx) in enumerate(RING)}
            inside = {k: (v, u) for k, (v, u) in inside.items() if 0 <= v < height and 0 <= u < width}
            window = [lightness[y, x], *(lightness[pixel] for pixel in inside.values())]
            scale = max(0.6 * np.var(window), 4.0)
            for k, pixel in inside.items():
                unlike = min((lightness[pixel] - lightness[y, x]) ** 2 / scale, 7.0)
                weights[k, y, x] = np.exp(learned[k, y, x] - unlike)
            if inside:
                weights[:, y, x] /= weights[:, y, x].sum()
    return weights


def parents(y, x, height, width):
    """Yield the four closest coarse pixels, the containing one first, with their bilinear weights."""
    down, right = 2 * (y % 2) - 1, 2 * (x % 2) - 1
    for number, (dy, dx) in enumerate([(0, 0), (0, right), (down, 0), (down, right)]):
        pixel = (y // 2 + dy, x // 2 + dx)
        if 0 <= pixel[0] < height and 0 <= pixel[1] < width:
            yield number, pixel, (0.25 if dy else 0.75) * (0.25 if dx else 0.75)


def reference_upsampling(lightness, coarse, learned, x_coarse):
    """Return the weights of each fine pixel, (4, 4, h, w), and the upsampled image."""
    height, width = coarse.shape
    weights, result = np.zeros((4, 4, height, width)), np.zeros((len(x_coarse), 2 * height, 2 * width))
    for y in range(2 * height):
        for x in range(2 * width):
            inside, pixel = 2 * (y % 2) + x % 2, (y // 2, x // 2)
            row = weights[(inside, slice(None), *pixel)]
            for number, parent, weight in parents(y, x, height, width):
                unlike = min((coarse[parent] - lightness[y, x]) ** 2 / 20, 7.0)
                row[number] = weight * np.exp(learned[(4 * inside + number, *pixel)] - unlike)
            row /= row.sum()
            for number, parent, _ in parents(y, x, height, width):
                result[:, y, x] += row[number] * x_coarse[(slice(None), *parent)]
    return weights, result


@sizes
@pytest.mark.parametrize("contrast", [3.0, 100.0])
def test_neighbor_weights_match_a_loop_implementation(height, width, contrast):
    lightness, learned = lightness_of(2, 1, height, width, contrast=contrast), normal(2, 8, height, width)
    weights = neighbor_weights(lightness, learned)
    for one, light, learned_terms in zip(weights, lightness, learned, strict=True):
        np.testing.assert_allclose(one, reference_neighbor_weights(light[0].numpy(), learned_terms.numpy()), atol=1e-9)


def test_neighbor_weights_sum_to_one_and_are_zero_outside_the_image():
    weights = neighbor_weights(lightness_of(2, 1, 6, 7).float(), normal(2, 8, 6, 7, scale=3.0).float())
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 6, 7))
    assert not weights[:, :3, 0].any()
    assert not weights[:, 5:, -1].any()
    assert not weights[:, [0, 3, 5], :, 0].any()
    assert not weights[:, [2, 4, 7], :, -1].any()
    assert weights[:, :, 1:-1, 1:-1].min() > 0


@coarse_sizes
@pytest.mark.parametrize("contrast", [3.0, 100.0])
def test_upsampling_matches_a_loop_implementation(height, width, contrast):
    lightness = lightness_of(2, 1, 2 * height, 2 * width, contrast=contrast)
    coarse = lightness_of(2, 1, height, width, seed=1, contrast=contrast)
    learned, x = normal(2, 16, height, width), normal(2, 3, height, width, seed=1)
    weights = upsample_weights(lightness, coarse, learned)
    result = upsample(x, weights)
    for number in range(2):
        expected_weights, expected = reference_upsampling(
            lightness[number, 0].numpy(), coarse[number, 0].numpy(), learned[number].numpy(), x[number].numpy()
        )
        np.testing.assert_allclose(weights[number], expected_weights, atol=1e-9)
        np.testing.assert_allclose(result[number], expected, atol=1e-9)


@coarse_sizes
def test_upsampling_is_bilinear_for_uniform_lightness(height, width):
    lightness, x = torch.full((1, 1, 2 * height, 2 * width), 30.0), normal(1, 2, height, width).float()
    weights = upsample_weights(lightness, lightness[..., ::2, ::2], torch.zeros(1, 16, height, width))
    expected = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(upsample(x, weights), expected)


def test_upsample_weights_sum_to_one_at_full_contrast():
    black_and_white = 100 * (normal(1, 1, 8, 10) > 0).float()
    learned = normal(1, 16, 4, 5, scale=5.0).float()
    weights = upsample_weights(black_and_white, torch.full((1, 1, 4, 5), 50.0), learned)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(1, 4, 4, 5))


def propagation_input(height, width, batch=2, channels=3):
    """Return initial values, weights, and given values of pixels that are fixed, partly free or free."""
    weights = neighbor_weights(lightness_of(batch, 1, height, width), normal(batch, 8, height, width))
    free = normal(batch, 1, height, width, seed=1).clamp(0, 1)
    x, known = normal(batch, channels, height, width, seed=2), normal(batch, channels, height, width, seed=3)
    return x, weights, (1 - free) * known, free


def propagate_with_autograd(x, weights, given, free, steps):
    """Compute `propagate` with differentiable operations."""
    height, width = x.shape[-2:]
    for _ in range(steps):
        padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
        total = sum(
            weights[:, k : k + 1] * padded[..., 1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
            for k, (dy, dx) in enumerate(RING)
        )
        x = given + free * total
    return x


@sizes
@pytest.mark.parametrize("steps", [1, 3])
def test_propagation_matches_a_loop_implementation(height, width, steps):
    x, weights, given, free = propagation_input(height, width, batch=1)
    expected = x[0].numpy()
    for _ in range(steps):
        before, expected = expected, given[0].numpy().copy()
        for y in range(height):
            for u in range(width):
                for k, (dy, dx) in enumerate(RING):
                    if 0 <= y + dy < height and 0 <= u + dx < width:
                        weight = float(free[0, 0, y, u] * weights[0, k, y, u])
                        expected[:, y, u] += weight * before[:, y + dy, u + dx]
    np.testing.assert_allclose(propagate(x, weights, given, free, steps)[0], expected, atol=1e-12)


def test_zero_steps_are_the_identity_with_its_gradient():
    x, weights, given, free = (part.requires_grad_() for part in propagation_input(4, 5))
    after = propagate(x, weights, given, free, 0)
    assert torch.equal(after, x)
    output_grad = normal(*after.shape, seed=9)
    grads = torch.autograd.grad(after, (x, weights, given, free), output_grad)
    assert torch.equal(grads[0], output_grad)
    assert not any(grad.any() for grad in grads[1:])


def test_fixed_pixels_keep_the_given_value():
    x, weights, given, free = propagation_input(6, 5)
    bound = (free == 0).expand_as(x)
    assert bound.any()
    for steps in (1, 4):
        after = propagate(x, weights, given, free, steps)
        assert torch.equal(after[bound], given[bound])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (3, 4)])
@pytest.mark.parametrize("steps", [1, 3])
def test_backward_matches_finite_differences(height, width, steps):
    parts = [part.requires_grad_() for part in propagation_input(height, width, channels=2)]
    assert torch.autograd.gradcheck(lambda *inputs: propagate(*inputs, steps), parts)


@sizes
@pytest.mark.parametrize("steps", [1, 4])
def test_backward_matches_autograd(height, width, steps):
    parts = [part.requires_grad_() for part in propagation_input(height, width)]
    expected, actual = propagate_with_autograd(*parts, steps), propagate(*parts, steps)
    torch.testing.assert_close(actual, expected)
    output_grad = normal(*expected.shape, seed=9)
    for actual_grad, expected_grad in zip(
        torch.autograd.grad(actual, parts, output_grad), torch.autograd.grad(expected, parts, output_grad), strict=True
    ):
        torch.testing.assert_close(actual_grad, expected_grad)


def test_gradients_of_learned_terms_match_finite_differences():
    lightness, coarse, x = lightness_of(1, 1, 4, 6), lightness_of(1, 1, 2, 3, seed=1), normal(1, 2, 2, 3)
    neighbor_terms, upsample_terms = normal(1, 8, 4, 6).requires_grad_(), normal(1, 16, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda learned: neighbor_weights(lightness, learned), neighbor_terms)
    assert torch.autograd.gradcheck(
        lambda learned: upsample(x, upsample_weights(lightness, coarse, learned)), upsample_terms
    )
