"""Area resizing agrees with OpenCV's and PyTorch's where those define the same."""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from chromahint.models.layers.area_resize import area_resize


@pytest.mark.parametrize(("old", "new"), [((64, 96), (32, 32)), ((50, 37), (32, 32)), ((300, 131), (128, 128))])
def test_agrees_with_opencv(old, new):
    image = torch.rand(*old, generator=torch.Generator().manual_seed(0))
    expected = cv2.resize(image.numpy(), new[::-1], interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(area_resize(image[None, None], *new)[0, 0].numpy(), expected, atol=1e-5)


def test_agrees_with_average_pooling():
    images = torch.rand(2, 3, 64, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(area_resize(images, 16, 8), F.avg_pool2d(images, 4), atol=1e-6, rtol=0)


def test_enlarging_repeats_pixels():
    image = torch.rand(1, 1, 3, 5, generator=torch.Generator().manual_seed(0))
    expected = image.repeat_interleave(4, dim=2).repeat_interleave(2, dim=3)
    torch.testing.assert_close(area_resize(image, 12, 10), expected, atol=1e-6, rtol=0)
