"""Joint bilateral upsampling follows the edges of the photo."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from skimage import data

from chromahint.color import lab_to_rgb8, rgb_to_lab
from chromahint.evaluation.metrics import psnr
from chromahint.inference.upsample import joint_bilateral_upsample


def reference_upsample(ab, small, lightness):
    """Slow reference implementation, pixel by pixel."""
    ab, small, lightness = (x.double().numpy()[0] for x in (ab, small, lightness))
    (h, w), (height, width) = small.shape[1:], lightness.shape[1:]
    result = np.zeros((2, height, width))
    for row in range(height):
        for column in range(width):
            y = min(max((row + 0.5) * h / height - 0.5, 0), h - 1)
            x = min(max((column + 0.5) * w / width - 0.5, 0), w - 1)
            total, weights = 0.0, 0.0
            for i in {int(y), min(int(y) + 1, h - 1)}:
                for j in {int(x), min(int(x) + 1, w - 1)}:
                    bilinear = (1 - abs(y - i)) * (1 - abs(x - j))
                    similarity = 1 / (1 + ((small[0, i, j] - lightness[0, row, column]) / 6) ** 2)
                    total, weights = total + bilinear * similarity * ab[:, i, j], weights + bilinear * similarity
            result[:, row, column] = total / weights
    return result


@pytest.mark.parametrize(
    ("small", "large"), [((5, 7), (20, 30)), ((4, 4), (9, 17)), ((1, 1), (6, 5)), ((9, 8), (6, 5))]
)
def test_agrees_with_the_reference(small, large):
    generator = torch.Generator().manual_seed(0)
    ab = torch.randn(1, 2, *small, generator=generator) * 30
    given = torch.rand(1, 1, *small, generator=generator) * 100
    lightness = torch.rand(1, 1, *large, generator=generator) * 100
    result = joint_bilateral_upsample(ab, given, lightness, 0, large[0])
    np.testing.assert_allclose(result[0], reference_upsample(ab, given, lightness), atol=1e-3)


def test_bilinear_without_edges():
    ab = torch.randn(1, 2, 6, 9)
    result = joint_bilateral_upsample(ab, torch.full((1, 1, 6, 9), 50.0), torch.full((1, 1, 25, 40), 50.0), 0, 25)
    torch.testing.assert_close(result, F.interpolate(ab, (25, 40), mode="bilinear"), atol=1e-4, rtol=0)


def test_identity_at_the_same_size():
    ab, lightness = torch.randn(1, 2, 6, 9), torch.rand(1, 1, 6, 9)
    assert torch.equal(joint_bilateral_upsample(ab, lightness, lightness, 0, 6), ab)


@pytest.mark.parametrize("rows", [1, 7, 16])
def test_chunks_of_rows_are_independent(rows):
    ab, small = torch.randn(1, 2, 11, 13), torch.rand(1, 1, 11, 13) * 100
    lightness = torch.rand(1, 1, 50, 64) * 100
    chunks = [joint_bilateral_upsample(ab, small, lightness[:, :, at : at + rows], at, 50) for at in range(0, 50, rows)]
    torch.testing.assert_close(
        torch.cat(chunks, dim=2), joint_bilateral_upsample(ab, small, lightness, 0, 50), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
@pytest.mark.parametrize("share", [4, 8])
def test_photos_have_higher_psnr_than_with_bilinear(name, share):
    rgb = torch.from_numpy(getattr(data, name)()).permute(2, 0, 1)[None]
    lightness, ab = rgb_to_lab(rgb)
    size = [side // share for side in rgb.shape[-2:]]
    small_ab, small = (F.interpolate(x, size, mode="bilinear", antialias=True) for x in (ab, lightness))
    edges = joint_bilateral_upsample(small_ab, small, lightness, 0, rgb.shape[-2])
    plain = F.interpolate(small_ab, rgb.shape[-2:], mode="bilinear")
    assert psnr(lab_to_rgb8(lightness, edges), rgb) > psnr(lab_to_rgb8(lightness, plain), rgb)
