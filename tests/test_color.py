import numpy as np
import pytest
import skimage.color
import torch
from skimage.color.colorconv import rgb_from_xyz

from chromahint.color import gamut_ab, in_gamut, lab_to_gamut_mapped_rgb, lab_to_rgb, lab_to_rgb8, rgb_to_lab

TOLERANCE = 1e-3


def rgb_grid(values):
    """Return every combination of 8-bit values as one image of 1x3xNx(N*N)."""
    axis = torch.tensor(values, dtype=torch.uint8)
    grid = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))
    return grid.view(1, 3, len(values), -1)


def reference_lab(rgb):
    return torch.from_numpy(skimage.color.rgb2lab(rgb[0].permute(1, 2, 0).numpy().astype(np.float64) / 255)).permute(
        2, 0, 1
    )


GRID = rgb_grid(range(0, 256, 5))


@pytest.mark.parametrize("as_float", [False, True])
@pytest.mark.parametrize("autocast", [False, True])
def test_rgb_to_lab_matches_scikit_image(as_float, autocast):
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        lightness, ab = rgb_to_lab(GRID / 255 if as_float else GRID)
    assert lightness.dtype == ab.dtype == torch.float32
    torch.testing.assert_close(torch.cat([lightness, ab], 1)[0].double(), reference_lab(GRID), atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("autocast", [False, True])
def test_lab_to_rgb_matches_scikit_image(autocast):
    lab = reference_lab(GRID)
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        rgb = lab_to_rgb(lab[None, :1], lab[None, 1:])
    expected = torch.from_numpy(skimage.color.lab2rgb(lab.permute(1, 2, 0).numpy())).permute(2, 0, 1)
    torch.testing.assert_close(rgb[0].double(), expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize("values", [range(0, 256, 5), range(56), range(200, 256)], ids=["all", "dark", "bright"])
@pytest.mark.parametrize("autocast", [False, True])
def test_8_bit_round_trip_is_exact(values, autocast):
    rgb = rgb_grid(list(values))
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=autocast):
        back = lab_to_rgb8(*rgb_to_lab(rgb))
    assert torch.equal(back, rgb)


def test_lab_values_are_in_range():
    lightness, ab = rgb_to_lab(GRID)
    assert lightness.min() == pytest.approx(0, abs=1e-4)
    assert lightness.max() == pytest.approx(100, abs=1e-4)
    assert ab.abs().max() < 110


def test_out_of_gamut_colors_are_clipped():
    lightness = torch.full((1, 1, 2, 2), 50.0)
    rgb = lab_to_rgb(lightness, torch.full((1, 2, 2, 2), 120.0))
    assert rgb.min() == 0
    assert rgb.max() == 1


def unclipped_linear_rgb(lab):
    """Return linear RGB, which scikit-image clips after the gamma correction."""
    xyz = skimage.color.lab2xyz(lab)
    return xyz @ rgb_from_xyz.T


@pytest.mark.filterwarnings("ignore:.*negative Z.*")
def test_gamut_matches_unclipped_scikit_image():
    axis = np.arange(-120.0, 121, 5)
    lab = np.stack(np.meshgrid(np.arange(2.5, 100, 5), axis, axis, indexing="ij"), -1)
    linear = unclipped_linear_rgb(lab)
    # distance of the worst channel from the gamut boundary; colors on the boundary may fall on either side, and the
    # tolerance applies to RGB after the gamma correction, which is up to 2.3 times as fine
    margin = np.minimum(linear, 1 - linear).min(-1)
    clear = np.abs(margin) > 2.5 * TOLERANCE
    maps = torch.from_numpy(lab).permute(3, 0, 1, 2)
    shown = in_gamut(maps[0][:, None], maps[1:].permute(1, 0, 2, 3))[:, 0].numpy()
    assert clear.mean() > 0.98
    assert (shown == (margin > 0))[clear].all()
    assert 0.05 < shown.mean() < 0.5


def test_every_8_bit_color_is_in_gamut():
    assert in_gamut(*rgb_to_lab(GRID)).all()


@pytest.mark.parametrize("step", [5.0, 8.0])
@pytest.mark.parametrize("lightness", [5.0, 50.0, 95.0])
def test_gamut_ab_is_the_displayable_part_of_a_grid(lightness, step):
    ab = gamut_ab(lightness, step)
    found = {tuple(pair) for pair in ab.tolist()}
    assert len(found) == len(ab)
    reach = int(110 // step)
    axis = torch.arange(-reach, reach + 1) * step
    expected = {
        (a, b)
        for a in axis.tolist()
        for b in axis.tolist()
        if in_gamut(torch.full((1, 1, 1, 1), lightness), torch.tensor([a, b]).view(1, 2, 1, 1))
    }
    assert found == expected
    assert (0.0, 0.0) in found


def test_gamut_ab_covers_the_colors_of_its_lightness():
    lightness, ab = rgb_to_lab(GRID)
    here = ab.permute(0, 2, 3, 1)[(lightness[:, 0] - 50).abs() < 0.2]
    listed = gamut_ab(50.0, 4.0)
    nearest = torch.cdist(here, listed).amin(1)
    assert len(here) > 100
    assert nearest.max() < 4


def test_gamut_mapping_keeps_colors_in_gamut():
    rgb = torch.stack(torch.meshgrid(*[torch.arange(0, 256, 5)] * 3, indexing="ij")).to(torch.uint8).flatten(2)[None]
    lightness, ab = rgb_to_lab(rgb)
    assert torch.equal(lab_to_gamut_mapped_rgb(lightness, ab).mul(255).round().to(torch.uint8), rgb)


def test_gamut_mapping_preserves_lightness_and_hue():
    generator = torch.Generator().manual_seed(0)
    lightness = torch.rand(1, 1, 60, 60, generator=generator) * 100
    ab = torch.randn(1, 2, 60, 60, generator=generator) * 60
    assert in_gamut(lightness, ab).float().mean() < 0.5
    rgb = lab_to_gamut_mapped_rgb(lightness, ab)
    assert float(rgb.min()) >= 0
    assert float(rgb.max()) <= 1
    lab = skimage.color.rgb2lab(rgb[0].permute(1, 2, 0).double().numpy())
    assert np.abs(lab[..., 0] - lightness[0, 0].numpy()).max() < 0.03
    strong = np.hypot(lab[..., 1], lab[..., 2]) > 5
    asked = ab[0].permute(1, 2, 0).numpy()
    turned = np.angle((lab[..., 1] + 1j * lab[..., 2]) / (asked[..., 0] + 1j * asked[..., 1]))
    assert np.abs(turned[strong]).max() < 0.02
    # the chroma is the maximum: a little more is out of gamut
    weaker = np.hypot(lab[..., 1], lab[..., 2]) / np.hypot(asked[..., 0], asked[..., 1])
    beyond = strong & (weaker < 0.95)
    more = torch.from_numpy(np.float32(weaker + 0.02))[None, None] * ab
    assert not in_gamut(lightness, more, tolerance=1e-4)[0, 0].numpy()[beyond].any()
