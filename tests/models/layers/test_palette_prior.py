"""Prior colors from a palette follow their definition, which this file states once more in NumPy."""

import numpy as np
import torch
from scipy.stats import norm

from chromahint.hints.hints import Hints, concatenate_hints, no_hints
from chromahint.models.layers.palette_prior import palette_prior, with_palette
from chromahint.models.layers.prior_attention import AB_UNIT, NUM_MODES, PriorAttention
from chromahint.models.layers.semantic_encoder import GRID_SIZE


def test_palette_prior_weighs_colors_by_likelihood_and_approaches_their_shares():
    generator = torch.Generator().manual_seed(3)
    modes = torch.randn(1, 20, 4 * NUM_MODES, generator=generator)
    palette = torch.zeros(1, 7, 2)
    palette[0, :3] = torch.tensor([[40.0, 20.0], [-30.0, 10.0], [0.0, -50.0]])
    weights = torch.tensor([[0.5, 0.3, 0.2, 0, 0, 0, 0]])
    found = palette_prior(modes, palette, weights)[0].numpy()

    logits, a, b, deviation = modes[0].double().numpy().reshape(20, 4, NUM_MODES).transpose(1, 0, 2)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sigma = np.exp(np.clip(deviation, -1.5, 2.5) + 2)
    likelihood = np.zeros((20, 3))
    for index, color in enumerate(palette[0, :3].numpy()):
        density = norm.pdf(color[0], AB_UNIT * a, sigma) * norm.pdf(color[1], AB_UNIT * b, sigma)
        likelihood[:, index] = (probability * density).sum(axis=1)
    factor = np.array([0.5, 0.3, 0.2])
    for _ in range(8):
        share = likelihood * factor / (likelihood * factor).sum(axis=1, keepdims=True)
        factor = factor * np.sqrt(np.array([0.5, 0.3, 0.2]) / share.mean(axis=0))
    share = likelihood * factor / (likelihood * factor).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, share @ palette[0, :3].numpy(), atol=1e-2)
    np.testing.assert_allclose(share.mean(axis=0), [0.5, 0.3, 0.2], atol=0.02)


def test_images_without_a_palette_keep_their_prior():
    torch.manual_seed(0)
    lightness = 100 * torch.rand(2, 1, 64, 96)
    encoding = PriorAttention(8).eval().encode(torch.rand(2, 8, GRID_SIZE, GRID_SIZE), lightness)
    known = concatenate_hints([Hints.palette(["#aa3333"], (4, 4)), no_hints(torch.zeros(1, 1, 4, 4))]).global_hints
    with torch.no_grad():
        changed = with_palette(encoding, known)
    assert with_palette(encoding, None) is encoding
    assert torch.equal(changed.prior[1], encoding.prior[1])
    torch.testing.assert_close(changed.prior[0], known.palette[0, :1].expand(GRID_SIZE**2, -1))
