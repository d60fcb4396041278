"""Images are squashed to the size a network was trained at."""

import numpy as np
import pytest
import torch
from PIL import Image

from chromahint.hints.hints import Hints, hints_from_mask, no_hints
from chromahint.inference.fixed_size import FixedSizeWrapper, downsample_hints


class RecordingNetwork(torch.nn.Module):
    """Records its input; predicts one color on the left and another on the right."""

    def forward(self, lightness, hints):
        self.lightness, self.hints = lightness, hints
        ab = torch.zeros_like(hints.ab)
        ab[..., lightness.shape[-1] // 2 :] = 40
        return ab


def test_image_of_the_size_is_passed_unchanged():
    network = RecordingNetwork()
    lightness = torch.rand(2, 1, 16, 16)
    hints = no_hints(lightness)
    FixedSizeWrapper(network, 16)(lightness, hints)
    assert network.lightness is lightness
    assert network.hints is hints


@pytest.mark.parametrize(("height", "width"), [(40, 60), (8, 30), (5, 7)])
def test_other_images_are_squashed_and_colors_resized_back(height, width):
    network = RecordingNetwork()
    lightness = torch.rand(2, 1, height, width) * 100
    ab = FixedSizeWrapper(network, 16)(lightness, no_hints(lightness))
    assert ab.shape == (2, 2, height, width)
    assert torch.allclose(ab[..., 0], torch.tensor(0.0))
    assert torch.allclose(ab[..., -1], torch.tensor(40.0))
    expected = Image.fromarray(lightness[0, 0].numpy()).resize((16, 16), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(network.lightness[0, 0], np.asarray(expected), atol=1e-3)


def test_no_hint_is_lost_and_overlapping_hints_are_averaged():
    ab = torch.zeros(1, 2, 4, 6)
    mask = torch.zeros(1, 1, 4, 6)
    for row, column, color in [(0, 0, 10.0), (1, 1, 30.0), (3, 5, -50.0)]:
        mask[0, 0, row, column], ab[0, :, row, column] = 1, color
    small = downsample_hints(hints_from_mask(ab, mask), (2, 3))
    assert small.mask[0, 0].tolist() == [[1, 0, 0], [0, 0, 1]]
    assert small.ab[0, 0].tolist() == [[20, 0, 0], [0, 0, -50]]


def test_agrees_with_loops_over_pixels():
    generator = torch.Generator().manual_seed(0)
    ab = torch.rand(2, 2, 13, 9, generator=generator) * 100 - 50
    hints = hints_from_mask(ab, (torch.rand(2, 1, 13, 9, generator=generator) < 0.4).float())
    for size in [(5, 4), (20, 31)]:
        small = downsample_hints(hints, size)
        for image in range(2):
            hints_at = {}
            for row in range(13):
                for column in range(9):
                    if hints.mask[image, 0, row, column]:
                        position = (row * size[0] // 13, column * size[1] // 9)
                        hints_at.setdefault(position, []).append(ab[image, :, row, column])
            assert int(small.mask[image].sum()) == len(hints_at)
            for (row, column), colors in hints_at.items():
                torch.testing.assert_close(small.ab[image, :, row, column], torch.stack(colors).mean(0))


def test_hints_of_the_same_size_are_unchanged():
    hints = hints_from_mask(torch.rand(1, 2, 6, 6), torch.eye(6)[None, None])
    same = downsample_hints(hints, (6, 6))
    assert isinstance(same, Hints)
    assert torch.equal(same.ab, hints.ab)
    assert torch.equal(same.mask, hints.mask)
