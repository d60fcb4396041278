"""Levin's linear system against a dense solver, and the iterative solver against the exact one."""

import numpy as np
import pytest
import torch

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.data.sources.skimage_tiles import NaturalTiles
from chromahint.evaluation.metrics import psnr
from chromahint.evaluation.protocols.base import LabImages
from chromahint.evaluation.protocols.random_pixels import RandomPixels
from chromahint.hints.hints import Hints, hints_from_mask, no_hints
from chromahint.models.levin import Levin, affinity

each_solver = pytest.mark.parametrize("solver", ["iterative", "exact"])


def random_input(height, width, count, seed=0, contrast=100.0):
    """Return a photo-like image of soft shapes with a little noise, and `count` random hints."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 1, -(-height // 4), -(-width // 4), generator=generator)
    large = coarse.repeat_interleave(4, 2).repeat_interleave(4, 3)[..., :height, :width]
    lightness = contrast * (0.9 * large + 0.1 * torch.rand(1, 1, height, width, generator=generator))
    ab = torch.rand(1, 2, height, width, generator=generator) * 160 - 80
    mask = torch.zeros(height * width)
    mask[torch.randperm(height * width, generator=generator)[:count]] = 1
    return lightness, hints_from_mask(ab, mask.view(1, 1, height, width))


def batched(*inputs):
    return torch.cat([x[0] for x in inputs]), Hints(*(torch.cat([x[1][i] for x in inputs]) for i in (0, 1)))


def reference(lightness, ab, mask):
    """Solve the system with a dense matrix, one row per pixel."""
    height, width = lightness.shape
    matrix, right = np.zeros((height * width, height * width)), np.zeros((height * width, 2))
    for y in range(height):
        for x in range(width):
            row = y * width + x
            matrix[row, row] = 1
            if mask[y, x]:
                right[row] = ab[:, y, x]
                continue
            window = [
                (v, u) for v in range(y - 1, y + 2) for u in range(x - 1, x + 2) if 0 <= v < height and 0 <= u < width
            ]
            scale = max(0.6 * np.var([lightness[pixel] for pixel in window]), 4.0)
            window.remove((y, x))
            weights = [np.exp(-min((lightness[pixel] - lightness[y, x]) ** 2 / scale, 7.0)) for pixel in window]
            for (v, u), weight in zip(window, weights, strict=True):
                matrix[row, v * width + u] = -weight / sum(weights)
    return np.linalg.solve(matrix, right).T.reshape(2, height, width)


@pytest.mark.parametrize(("height", "width", "count"), [(12, 12, 3), (9, 14, 20), (1, 9, 2), (13, 2, 5), (3, 3, 1)])
@pytest.mark.parametrize("contrast", [100.0, 3.0])
def test_exact_solver_matches_a_dense_solver(height, width, count, contrast):
    lightness, hints = random_input(height, width, count, contrast=contrast)
    expected = reference(lightness[0, 0].double().numpy(), hints.ab[0].double().numpy(), hints.mask[0, 0].numpy())
    np.testing.assert_allclose(Levin("exact")(lightness, hints)[0], expected, atol=1e-4)


@pytest.mark.parametrize(("height", "width", "count"), [(64, 64, 8), (64, 64, 200), (37, 50, 3), (5, 3, 2), (2, 2, 1)])
def test_iterative_solver_converges_to_the_exact_one(height, width, count):
    inputs = batched(*(random_input(height, width, count, seed) for seed in range(3)))
    error = (Levin(iterations=24)(*inputs) - Levin("exact")(*inputs)).abs()
    assert error.mean() < 0.01
    assert error.max() < 0.1


def test_iterations_start_from_pull_push():
    inputs = random_input(64, 64, 20)
    exact = Levin("exact")(*inputs)
    errors = [float((Levin(iterations=n)(*inputs) - exact).abs().mean()) for n in (0, 6, 12, 18)]
    assert errors == sorted(errors, reverse=True)
    torch.testing.assert_close(Levin(iterations=0)(*inputs), Levin().initial_guess(*inputs), atol=1e-3, rtol=0)
    assert errors[-1] < 1e-3 * errors[0]


@pytest.mark.parametrize("count", [10, 328])
def test_solvers_have_the_same_psnr(count):
    tiles = NaturalTiles()
    rgb = torch.from_numpy(tiles.read(1).copy()).permute(2, 0, 1)[None]
    lightness, ab = rgb_to_lab(rgb)
    hints = RandomPixels().hints(LabImages(lightness, ab, rgb), [tiles.identify(1)], count)
    iterative, exact = (psnr(lab_to_rgb8(lightness, Levin(s)(lightness, hints)), rgb) for s in ("iterative", "exact"))
    torch.testing.assert_close(iterative, exact, atol=0.05, rtol=0)


@each_solver
def test_hinted_pixels_keep_their_color(solver):
    lightness, hints = random_input(50, 70, 300)
    ab = Levin(solver)(lightness, hints)
    hinted = hints.mask.expand_as(ab) == 1
    assert torch.equal(ab[hinted], hints.ab[hinted])


@each_solver
def test_one_hint_colors_the_whole_image(solver):
    lightness, hints = random_input(33, 47, 1)
    color = hints.ab.sum(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(Levin(solver)(lightness, hints), color.expand_as(hints.ab), atol=1e-2, rtol=0)


@each_solver
def test_color_stops_at_an_edge(solver):
    lightness = torch.full((1, 1, 24, 24), 20.0)
    lightness[..., 13:] = 80
    ab, mask = torch.zeros(1, 2, 24, 24), torch.zeros(1, 1, 24, 24)
    ab[0, :, 3, 3], ab[0, :, 20, 20] = torch.tensor([50.0, -30.0]), torch.tensor([-40.0, 60.0])
    mask[0, 0, 3, 3] = mask[0, 0, 20, 20] = 1
    found = Levin(solver)(lightness, Hints(ab, mask))
    for columns, color in ((slice(0, 13), ab[0, :, 3, 3]), (slice(13, 24), ab[0, :, 20, 20])):
        torch.testing.assert_close(found[0, :, :, columns].mean(dim=(1, 2)), color, atol=2, rtol=0)


@each_solver
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 2), (5, 3), (16, 16)])
@pytest.mark.parametrize("level", [0.0, 50.0, 100.0])
def test_uniform_lightness_with_every_number_of_hints_in_one_batch(solver, height, width, level):
    some = [random_input(height, width, count, seed=count) for count in (0, 1, height * width // 2, height * width)]
    lightness, hints = batched(*some)
    found = Levin(solver)(torch.full_like(lightness, level), hints)
    assert found.shape == hints.ab.shape
    assert found.dtype == torch.float32
    assert not found[0].any()
    assert torch.equal(found[3], hints.ab[3])
    lowest, highest = hints.ab.amin(dim=(2, 3)), hints.ab.amax(dim=(2, 3))
    assert (found.amin(dim=(2, 3)) >= lowest - 0.1).all()
    assert (found.amax(dim=(2, 3)) <= highest + 0.1).all()


@each_solver
def test_image_without_hints_stays_gray(solver):
    lightness, _ = random_input(21, 12, 1)
    assert not Levin(solver)(lightness, no_hints(lightness)).any()


@pytest.mark.parametrize(("height", "width"), [(40, 56), (1, 60), (60, 1)])
def test_noise_at_full_contrast_gives_colors_in_the_range_of_the_hints(height, width):
    some = [random_input(height, width, 10, seed) for seed in range(3)]
    generator = torch.Generator().manual_seed(0)
    hints = batched(*some)[1]
    found = Levin()(100 * (torch.rand(3, 1, height, width, generator=generator) < 0.5).float(), hints)
    shown = hints.ab.where(hints.mask > 0, torch.nan).flatten(2)
    assert (found.flatten(2) >= shown.nan_to_num(torch.inf).amin(2, keepdim=True) - 1e-3).all()
    assert (found.flatten(2) <= shown.nan_to_num(-torch.inf).amax(2, keepdim=True) + 1e-3).all()


@each_solver
def test_images_of_a_batch_are_independent(solver):
    some = [random_input(20, 30, count, seed=count) for count in (0, 1, 4, 40, 600)]
    alone = torch.cat([Levin(solver)(*inputs) for inputs in some])
    torch.testing.assert_close(Levin(solver)(*batched(*some)), alone, atol=1e-3, rtol=0)


@each_solver
def test_autocast_changes_nothing(solver):
    lightness, hints = random_input(32, 48, 20)
    plain = Levin(solver)(lightness, hints)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(Levin(solver)(lightness, hints), plain)


def test_affinities_sum_to_one_and_are_zero_outside_the_image():
    weights = affinity(random_input(6, 7, 1)[0])
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(1, 6, 7))
    assert not weights[:, :3, 0].any()
    assert not weights[:, [2, 4, 7], :, -1].any()
    assert weights[:, :, 1:-1, 1:-1].min() > 0


@pytest.mark.parametrize("options", [{"solver": "direct"}, {"iterations": -1}])
def test_invalid_options_raise_value_error(options):
    with pytest.raises(ValueError, match=r"Try model\."):
        Levin(**options)
