"""The strength of the color, and how far hints reach."""

import numpy as np
import pytest
import torch
from skimage import data
from skimage.color import rgb2lab
from skimage.graph import route_through_array

from chromahint import Colorizer
from chromahint.hints.annotations import Annotations, PaletteColor, Point
from chromahint.inference.array_adapters import open_images
from chromahint.inference.look import Look, reach_map

POINT = [(150, 420, "#d0701c", 3)]
"""On the suit of the astronaut, in its true color."""


@pytest.fixture(scope="module")
def colorizer():
    return Colorizer.load(device="cpu")


@pytest.fixture(scope="module")
def ab(colorizer):
    """A function that returns the colors of the astronaut for a look."""
    photo = data.astronaut()
    return lambda hints=None, look=Look(): rgb2lab(colorizer.colorize(photo, hints, look))[..., 1:]  # noqa: B008


def test_strength_scales_the_color(ab):
    full, half, none = (ab(POINT, Look(strength)) for strength in (1, 0.5, 0))
    assert np.abs(none).max() < 1
    chroma = [np.hypot(*colors.transpose(2, 0, 1)).mean() for colors in (half, full)]
    assert chroma[0] == pytest.approx(chroma[1] / 2, rel=0.05)


def test_a_near_point_leaves_distant_places_as_they_were(ab):
    without, near, whole = ab(), ab(POINT, Look(reach="near")), ab(POINT)
    true = rgb2lab(data.astronaut())[..., 1:]

    def change(colors, rows, columns):
        return np.hypot(*(colors - without)[rows, columns].transpose(2, 0, 1)).mean()

    suit, sky = (slice(380, 450), slice(120, 190)), (slice(0, 60), slice(340, 380))
    assert change(near, *suit) > 15
    assert change(near, *sky) < 2
    assert change(near, *sky) < change(whole, *sky)
    # a true color on the main object makes it better
    errors = [np.abs((colors - true)[suit]).mean() for colors in (without, near)]
    assert errors[1] < 0.75 * errors[0]


def test_without_hints_the_reach_changes_nothing(ab):
    assert np.array_equal(ab(), ab(look=Look(reach="near")))


def test_distances_lead_around_edges():
    lightness = torch.full((1, 1, 60, 100), 40.0)
    lightness[..., :50, 50:] = 90.0  # a wall with a gap at the bottom
    mask = torch.zeros(1, 1, 60, 100)
    mask[..., 10, 20] = 1
    weight = reach_map(lightness, mask)[0, 0].numpy()
    assert weight[10, 20] == pytest.approx(1, abs=1e-3)
    assert weight[10, 35] > weight[10, 65]
    # as far away, but with no edge between
    assert weight[40, 20] > weight[10, 52]
    cost = np.where(np.abs(np.gradient(lightness[0, 0].numpy(), axis=1)) > 1, 10.0, 1.0)
    _, reference = route_through_array(cost, (10, 20), (10, 65))
    assert reference > 45  # the way costs more than the distance


def test_more_parts_with_hints_reach_farther():
    lightness = torch.full((1, 1, 100, 100), 50.0)
    one, four = torch.zeros(1, 1, 100, 100), torch.zeros(1, 1, 100, 100)
    one[..., 5, 5] = 1
    for row, column in ((5, 5), (5, 95), (95, 5), (30, 60)):
        four[..., row, column] = 1
    close = torch.zeros(1, 1, 100, 100)
    close[..., 3:9, 3:9] = 1
    weights = [float(reach_map(lightness, mask)[0, 0, 5, 50]) for mask in (one, close, four)]
    assert weights[1] == pytest.approx(weights[0], abs=0.06)
    assert weights[2] > weights[0] + 0.1


def test_the_coloring_without_hints_follows_the_palette(colorizer):
    """It is kept between hints, and predicted again for another palette."""
    photo = data.astronaut()[:128, :128]
    palettes = [(), (PaletteColor("#2846c8"),), (PaletteColor("#30c040"),), ()]
    hints = [Annotations((Point(20, 30, "#d0701c", 3),), palette=palette) for palette in palettes]
    [buffer], _ = open_images(photo)
    session, look = colorizer.open_session(buffer), Look(reach="near")
    for each in hints:
        [fresh], _ = open_images(photo)
        expected = colorizer.open_session(fresh).colorize_small(each, look=look)
        assert torch.equal(session.colorize_small(each, look=look), expected)
