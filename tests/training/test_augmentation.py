"""Data augmentation: what changes, what stays the same, and the use of random numbers."""

import math

import numpy as np
import pytest
import torch
from skimage import data
from skimage.exposure import adjust_gamma

from chromahint.color import lab_to_rgb, rgb_to_lab
from chromahint.training.augmentation import Augment

EVERYTHING = Augment(flip_horizontal=0.5, flip_vertical=0.5, crop=0.5, lightness=0.5, saturation=0.5, hue=30)
OPTIONS = ["flip_horizontal", "flip_vertical", "crop", "lightness", "saturation", "hue"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def photos():
    """Sixteen different tiles of a photo, uint8 16 x 3 x 40 x 48."""
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    return torch.stack([photo[:, 40 * i % 400 : 40 * i % 400 + 40, 27 * i : 27 * i + 48] for i in range(16)])


@pytest.fixture(scope="module")
def copies(photos):
    return photos[:1].expand(64, -1, -1, -1).contiguous()


def test_defaults_leave_images_unchanged(photos):
    out = Augment()(photos, generator())
    assert out.dtype == torch.float32
    assert torch.equal(out, photos.float() / 255)


@pytest.mark.parametrize(("option", "axis"), [("flip_horizontal", -1), ("flip_vertical", -2)])
def test_flip_probability_one_flips_every_image(photos, option, axis):
    assert torch.equal(Augment(**{option: 1.0})(photos, generator()), photos.flip(axis).float() / 255)


def test_flips_are_independent(copies):
    out = Augment(0.5, 0.5)(copies, generator(1))
    original = copies[0].float() / 255
    variants = [original, original.flip(-1), original.flip(-2), original.flip(-1, -2)]
    counts = [sum(torch.equal(image, variant) for image in out) for variant in variants]
    assert sum(counts) == len(copies)
    assert min(counts) >= 6


def test_flip_probability(photos):
    many = photos[0][None, :, :4, :4].expand(4000, -1, -1, -1)
    out = Augment(flip_horizontal=0.25)(many, generator())
    flipped = (out != many.float() / 255).flatten(1).any(1).float().mean().item()
    assert flipped == pytest.approx(0.25, abs=0.03)


def test_batch_order_is_kept(photos):
    """Images differ from each other by more than their colors change."""
    out = Augment(lightness=0.1, saturation=0.1, hue=5)(photos, generator())
    distance = torch.cdist(out.flatten(1), (photos / 255).flatten(1))
    assert distance.argmin(dim=1).tolist() == list(range(len(photos)))


def test_color_changes_keep_geometry():
    """A grid of uniform squares stays a grid of uniform squares."""
    squares = torch.randint(0, 256, (4, 3, 6, 6), generator=generator(), dtype=torch.uint8)
    photo = squares.repeat_interleave(8, -1).repeat_interleave(8, -2)
    out = Augment(lightness=0.5, saturation=0.5, hue=30)(photo, generator())
    assert torch.equal(out, out[..., ::8, ::8].repeat_interleave(8, -1).repeat_interleave(8, -2))
    assert (out - photo / 255).abs().flatten(1).amax(1).min() > 0.02


def test_lightness_is_a_bounded_gamma_curve(copies):
    out = Augment(lightness=0.5)(copies, generator())
    before = copies[0].double().numpy() / 255
    gammas = []
    for after in out.double().numpy():
        midtones = (before > 0.2) & (before < 0.8)
        gammas.append(np.median(np.log(after[midtones]) / np.log(before[midtones])))
        np.testing.assert_allclose(after, adjust_gamma(before, gammas[-1]), atol=1e-5)
    assert 1 / 1.5 < min(gammas) < 0.8
    assert 1.2 < max(gammas) < 1.5


def muted_images():
    """64 copies of an 8x8 image whose colors stay in gamut when saturated or rotated."""
    colors = torch.randint(100, 156, (1, 3, 8, 8), generator=generator(), dtype=torch.uint8)
    return colors.expand(64, -1, -1, -1).contiguous()


def luma_and_chroma(rgb):
    luma = (rgb * torch.tensor([0.299, 0.587, 0.114]).view(3, 1, 1)).sum(-3, keepdim=True)
    return luma, rgb - luma


def test_saturation_scales_chroma_and_keeps_luma():
    before = muted_images()
    out = Augment(saturation=0.4)(before, generator())
    luma, chroma = luma_and_chroma(before / 255)
    new_luma, new_chroma = luma_and_chroma(out)
    torch.testing.assert_close(new_luma, luma, atol=1e-5, rtol=0)
    factors = (new_chroma * chroma).sum((1, 2, 3)) / chroma.square().sum((1, 2, 3))
    torch.testing.assert_close(new_chroma, factors.view(-1, 1, 1, 1) * chroma, atol=1e-5, rtol=0)
    assert 0.6 <= factors.min() < 0.7
    assert 1.3 < factors.max() <= 1.4


def test_saturation_one_ranges_from_gray_to_twice_the_chroma():
    before = muted_images()
    changed = luma_and_chroma(Augment(saturation=1.0)(before, generator()))[1].abs().flatten(1).sum(1)
    original = luma_and_chroma(before[:1] / 255)[1].abs().sum()
    assert 0 < changed.min() < 0.2 * original
    assert 1.8 * original < changed.max() <= 2.0 * original + 1e-3


def test_hue_rotates_colors_and_keeps_luma():
    before = muted_images()
    out = Augment(hue=30)(before, generator())
    luma, _ = luma_and_chroma(before / 255)
    torch.testing.assert_close(luma_and_chroma(out)[0], luma, atol=1e-5, rtol=0)
    # rotations take place in the plane orthogonal to the gray axis
    plane = torch.tensor([[2.0, -1, -1], [0, math.sqrt(3), -math.sqrt(3)]]) / math.sqrt(6)
    old, new = (torch.complex(*torch.einsum("pc,bchw->pbhw", plane, rgb)) for rgb in (before / 255, out))
    torch.testing.assert_close(new.abs(), old.abs(), atol=1e-5, rtol=0)
    angles = torch.rad2deg((new * old.conj()).sum((1, 2)).angle())
    assert -30 <= angles.min() < -20
    assert 20 < angles.max() <= 30


def test_gray_images_stay_gray():
    grays = torch.randint(0, 256, (8, 1, 8, 8), generator=generator(), dtype=torch.uint8).expand(-1, 3, -1, -1)
    out = Augment(saturation=1.0, hue=180)(grays, generator())
    torch.testing.assert_close(out, grays / 255, atol=1e-5, rtol=0)


def test_crop_keeps_the_aspect_ratio():
    """Red encodes the column and green the row, which reveals the window."""
    column, row = torch.arange(64).expand(48, 64), torch.arange(48)[:, None].expand(48, 64)
    photo = torch.stack([column * 3, row * 3, row * 0])[None].expand(64, -1, -1, -1).to(torch.uint8)
    out = Augment(crop=0.75)(photo, generator()) * 255 / 3
    width = (out[:, 0, 20, 50] - out[:, 0, 20, 10]) / 40 * 64
    height = (out[:, 1, 38, 20] - out[:, 1, 8, 20]) / 30 * 48
    left, top = out[:, 0, 20, 10] + 0.5 - width * 10.5 / 64, out[:, 1, 8, 20] + 0.5 - height * 8.5 / 48
    torch.testing.assert_close(width / 64, height / 48, atol=1e-3, rtol=0)
    area = width * height / (64 * 48)
    assert 0.25 <= area.min() < 0.35
    assert 0.9 < area.max() <= 1.001
    for start, size, whole in ((left, width, 64), (top, height, 48)):
        assert start.min() > -0.05
        assert (start + size).max() < whole + 0.05
        position = (start / (whole - size))[area < 0.6]
        assert position.min() < 0.2
        assert position.max() > 0.8


@pytest.mark.parametrize(("seed", "dtype"), [(0, None), (1, None), (2, torch.bfloat16)])
def test_output_is_in_gamut(photos, seed, dtype):
    extremes = torch.randint(0, 2, photos.shape, generator=generator(), dtype=torch.uint8) * 255
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not None):
        out = EVERYTHING(torch.cat([photos, extremes]), generator(seed))
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1
    torch.testing.assert_close(lab_to_rgb(*rgb_to_lab(out)), out, atol=2e-3, rtol=0)


