"""Aged photos: what each kind of damage does, and that colors and other photos stay."""

import io

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from skimage.filters import gaussian

from chromahint.color import rgb_to_lab
from chromahint.training.augmentation import Augment
from chromahint.training.lightning_module import ColorizationModule
from chromahint.training.old_photos import OldPhotos, compress

NOTHING = {"fading": 0.0, "blur": 0.0, "halftone": 0.0, "noise": 0.0, "jpeg_quality": 100}


@pytest.fixture(scope="module")
def lightness():
    photo = torch.from_numpy(skimage.data.astronaut()[:128, 180:308].copy()).permute(2, 0, 1)
    return rgb_to_lab(photo.expand(16, -1, -1, -1))[0]


def age(lightness, seed=0, **options):
    return OldPhotos(Augment(), **{"probability": 1.0, **NOTHING, **options}).age(
        lightness, torch.Generator().manual_seed(seed)
    )


def test_without_damage_photos_stay(lightness):
    torch.testing.assert_close(age(lightness), lightness)


def test_share_of_aged_photos(lightness):
    aged = age(lightness.repeat(8, 1, 1, 1), probability=0.25, noise=5.0)
    changed = (aged != lightness.repeat(8, 1, 1, 1)).flatten(1).any(dim=1).float().mean()
    assert 0.1 < changed < 0.4


def test_fading_is_linear_and_loses_contrast(lightness):
    aged = age(lightness, fading=0.5)
    for before, after in zip(lightness.flatten(1).numpy(), aged.flatten(1).numpy(), strict=True):
        slope, offset = np.polyfit(before, after, 1)
        assert 0.5 <= slope <= 1
        assert -0.01 <= offset <= 100 * (1 - slope) + 0.01
        np.testing.assert_allclose(after, slope * before + offset, atol=1e-3)


def test_blur_is_gaussian(lightness):
    aged = age(lightness, blur=1.0)[:, 0].numpy()
    inside = (slice(8, -8), slice(8, -8))
    for number in range(4):
        candidates = [gaussian(lightness[number, 0].numpy(), sigma) for sigma in np.linspace(0.1, 1.1, 101)]
        closest = min(np.abs(each[inside] - aged[number][inside]).max() for each in candidates)
        assert closest < 0.5


def test_noise_has_the_given_deviation(lightness):
    deviations = (age(torch.full_like(lightness, 50), noise=10.0) - 50).flatten(1).std(dim=1)
    assert deviations.max() < 10.2
    assert 3 < deviations.mean() < 7


def test_printed_dots_have_two_tones_and_keep_the_order_of_gray_values():
    grays = torch.tensor([20.0, 40.0, 60.0, 80.0]).view(4, 1, 1, 1).expand(-1, -1, 128, 128)
    printed = torch.stack([age(grays, seed, halftone=1.0).mean(dim=(1, 2, 3)) for seed in range(5)]).mean(dim=0)
    assert (printed.diff() > 5).all()
    assert age(grays, halftone=1.0)[1].std() > 15


def test_compression_leaves_blocks():
    ramp = torch.linspace(30, 70, 128).expand(16, 1, 128, 128)
    aged = age(ramp, jpeg_quality=1)
    compressed = (aged - ramp).abs().amax(dim=(1, 2, 3)) > 0.5
    assert 2 <= compressed.sum() <= 14
    steps = aged[compressed].diff(dim=3).abs().mean(dim=(0, 1, 2))
    assert steps[7::8].mean() > 1.5 * steps[3::8].mean()


@pytest.mark.parametrize("quality", [10, 40, 75])
def test_compression_matches_pillow(quality):
    # 500x333 pixels are not a multiple of the block size
    gray = np.asarray(Image.fromarray(skimage.data.astronaut()).convert("L").crop((0, 0, 500, 333)))
    file = io.BytesIO()
    Image.fromarray(gray).save(file, format="JPEG", quality=quality)
    expected = np.asarray(Image.open(file)).astype(float) / 2.55
    ours = compress(torch.from_numpy(gray / 2.55).float()[None, None], torch.tensor([float(quality)]))[0, 0].numpy()
    assert np.abs(expected - gray / 2.55).mean() > 0.5
    assert np.abs(expected - ours).mean() < 0.2


def test_network_sees_aged_lightness_and_original_colors(lightness):
    seen = {}

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.zeros(1))

        def forward(self, lightness, hints):
            seen["lightness"], seen["hints"] = lightness, hints
            return self.scale * torch.ones(len(lightness), 2, *lightness.shape[-2:])

    rgb = torch.from_numpy(skimage.data.astronaut()[:64, :64].copy()).permute(2, 0, 1).expand(4, -1, -1, -1)
    module = ColorizationModule(Network(), augment=OldPhotos(Augment(), probability=1.0, noise=20.0))
    module.compute_loss(rgb, 0)
    clean_lightness, clean_ab = rgb_to_lab(rgb)
    assert (seen["lightness"] - clean_lightness).abs().mean() > 1
    hinted = seen["hints"].mask.expand(-1, 2, -1, -1) > 0
    torch.testing.assert_close(seen["hints"].ab[hinted], clean_ab[hinted], atol=1e-3, rtol=0)
