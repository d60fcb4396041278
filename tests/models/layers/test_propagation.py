"""What pixels take from neighbors and from coarser pixels against plain loops, and the way back against autograd's."""

import numpy as np
import pytest
import torch

from chromahint.models.layers.propagation import neighbor_weights, propagate, upsample, upsample_weights

RING = [(-1, -1), (-1, 0), (-1, 1), (0, -1), (0, 1), (1, -1), (1, 0), (1, 1)]

sizes = pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 6), (5, 1), (2, 2), (5, 7)])
coarse_sizes = pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (3, 1), (4, 5)])


def drawn(*shape, seed=0, scale=1.0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * scale


def lightness_of(*shape, seed=0, contrast=20.0):
    generator = torch.Generator().manual_seed(seed)
    return 40 + contrast * torch.rand(*shape, generator=generator, dtype=torch.float64)


def taken(lightness, learned):
    """Levin's weights times exp(learned), over their sum."""
    height, width = lightness.shape
    weights = np.zeros((8, height, width))
    for y in range(height):
        for x in range(width):
            inside = {k: (y + dy, x + dx) for k, (dy, dx) in enumerate(RING)}
            inside = {k: (v, u) for k, (v, u) in inside.items() if 0 <= v < height and 0 <= u < width}
            window = [lightness[y, x], *(lightness[place] for place in inside.values())]
            scale = max(0.6 * np.var(window), 4.0)
            for k, place in inside.items():
                unlike = min((lightness[place] - lightness[y, x]) ** 2 / scale, 7.0)
                weights[k, y, x] = np.exp(learned[k, y, x] - unlike)
            if inside:
                weights[:, y, x] /= weights[:, y, x].sum()
    return weights


def parents(y, x, height, width):
    """The four coarse pixels around a fine one, the one that it lies in first, and their bilinear shares."""
    down, right = 2 * (y % 2) - 1, 2 * (x % 2) - 1
    for number, (dy, dx) in enumerate([(0, 0), (0, right), (down, 0), (down, right)]):
        place = (y // 2 + dy, x // 2 + dx)
        if 0 <= place[0] < height and 0 <= place[1] < width:
            yield number, place, (0.25 if dy else 0.75) * (0.25 if dx else 0.75)


def filled(lightness, coarse, learned, x_coarse):
    """The weights of each fine pixel, (4, 4, h, w), and what they make of a coarse picture."""
    height, width = coarse.shape
    weights, result = np.zeros((4, 4, height, width)), np.zeros((len(x_coarse), 2 * height, 2 * width))
    for y in range(2 * height):
        for x in range(2 * width):
            inside, place = 2 * (y % 2) + x % 2, (y // 2, x // 2)
            row = weights[(inside, slice(None), *place)]
            for number, parent, share in parents(y, x, height, width):
                unlike = min((coarse[parent] - lightness[y, x]) ** 2 / 20, 7.0)
                row[number] = share * np.exp(learned[(4 * inside + number, *place)] - unlike)
            row /= row.sum()
            for number, parent, _ in parents(y, x, height, width):
                result[:, y, x] += row[number] * x_coarse[(slice(None), *parent)]
    return weights, result


@sizes
@pytest.mark.parametrize("contrast", [3.0, 100.0])
def test_what_pixels_take_equals_plain_loops(height, width, contrast):
    lightness, learned = lightness_of(2, 1, height, width, contrast=contrast), drawn(2, 8, height, width)
    weights = neighbor_weights(lightness, learned)
    for one, light, own in zip(weights, lightness, learned, strict=True):
        np.testing.assert_allclose(one, taken(light[0].numpy(), own.numpy()), atol=1e-9)


def test_what_pixels_take_adds_up_to_one_and_nothing_comes_from_beyond_the_border():
    weights = neighbor_weights(lightness_of(2, 1, 6, 7).float(), drawn(2, 8, 6, 7, scale=3.0).float())
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(2, 6, 7))
    assert not weights[:, :3, 0].any()
    assert not weights[:, 5:, -1].any()
    assert not weights[:, [0, 3, 5], :, 0].any()
    assert not weights[:, [2, 4, 7], :, -1].any()
    assert weights[:, :, 1:-1, 1:-1].min() > 0


@coarse_sizes
@pytest.mark.parametrize("contrast", [3.0, 100.0])
def test_what_is_filled_in_equals_plain_loops(height, width, contrast):
    lightness = lightness_of(2, 1, 2 * height, 2 * width, contrast=contrast)
    coarse = lightness_of(2, 1, height, width, seed=1, contrast=contrast)
    learned, x = drawn(2, 16, height, width), drawn(2, 3, height, width, seed=1)
    weights = upsample_weights(lightness, coarse, learned)
    result = upsample(x, weights)
    for number in range(2):
        expected_weights, expected = filled(*(some[number].numpy().squeeze(0) for some in (lightness, coarse)),
                                            learned[number].numpy(), x[number].numpy())  # fmt: skip
        np.testing.assert_allclose(weights[number], expected_weights, atol=1e-9)
        np.testing.assert_allclose(result[number], expected, atol=1e-9)


@coarse_sizes
def test_even_lightness_is_filled_in_bilinearly(height, width):
    lightness, x = torch.full((1, 1, 2 * height, 2 * width), 30.0), drawn(1, 2, height, width).float()
    weights = upsample_weights(lightness, lightness[..., ::2, ::2], torch.zeros(1, 16, height, width))
    expected = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
    torch.testing.assert_close(upsample(x, weights), expected)


def test_what_is_filled_in_adds_up_to_one_however_unlike():
    black_and_white = 100 * (drawn(1, 1, 8, 10) > 0).float()
    learned = drawn(1, 16, 4, 5, scale=5.0).float()
    weights = upsample_weights(black_and_white, torch.full((1, 1, 4, 5), 50.0), learned)
    torch.testing.assert_close(weights.sum(dim=2), torch.ones(1, 4, 4, 5))


def spreading_input(height, width, batch=2, channels=3):
    """A start, weights, and what is given where some pixels are known well, some by half and some not at all."""
    weights = neighbor_weights(lightness_of(batch, 1, height, width), drawn(batch, 8, height, width))
    free = drawn(batch, 1, height, width, seed=1).clamp(0, 1)
    x, known = drawn(batch, channels, height, width, seed=2), drawn(batch, channels, height, width, seed=3)
    return x, weights, (1 - free) * known, free


def plainly(x, weights, given, free, steps):
    """The same steps by operations that autograd knows the way back of."""
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
def test_spreading_equals_plain_loops(height, width, steps):
    x, weights, given, free = spreading_input(height, width, batch=1)
    expected = x[0].numpy()
    for _ in range(steps):
        before, expected = expected, given[0].numpy().copy()
        for y in range(height):
            for u in range(width):
                for k, (dy, dx) in enumerate(RING):
                    if 0 <= y + dy < height and 0 <= u + dx < width:
                        share = float(free[0, 0, y, u] * weights[0, k, y, u])
                        expected[:, y, u] += share * before[:, y + dy, u + dx]
    np.testing.assert_allclose(propagate(x, weights, given, free, steps)[0], expected, atol=1e-12)


def test_no_step_changes_nothing_and_hands_gradients_through():
    x, weights, given, free = (part.requires_grad_() for part in spreading_input(4, 5))
    after = propagate(x, weights, given, free, 0)
    assert torch.equal(after, x)
    pull = drawn(*after.shape, seed=9)
    grads = torch.autograd.grad(after, (x, weights, given, free), pull)
    assert torch.equal(grads[0], pull)
    assert not any(grad.any() for grad in grads[1:])


def test_a_pixel_that_is_not_free_has_what_it_was_given_from_the_first_step():
    x, weights, given, free = spreading_input(6, 5)
    bound = (free == 0).expand_as(x)
    assert bound.any()
    for steps in (1, 4):
        after = propagate(x, weights, given, free, steps)
        assert torch.equal(after[bound], given[bound])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 4), (3, 4)])