def test_autocast_has_no_effect(photos):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = EVERYTHING(photos, generator())
    assert torch.equal(out, EVERYTHING(photos, generator()))


def test_randomness_comes_from_the_generator_only(photos):
    torch.manual_seed(1)
    first = EVERYTHING(photos, generator(7))
    torch.manual_seed(2)
    before = torch.get_rng_state()
    assert torch.equal(EVERYTHING(photos, generator(7)), first)
    assert torch.equal(torch.get_rng_state(), before)


def test_calls_advance_the_generator(photos):
    shared = generator()
    assert not torch.equal(EVERYTHING(photos, shared), EVERYTHING(photos, shared))


@pytest.mark.parametrize("option", OPTIONS)
def test_images_of_a_batch_are_augmented_independently(copies, option):
    out = Augment(**{option: 0.5 if option != "hue" else 30.0})(copies, generator())
    different = len({photo.numpy().tobytes() for photo in out})
    assert different == 2 if option.startswith("flip") else different > 60


def test_enabling_an_option_does_not_change_the_others(photos):
    flipped = Augment(flip_horizontal=0.5)(photos, generator())
    brighter = Augment(flip_horizontal=0.5, lightness=0.2)(photos, generator())
    closer = (brighter - flipped).abs().flatten(1).mean(1) < (brighter - flipped.flip(-1)).abs().flatten(1).mean(1)
    assert closer.all()


def test_input_is_not_modified(photos):
    before = photos.clone()
    EVERYTHING(photos, generator())
    assert torch.equal(photos, before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"flip_horizontal": 1.5}, r"augment\.flip_horizontal=1\.5: must be a number >= 0 and <= 1"),
        ({"flip_vertical": -0.1}, r"augment\.flip_vertical=-0\.1: must be a number >= 0 and <= 1"),
        ({"crop": 1.0}, r"augment\.crop=1\.0: must be a number >= 0 and < 1"),
        ({"lightness": -0.2}, r"augment\.lightness=-0\.2: must be a number >= 0"),
        ({"saturation": 1.2}, r"augment\.saturation=1\.2: must be a number >= 0 and <= 1"),
        ({"hue": 270.0}, r"augment\.hue=270\.0: must be a number >= 0 and <= 180"),
    ],
)
def test_invalid_options_are_reported(options, message):
    with pytest.raises(ValueError, match=message):
        Augment(**options)
