"""Colors of cells follow their definition, which this file states once more in NumPy."""

import numpy as np
import pytest
import torch
from scipy.stats import norm

from chromahint.models.layers.cell_hints import pool_hints, to_cells
from chromahint.models.layers.prior_attention import (
    AB_UNIT,
    NUM_MODES,
    PriorAttention,
    mixture_log_likelihood,
)
from chromahint.models.layers.prior_losses import same_color_loss
from chromahint.models.layers.semantic_encoder import GRID_SIZE, INPUT_SIZE, SemanticEncoder


@pytest.fixture(scope="module")
def attention():
    torch.manual_seed(0)
    layer = PriorAttention(8)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
        last = layer.correction[-1]
        last.weight[:2], last.bias[:2] = 0, 0  # no correction
    return layer.eval()


@pytest.fixture(scope="module")
def encoding(attention):
    generator = torch.Generator().manual_seed(1)
    features = torch.rand(2, 8, GRID_SIZE, GRID_SIZE, generator=generator)
    with torch.no_grad():
        return attention.encode(features, 100 * torch.rand(2, 1, 64, 96, generator=generator))


def hints_at(*points, height=64, width=96):
    ab, mask = torch.zeros(2, 2, height, width), torch.zeros(2, 1, height, width)
    for image, row, column, color in points:
        ab[image, :, row, column], mask[image, 0, row, column] = torch.tensor(color), 1
    return ab, mask


def test_color_is_the_prior_plus_weighted_differences(attention, encoding):
    lightness = 100 * torch.rand(2, 1, 64, 96, generator=torch.Generator().manual_seed(2))
    points = [(0, 5, 90, (40.0, 10.0)), (0, 40, 3, (-20.0, 30.0)), (1, 63, 95, (0.0, -50.0))]
    with torch.no_grad():
        colors = attention(encoding, pool_hints(lightness, *hints_at(*points)))
    for image in range(2):
        own = [(row, column, color) for number, row, column, color in points if number == image]
        prior, query, key = (getattr(encoding, name)[image].numpy() for name in ("prior", "query", "key"))
        light, no_hint = encoding.lightness[image, :, 0].numpy(), encoding.no_hint_score[image, :, 0].numpy()
        y, x = np.meshgrid(*[(np.arange(GRID_SIZE) + 0.5) / GRID_SIZE] * 2, indexing="ij")
        scores, differences = [], []
        near, alike = attention.log_distance_weight.exp().item(), attention.log_lightness_weight.exp().item()
        near *= len(own) ** attention.hint_count_exponent.item()
        for row, column, color in own:
            cell = row // 2 * GRID_SIZE + column // 3
            distance = (y - (row + 0.5) / 64) ** 2 + (x - (column + 0.5) / 96) ** 2
            lightness_difference = (light - lightness[image, 0, row, column].item()) / 100
            score = query @ key[cell] / 8 * attention.log_similarity_scale.exp().item()
            score = score + attention.score_offset.item() - near * distance.ravel()
            scores.append(score - alike * lightness_difference**2)
            differences.append(np.array(color) - prior[cell])
        weights = np.exp([*scores, no_hint])
        weights /= weights.sum(axis=0)
        expected = prior + weights[:-1].T @ np.array(differences)
        np.testing.assert_allclose(to_cells(colors.ab)[image].numpy(), expected, atol=1e-3)


def test_no_hints_leave_the_prior(attention, encoding):
    lightness = torch.full((2, 1, 64, 96), 50.0)
    with torch.no_grad():
        colors = attention(encoding, pool_hints(lightness, *hints_at()))
    torch.testing.assert_close(to_cells(colors.ab), encoding.prior)
    torch.testing.assert_close(to_cells(colors.lightness), encoding.lightness)
    assert not colors.weights.any()


