"""16-bit color profile conversion, compared with the 8-bit conversion of LittleCMS."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from chromahint.images.icc import convert_to_srgb16
from support.icc_profiles import gamma, parametric, profile, table

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
CURVES = {
    "gamma": gamma(2.19921875),
    "linear": b"curv" + bytes(8),
    "table": table([round(65535 * (n / 99) ** 1.7) for n in range(100)]),
    "parametric 0": parametric(0, 1.8),
    "parametric 3, sRGB": parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "parametric 4": parametric(4, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0.0, 0.0),
}


@pytest.mark.parametrize("curve", CURVES.values(), ids=CURVES)
@pytest.mark.parametrize("space", [b"RGB ", b"GRAY"])
def test_matches_littlecms(curve, space):
    icc_profile = profile(curve, space)
    shape = (64, 64, 3) if space == b"RGB " else (16, 16)
    eight = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    expected = ImageCms.profileToProfile(Image.fromarray(eight), io.BytesIO(icc_profile), SRGB, outputMode="RGB")
    found = convert_to_srgb16(eight.astype(np.uint16) * 257, icc_profile)
    assert found.dtype == np.uint16
    assert found.shape == shape
    layers = found if found.ndim == 3 else np.dstack([found] * 3)
    difference = np.abs(layers / 257 - np.asarray(expected).astype(float))
    # LittleCMS rounds intermediate values, which matters for steep curves
    assert np.quantile(difference, 0.95) < 1.5
    assert difference.mean() < 0.5


def test_conversion_preserves_16_bit_precision():
    ramp = np.arange(20000, 20600, dtype=np.uint16)[None]
    assert len(np.unique(convert_to_srgb16(ramp, profile(gamma(1.8), b"GRAY")))) > 500


def test_srgb_profile_changes_nothing():
    pixels = np.random.default_rng(0).integers(0, 65536, (20, 20, 3), dtype=np.uint16)
    found = convert_to_srgb16(pixels, SRGB.tobytes())
    assert np.abs(found.astype(int) - pixels).max() < 60


@pytest.mark.parametrize(
    "unsupported",
    [
        b"", b"no profile", profile(gamma(2))[:200], profile(gamma(2)).replace(b"rTRC", b"xTRC"),
        profile(parametric(9, 2)), profile(b"curv"), ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        profile(gamma(2), b"GRAY"), profile(gamma(2), b"CMYK"), profile(gamma(2)).replace(b"wtpt", b"A2B0"),
    ],
)  # fmt: skip
def test_unsupported_and_damaged_profiles_return_none(unsupported):
    assert convert_to_srgb16(np.zeros((3, 3, 3), np.uint16), unsupported) is None