@pytest.mark.parametrize("steps", [1, 3])
def test_way_back_is_that_of_finite_differences(height, width, steps):
    parts = [part.requires_grad_() for part in spreading_input(height, width, channels=2)]
    assert torch.autograd.gradcheck(lambda *some: propagate(*some, steps), parts)


@sizes
@pytest.mark.parametrize("steps", [1, 4])
def test_way_back_is_that_of_autograd(height, width, steps):
    parts = [part.requires_grad_() for part in spreading_input(height, width)]
    expected, actual = plainly(*parts, steps), propagate(*parts, steps)
    torch.testing.assert_close(actual, expected)
    pull = drawn(*expected.shape, seed=9)
    for got, wanted in zip(
        torch.autograd.grad(actual, parts, pull), torch.autograd.grad(expected, parts, pull), strict=True
    ):
        torch.testing.assert_close(got, wanted)


def test_learned_terms_and_what_is_filled_in_have_the_gradients_of_finite_differences():
    lightness, coarse, x = lightness_of(1, 1, 4, 6), lightness_of(1, 1, 2, 3, seed=1), drawn(1, 2, 2, 3)
    takes, fills = drawn(1, 8, 4, 6).requires_grad_(), drawn(1, 16, 2, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda learned: neighbor_weights(lightness, learned), takes)
    assert torch.autograd.gradcheck(lambda learned: upsample(x, upsample_weights(lightness, coarse, learned)), fills)
