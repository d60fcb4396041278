"""CIEDE2000 against scikit-image and published pairs; colorfulness against its definition."""

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000

from chromahint.evaluation.color_difference import ciede2000, colorfulness

# Sharma, Wu, Dalal (2005): The CIEDE2000 color-difference formula, table 1
PUBLISHED = """
50 2.6772 -79.7751 50 0 -82.7485 2.0425
50 3.1571 -77.2803 50 0 -82.7485 2.8615
50 2.8361 -74.0200 50 0 -82.7485 3.4412
50 -1.3802 -84.2814 50 0 -82.7485 1.0000
50 -1.1848 -84.8006 50 0 -82.7485 1.0000
50 -0.9009 -85.5211 50 0 -82.7485 1.0000
50 0 0 50 -1 2 2.3669
50 -1 2 50 0 0 2.3669
50 2.4900 -0.0010 50 -2.4900 0.0009 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0010 7.1792
50 2.4900 -0.0010 50 -2.4900 0.0011 7.2195
50 2.4900 -0.0010 50 -2.4900 0.0012 7.2195
50 -0.0010 2.4900 50 0.0009 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0010 -2.4900 4.8045
50 -0.0010 2.4900 50 0.0011 -2.4900 4.7461
50 2.5 0 50 0 -2.5 4.3065
50 2.5 0 73 25 -18 27.1492
50 2.5 0 61 -5 29 22.8977
50 2.5 0 56 -27 -3 31.9030
50 2.5 0 58 24 15 19.4535
50 2.5 0 50 3.1736 0.5854 1.0000
50 2.5 0 50 3.2972 0 1.0000
50 2.5 0 50 1.8634 0.5757 1.0000
50 2.5 0 50 3.2592 0.3350 1.0000
60.2574 -34.0099 36.2677 60.4626 -34.1751 39.4387 1.2644
63.0109 -31.0961 -5.8663 62.8187 -29.7946 -4.0864 1.2630
61.2901 3.7196 -5.3901 61.4292 2.2480 -4.9620 1.8731
35.0831 -44.1164 3.7933 35.0232 -40.0716 1.5901 1.8645
22.7233 20.0904 -46.6940 23.0331 14.9730 -42.5619 2.0373
36.4612 47.8580 18.3852 36.2715 50.5065 21.2231 1.4146
90.8027 -2.0831 1.4410 91.1528 -1.6435 0.0447 1.4441
90.9257 -0.5406 -0.9208 88.6381 -0.8985 -0.7239 1.5381
6.7747 -0.2908 -2.4247 5.8714 -0.0985 -2.2286 0.6377
2.0776 0.0795 -1.1350 0.9033 -0.0636 -0.5514 0.9082
"""


@pytest.mark.parametrize("line", PUBLISHED.strip().splitlines())
def test_published_pairs(line):
    *lab, expected = map(float, line.split())
    first, second = torch.tensor(lab, dtype=torch.float64).view(2, 3, 1, 1)
    assert ciede2000(first, second).item() == pytest.approx(expected, abs=5e-5)
    assert ciede2000(second, first).item() == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("reach", [2.0, 20.0, 200.0])
def test_agrees_with_scikit_image(reach):
    generator = torch.Generator().manual_seed(0)
    scale = torch.tensor([100.0, 220.0, 220.0]).view(3, 1, 1)
    first = (torch.rand(3, 300, 300, generator=generator) - torch.tensor([0, 0.5, 0.5]).view(3, 1, 1)) * scale
    second = first + (torch.rand(3, 300, 300, generator=generator) - 0.5) * reach
    second[1:, :30] = 0  # gray against a color, a color against gray, gray against gray
    first[1:, 20:60] = 0
    expected = deltaE_ciede2000(*(lab.double().permute(1, 2, 0).numpy() for lab in (first, second)))
    np.testing.assert_allclose(ciede2000(first, second).numpy(), expected, atol=1e-3)


def test_equal_colors_do_not_differ():
    lab = torch.tensor([60.0, 20.0, -30.0]).view(3, 1, 1).expand(2, 3, 4, 5)
    assert ciede2000(lab, lab).eq(0).all()


def test_colorfulness_of_gray_is_zero_and_of_noise_as_defined():
    rgb = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 20, 30), dtype=np.uint8))
    rgb[0] = rgb[0, :1]
    r, g, b = rgb[1].numpy().astype(float)
    rg, yb = r - g, 0.5 * (r + g) - b
    expected = np.hypot(rg.std(), yb.std()) + 0.3 * np.hypot(rg.mean(), yb.mean())
    assert colorfulness(rgb).tolist() == pytest.approx([0, expected], rel=1e-6)
