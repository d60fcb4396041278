"""HEIC and AVIF pictures are read, and others are refused by their names."""

import importlib.util
import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from chromahint.images import other_formats
from chromahint.images.decode import UnreadableImageError, decode_rgb, read_size
from chromahint.images.image_file import decode_image

COFFEE = data.coffee()[:120, :160]
HEIC_HEADER = bytes.fromhex("00000018") + b"ftypheic" + bytes(12)


def test_avif_is_decoded():
    file = io.BytesIO()
    Image.fromarray(COFFEE).save(file, "AVIF", quality=95)
    decoded = decode_rgb(file.getvalue(), "a.avif")
    assert np.abs(decoded.astype(int) - COFFEE).mean() < 4
    assert read_size(file.getvalue(), "a.avif") == (120, 160)


def test_heic_is_decoded():
    pytest.importorskip("pi_heif")
    content = Path(__file__).with_name("coffee.heic").read_bytes()
    expected = data.coffee()[:256:4, :384:4].astype(int)
    decoded = decode_image(content, "IMG_1.HEIC").pixels
    assert decoded.shape == expected.shape
    assert np.abs(decoded - expected).mean() < 8
    assert read_size(content, "IMG_1.HEIC") == (64, 96)


@pytest.mark.parametrize("name", ["a.heic", "a.jpg"])
def test_damaged_heic_is_no_crash(name):
    with pytest.raises(UnreadableImageError):
        decode_rgb(HEIC_HEADER, name)


def test_without_the_package_heic_is_refused_by_name(monkeypatch):
    other_formats.can_read_heif.cache_clear()
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    try:
        for content, name in ((HEIC_HEADER, "a.jpg"), (b"x", "IMG_1.HEIC")):
            with pytest.raises(UnreadableImageError, match=f"{name}: an HEIC picture.*chromahint\\[studio\\]"):
                decode_image(content, name)
    finally:
        other_formats.can_read_heif.cache_clear()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("scan.psd", b"8BPS", "a Photoshop document"),
        ("renamed.jpg", b"8BPS\0\1", "a Photoshop document"),
        ("DSC_1.NEF", b"II*\0", "a raw file of a Nikon camera"),
        ("IMG.CR3", b"\0\0\0\x18ftypcrx ", "a raw file of a Canon camera"),
        ("a.dng", b"II*\0", "a raw file"),
        ("letter.pdf", b"%PDF", "a PDF document"),
    ],
)
def test_others_are_refused_with_a_sentence(name, content, reason):
    with pytest.raises(UnreadableImageError) as error:
        decode_rgb(content, name)
    assert str(error.value).startswith(f"{name}: {reason}")
    assert error.value.reason.rpartition(". ")[2].split()[0] in ("Save", "Export")
