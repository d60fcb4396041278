"""Palettes as hints, and batches of hints with and without global ones."""

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab
from torch.utils.data import default_collate

from chromahint.hints.gamut_bins import soft_encode
from chromahint.hints.global_hints import GlobalHints, no_global_hints, palette_hints
from chromahint.hints.hints import Hints, concatenate_hints, no_hints, select_hints


def test_palette_has_the_colors_their_shares_and_their_histogram():
    known = palette_hints(["#aa3333", (10, 120, 40)], [3, 1], batch=2)
    colors = rgb2lab(np.array([[(0xAA, 0x33, 0x33), (10, 120, 40)]], np.uint8))[0, :, 1:]
    np.testing.assert_allclose(known.palette[1, :2].numpy(), colors, atol=0.01)
    assert known.palette_weights[1].tolist() == [0.75, 0.25, 0, 0, 0, 0, 0]
    expected = torch.zeros(313)
    for color, share in zip(known.palette[0, :2], (0.75, 0.25), strict=True):
        bins, weights = soft_encode(color[None])
        expected[bins[0]] += share * weights[0]
    torch.testing.assert_close(known.histogram, expected.expand(2, -1))
    assert known.has_histogram.tolist() == [[1.0], [1.0]]
    assert known.has_saturation.tolist() == [[0.0], [0.0]]
    assert known.has_palette.tolist() == [True, True]


def test_gray_is_a_color_of_a_palette():
    known = palette_hints(["#808080"])
    assert known.palette.abs().max() == 0
    assert known.has_palette.tolist() == [True]


@pytest.mark.parametrize(
    ("colors", "weights", "message"),
    [
        ([], None, "must have 1 to 7 colors, not 0"),
        (["#808080"] * 8, None, "must have 1 to 7 colors, not 8"),
        (["#80808"], None, r"palette\[0\]='#80808': must be"),
        (["#808080"], [1, 2], "one weight > 0 for each of its 1 colors"),
        (["#808080"], [0], "one weight > 0"),
        (["#808080"], [float("nan")], "one weight > 0"),
    ],
)
def test_invalid_palettes_are_refused(colors, weights, message):
    with pytest.raises(ValueError, match=message):
        palette_hints(colors, weights)


def test_batches_are_concatenated_selected_and_cut():
    palette, other = (Hints.palette([color], (4, 6)) for color in ("#aa3333", "#20c020"))
    nothing = no_hints(torch.zeros(1, 1, 4, 6))
    assert concatenate_hints([nothing, nothing]).global_hints is None
    both = concatenate_hints([palette, nothing])
    assert both.global_hints.has_palette.tolist() == [True, False]
    assert torch.equal(both.images(0, 1).global_hints.palette, palette.global_hints.palette)
    assert not both.images(1).global_hints.has_palette.any()

    chosen = select_hints(torch.tensor([False, True]), concatenate_hints([other, other]), both)
    expected = torch.cat([palette.global_hints.palette, other.global_hints.palette])
    assert torch.equal(chosen.global_hints.palette, expected)
    assert select_hints(torch.tensor([True]), nothing, nothing).global_hints is None
    assert not select_hints(torch.tensor([True]), nothing, palette).global_hints.has_palette.any()


def test_hints_of_single_images_are_collated():
    plain = [Hints(torch.full((2, 4, 4), float(number)), torch.ones(1, 4, 4)) for number in range(3)]
    batch = default_collate(plain)
    assert batch.ab[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert batch.global_hints is None
    known = [each._replace(global_hints=GlobalHints(*(x[0] for x in no_global_hints(1)))) for each in plain]
    assert default_collate(known).global_hints.palette.shape == (3, 7, 2)
    with pytest.raises(ValueError, match="some images of the batch have global hints"):
        default_collate([plain[0], known[1]])
