"""Scratches, dust, noise, and tones: against the clean picture that the damage was made on."""

import cv2
import numpy as np
import pytest
from skimage import data, exposure
from skimage.color import rgb2gray
from skimage.metrics import peak_signal_noise_ratio

from chromahint.images.preparation.grain import noise_level, reduce_noise
from chromahint.images.preparation.scratches import BrushStroke, draw_strokes, fill, find_scratches
from chromahint.images.preparation.tones import raise_contrast, stretch_levels
from support.damage import scratched

NAMES = ["astronaut", "chelsea", "coffee", "rocket"]


def clean(name, scale=1):
    gray = np.rint(255 * rgb2gray(getattr(data, name)())).astype(np.uint8)
    return cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)


def mean_error(first, second, where):
    return np.abs(first[where].astype(float) - second[where]).mean()


@pytest.mark.parametrize("name", NAMES)
def test_scratches_are_found_and_filled(name):
    photo = clean(name, 2)
    damaged, is_damaged = scratched(photo)
    mask = find_scratches(damaged)
    repaired = fill(damaged, mask)
    assert np.array_equal(repaired[mask == 0], damaged[mask == 0])
    assert mean_error(repaired, photo, is_damaged) < 0.6 * mean_error(damaged, photo, is_damaged)
    near = cv2.dilate(is_damaged.astype(np.uint8), np.ones((5, 5))) > 0
    assert np.mean(near[mask > 0]) > 0.55
    assert np.mean(find_scratches(photo) > 0) < 0.005


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1, 257])
def test_a_brush_stroke_is_filled_in_pictures_of_8_and_16_bits(scale, channels):
    photo = clean("coffee").astype(np.uint16 if scale > 1 else np.uint8) * np.array(scale).astype(np.uint16)
    photo = photo if scale > 1 else photo.astype(np.uint8)
    photo = photo if channels == 1 else np.dstack([photo] * 3)
    damaged = photo.copy()
    damaged[197:204, 100:500] = 255 * scale
    mask = draw_strokes([BrushStroke(((100, 200), (500, 200)), 5)], 400, 600)
    repaired = fill(damaged, mask)
    assert repaired.dtype == photo.dtype
    assert np.array_equal(repaired[mask == 0], damaged[mask == 0])
    where = np.zeros((400, 600), bool)
    where[197:204, 100:500] = True
    assert mean_error(repaired, photo, where) < 0.25 * mean_error(damaged, photo, where)


def test_a_single_click_of_the_brush_is_a_disc():
    mask = draw_strokes([BrushStroke(((20, 30),), 6)], 60, 50)
    rows, columns = np.nonzero(mask)
    assert [columns.mean(), rows.mean()] == pytest.approx([20, 30], abs=0.1)
    assert np.count_nonzero(mask) == pytest.approx(np.pi * 36, rel=0.2)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sigma", [6, 14])
def test_noise_is_measured_and_reduced(name, sigma):
    photo = clean(name)
    noisy = np.clip(photo + np.random.default_rng(1).normal(0, sigma, photo.shape), 0, 255).astype(np.uint8)
    assert noise_level(noisy) == pytest.approx(sigma, rel=0.3)
    gain = peak_signal_noise_ratio(photo, reduce_noise(noisy, sigma)) - peak_signal_noise_ratio(photo, noisy)
    assert gain > 2.5
    in_16_bits = reduce_noise(noisy.astype(np.uint16) * 257, sigma)
    assert np.abs(in_16_bits / 257 - reduce_noise(noisy, sigma)).max() < 0.51


def test_noise_is_reduced_in_strips_without_seams():
    tall = np.random.default_rng(0).integers(0, 256, (3000, 600), dtype=np.uint8)
    whole = reduce_noise(tall, 12)
    assert np.array_equal(whole[700:900], reduce_noise(tall[600:1000], 12)[100:300])


@pytest.mark.parametrize("scale", [1, 257])
def test_faded_tones_are_stretched(scale):
    photo = clean("astronaut")
    faded = (90 + photo * 0.4).astype(np.uint16) * scale
    faded = faded if scale > 1 else faded.astype(np.uint8)
    stretched = stretch_levels(faded)
    assert stretched.dtype == faded.dtype
    assert np.percentile(stretched / scale, [0.3, 99.7]).tolist() == pytest.approx([0, 255], abs=4)
    order = np.argsort(faded.ravel()[::97])
    assert (np.diff(stretched.ravel()[::97][order].astype(int)) >= 0).all()
    assert not exposure.is_low_contrast(stretched)


def test_fog_does_not_become_noise():
    fog = np.random.default_rng(0).normal(120, 2, (200, 300)).clip(0, 255).astype(np.uint8)
    assert stretch_levels(fog).std() < 5 * fog.std()


def test_local_contrast_rises_with_its_strength():
    flat = (110 + clean("coffee") * 0.15).astype(np.uint8)
    spread = [raise_contrast(flat, strength).std() for strength in (0, 0.5, 1)]
    assert spread[0] == flat.std()
    assert spread[0] < spread[1] < spread[2]
    colored = np.dstack([flat, flat // 2, flat // 4])
    raised = raise_contrast(colored, 1).astype(float)
    assert np.median(raised[..., 0] / raised[..., 1].clip(1)) == pytest.approx(2, abs=0.1)
