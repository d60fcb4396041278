"""Palettes of images whose colors are known."""

import pytest
import torch

from chromahint.hints.palettes import extract_palette

COLORS = torch.tensor([[60.0, 40.0], [-50.0, 30.0], [10.0, -60.0], [0.0, 0.0]])
SHARES = (0.4, 0.3, 0.2, 0.1)


def image(noise=1.0, seed=0):
    """Return ab 12HW of the colors in random places, with a little noise."""
    generator = torch.Generator().manual_seed(seed)
    areas = torch.cat([color.expand(round(share * 4000), 2) for color, share in zip(COLORS, SHARES, strict=True)])
    pixels = areas[torch.randperm(4000, generator=generator)] + noise * torch.randn(4000, 2, generator=generator)
    return pixels.T.reshape(1, 2, 50, 80)


def test_finds_the_colors_and_their_shares():
    palette, weights = extract_palette(image(), 4)
    torch.testing.assert_close(palette[0, :4], COLORS, atol=0.5, rtol=0)
    torch.testing.assert_close(weights[0], torch.tensor([*SHARES, 0, 0, 0]), atol=0.05, rtol=0)
    assert not palette[0, 4:].any()


def test_fewer_colors_merge_the_nearest():
    palette, weights = extract_palette(image(noise=0), torch.tensor([2]))
    assert (weights[0] > 0).sum() == 2
    pixels = image(noise=0)[0].flatten(1).T[:, None]
    nearest = (pixels - palette[0, :2]).norm(dim=2).argmin(dim=1)
    for index in (0, 1):  # what k-means converges to
        torch.testing.assert_close(pixels[nearest == index, 0].mean(dim=0), palette[0, index], atol=1.5, rtol=0)


@pytest.mark.parametrize("value", [0.0, 37.0])
def test_image_of_one_color_has_a_palette_of_one(value):
    palette, weights = extract_palette(torch.full((1, 2, 5, 3), value), 7)
    torch.testing.assert_close(palette[0, 0], torch.tensor([value, value]))
    assert weights[0].tolist() == [1, 0, 0, 0, 0, 0, 0]


def test_images_of_a_batch_are_independent():
    first, second = image(seed=0), image(seed=1).flip(1)
    palette, weights = extract_palette(torch.cat([first, second]), torch.tensor([3, 4]))
    for index, (one, number) in enumerate(((first, 3), (second, 4))):
        alone = extract_palette(one, number)
        torch.testing.assert_close(palette[index : index + 1], alone[0])
        torch.testing.assert_close(weights[index : index + 1], alone[1])
    assert (weights > 0).sum(dim=1).tolist() == [3, 4]