def test_correction_reads_what_is_known_about_a_cell(attention, encoding):
    lightness = torch.full((2, 1, 64, 96), 50.0)
    points = [(0, 5, 90, (40.0, 10.0)), (0, 40, 3, (-20.0, 30.0)), (0, 41, 50, (5.0, 0.0))]
    hints, inputs = pool_hints(lightness, *hints_at(*points)), []
    hook = attention.correction.register_forward_pre_hook(lambda _, arguments: inputs.append(arguments[0]))
    with torch.no_grad():
        colors = attention(encoding, hints)
    hook.remove()
    share, spread, nearest, strongest, count = to_cells(inputs[0])[..., 12:].unbind(2)  # after features and colors
    weights = colors.weights
    torch.testing.assert_close(share, weights.sum(dim=2))
    torch.testing.assert_close(strongest, weights.amax(dim=2))
    prior = torch.stack([encoding.prior[image, hints.cell[image]] for image in range(2)])
    difference = ((hints.ab - prior) / AB_UNIT)[:, None] * weights[..., None]
    squares = (((hints.ab - prior) / AB_UNIT) ** 2)[:, None] * weights[..., None]
    torch.testing.assert_close(
        spread, (squares.sum(dim=2) - difference.sum(dim=2) ** 2).sum(dim=2).clamp(min=0), atol=1e-5, rtol=1e-5
    )
    distances = torch.cdist(attention.positions.double(), hints.position[0].double())
    torch.testing.assert_close(nearest[0].double(), distances.amin(dim=1), atol=1e-4, rtol=0)
    assert (nearest[1] == 2).all()  # no hint: farther than any
    torch.testing.assert_close(count, torch.tensor([[np.log(4) / 5], [0.0]], dtype=torch.float32).expand_as(count))


def test_hints_of_a_cell_are_averaged():
    lightness = torch.arange(64.0).view(1, 1, 64, 1).expand(2, 1, 64, 96)
    ab, mask = hints_at((0, 10, 12, (10.0, 0.0)), (0, 11, 14, (30.0, 8.0)))
    hints = pool_hints(lightness, ab, mask)
    assert hints.num_hints.tolist() == [1, 0]
    assert hints.cell[0, 0] == 5 * GRID_SIZE + 4
    torch.testing.assert_close(hints.ab[0, 0], torch.tensor([20.0, 4.0]))
    torch.testing.assert_close(hints.lightness[0, 0], torch.tensor([10.5]))
    torch.testing.assert_close(hints.position[0, 0], torch.tensor([11 / 64, 13.5 / 96]))
    assert not hints.occupied[1].any()


def test_mixture_agrees_with_scipy():
    generator = torch.Generator().manual_seed(0)
    modes = torch.randn(1, 5, 4 * NUM_MODES, generator=generator)
    ab = 40 * torch.randn(1, 5, 2, generator=generator)
    found = mixture_log_likelihood(modes, ab)[0]
    for cell in range(5):
        logits, a, b, deviation = modes[0, cell].double().view(4, NUM_MODES).numpy()
        deviation = np.exp(np.clip(deviation, -1.5, 2.5) + 2)
        density = norm.pdf(ab[0, cell, 0].item(), AB_UNIT * a, deviation) * norm.pdf(
            ab[0, cell, 1].item(), AB_UNIT * b, deviation
        )
        expected = np.log((np.exp(logits) / np.exp(logits).sum() * density).sum())
        assert found[cell].item() == pytest.approx(expected, rel=1e-4)


def test_same_color_loss_teaches_which_cells_have_the_same_color():
    """Two halves that look different and have different colors: after training, hints apply to their own half only."""
    torch.manual_seed(0)
    layer = PriorAttention(4)
    left = (torch.arange(GRID_SIZE) < GRID_SIZE // 2).float().expand(1, 1, GRID_SIZE, GRID_SIZE)
    features = torch.cat([left, 1 - left, left, 1 - left], dim=1)
    truth = to_cells(torch.cat([60 * left, -60 * left], dim=1))
    lightness = torch.full((1, 1, 64, 64), 50.0)
    optimizer, generator = torch.optim.Adam(layer.parameters(), lr=0.03), torch.Generator().manual_seed(0)
    for _ in range(60):
        optimizer.zero_grad()
        same_color_loss(layer, layer.encode(features, lightness), truth, generator).backward()
        optimizer.step()
    ab, mask = torch.zeros(1, 2, 64, 64), torch.zeros(1, 1, 64, 64)
    ab[0, 0, 32, 16], mask[0, 0, 32, 16] = 60, 1
    with torch.no_grad():
        weights = layer(layer.encode(features, lightness), pool_hints(lightness, ab, mask)).weights[0, :, 0]
    weights = weights.view(GRID_SIZE, GRID_SIZE)
    assert weights[:, : GRID_SIZE // 2].min() > 0.8
    assert weights[:, GRID_SIZE // 2 :].max() < 0.2


def test_semantic_encoder_sees_the_whole_image():
    torch.manual_seed(0)
    encoder = SemanticEncoder(8, attention_blocks=2).eval()
    for parameter in encoder.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    lightness = torch.full((1, 1, INPUT_SIZE, INPUT_SIZE), 50.0, requires_grad=True)
    features = encoder(lightness)
    assert features.shape == (1, 8, GRID_SIZE, GRID_SIZE)
    features[0, :, 0, 0].sum().backward()
    assert lightness.grad[0, 0, -8:, -8:].abs().max() > 0
