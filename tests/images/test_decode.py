"""Any picture file becomes the RGB that a person sees, or says what is wrong with it."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from chromahint.images.decode import MAX_PIXELS, UnreadableImageError, decode, read_photo

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_kinds_keep_every_pixel(kind):
    options = {"lossless": True} if kind == "WEBP" else {}
    assert np.array_equal(decode(encoded(Image.fromarray(RGB), kind, **options), "x"), RGB)


def test_jpeg_is_close():
    smooth = np.full((16, 16, 3), (200, 90, 40), np.uint8)
    found = decode(encoded(Image.fromarray(smooth), "JPEG", quality=95), "x")
    assert np.abs(found.astype(int) - smooth).max() <= 4


def test_gray_palette_and_one_bit():
    gray = RGB[..., 0]
    assert np.array_equal(decode(encoded(Image.fromarray(gray), "PNG"), "x"), np.repeat(gray[..., None], 3, 2))
    few = (RGB // 128 * 255).astype(np.uint8)
    assert np.array_equal(decode(encoded(Image.fromarray(few).quantize(8), "PNG"), "x"), few)
    bits = gray > 127
    assert np.array_equal(decode(encoded(Image.fromarray(bits), "PNG"), "x")[..., 1], bits * np.uint8(255))


def test_transparency_lies_over_white():
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (0, 0, 0, 128)
    found = decode(encoded(Image.fromarray(rgba), "PNG"), "x")
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 1].tolist() == [127, 127, 127]
    assert np.array_equal(found[1:], RGB[1:])
    gray = np.array([[[90, 255], [90, 0]]], np.uint8)
    assert decode(encoded(Image.fromarray(gray, "LA"), "PNG"), "x").tolist() == [[[90] * 3, [255] * 3]]


def test_transparent_color_of_a_palette():
    picture = Image.new("P", (2, 1))
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putdata([0, 1])
    assert decode(encoded(picture, "GIF", transparency=1), "x").tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_first_frame_counts():
    frames = [Image.new("RGB", (4, 4), color) for color in ("#ff0000", "#0000ff")]
    for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        assert decode(data, "x")[0, 0].tolist() == [255, 0, 0], kind


def test_cmyk():
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for kind in ("JPEG", "TIFF"):
        red, green, blue = decode(encoded(cyan, kind), "x")[4, 4].tolist()
        assert red < 30
        assert green > 100
        assert blue > 150


def test_sixteen_bits_and_floats():
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    for kind in ("PNG", "TIFF"):
        assert decode(encoded(Image.fromarray(deep), kind), "x")[0, :, 0].tolist() == [0, 100, 255]
    # even a dark one keeps its scale
    assert decode(encoded(Image.fromarray(deep // 257), "PNG"), "x").max() == 1
    unit = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert decode(encoded(unit, "TIFF"), "x")[0, :, 0].tolist() == [0, 128, 255, 0]
    eight = Image.fromarray(np.array([[0.0, 128.0, 300.0]], np.float32))
    assert decode(encoded(eight, "TIFF"), "x")[0, :, 0].tolist() == [0, 128, 255]


def sixteen_bit_rgb(values) -> bytes:
    """A PNG with 16 bits a channel, written by hand: Pillow can't."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", len(values), 1, 16, 2, 0, 0, 0)
    pixels = b"\0" + b"".join(struct.pack(">HHH", *value) for value in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_sixteen_bit_color():
    found = decode(sixteen_bit_rgb([(65535, 257 * 7, 0), (257 * 200, 0, 65535)]), "x")
    assert found.tolist() == [[[255, 7, 0], [200, 0, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG"])
def test_camera_orientation(kind, orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = (255, 0, 0)
    upright[16:, 24:] = (0, 0, 255)
    # what a camera stores so that a viewer that obeys the tag sees `upright`
    stored = {
        1: lambda p: p,
        2: lambda p: p[:, ::-1],
        3: lambda p: p[::-1, ::-1],
        4: lambda p: p[::-1],
        5: lambda p: p.transpose(1, 0, 2),
        6: lambda p: np.rot90(p, 1),
        7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
        8: lambda p: np.rot90(p, -1),
    }[orientation](upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decode(encoded(Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif), "x")
    assert found.shape == upright.shape
    for place in ((6, 6), (6, 42), (26, 6), (26, 42)):
        assert np.abs(found[place].astype(int) - upright[place]).max() < 12


def swapped_profile() -> bytes:
    """sRGB with the primaries of red and blue exchanged, so that a conversion shows."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    places = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = places[b"rXYZ"], places[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB b", b"swap b")


def test_profile_is_converted_and_a_broken_one_ignored():
    picture = Image.fromarray(RGB)
    found = decode(encoded(picture, "PNG", icc_profile=swapped_profile()), "x")
    assert np.abs(found.astype(int) - RGB[..., ::-1]).max() <= 2
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode(encoded(picture, "PNG", icc_profile=srgb), "x"), RGB)
    for broken in (b"nonsense", srgb[:200], srgb[:128] + bytes(300)):
        assert np.array_equal(decode(encoded(picture, "PNG", icc_profile=broken), "x"), RGB)


def test_profile_keeps_transparency():
    rgba = Image.fromarray(np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)]))
    assert (decode(encoded(rgba, "PNG", icc_profile=swapped_profile()), "x") == 255).all()


def test_what_is_wrong_is_said(tmp_path: Path):
    def reason(name: str, data: bytes | None) -> str:
        path = tmp_path / name
        if data is not None:
            path.write_bytes(data)
        with pytest.raises(UnreadableImageError) as raised:
            read_photo(path)
        assert raised.value.path == str(path)
        assert str(path) in str(raised.value)
        return raised.value.reason

    whole = encoded(Image.fromarray(np.tile(RGB, (20, 20, 1))), "JPEG")
    assert "no such file" in reason("a.jpg", None)
    assert "empty" in reason("b.jpg", b"")
    assert "not a picture" in reason("c.jpg", b"hello, this is a text")
    assert "truncated" in reason("d.jpg", whole[: len(whole) // 2])
    png = encoded(Image.fromarray(np.tile(RGB, (20, 20, 1))), "PNG")
    assert reason("e.png", png[: len(png) // 2])
    with pytest.raises(UnreadableImageError, match=r"(?i)directory|denied"):
        read_photo(tmp_path)


@pytest.mark.parametrize("side", [13_000, 60_000])
def test_bombs_are_refused(side):
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(UnreadableImageError, match=f"{MAX_PIXELS // 10**6} million"):
        decode(data, "bomb.png")


FUZZ = """
import io, random, sys
import numpy as np
from PIL import Image
from chromahint.images.decode import decode
from chromahint.data.sources.base import BrokenPhoto

picture = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
dice, fine, broken = random.Random(0), 0, 0
for kind, mode in (("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB"), ("BMP", "RGB"),
                   ("TIFF", "RGB"), ("TIFF", "L"), ("GIF", "P")):
    file = io.BytesIO()
    options = {"compression": dice.choice(["tiff_lzw", "jpeg"])} if kind == "TIFF" else {}
    exif = Image.Exif()
    exif[0x0112] = 6
    if kind not in ("BMP", "GIF"):
        options["exif"] = exif
    picture.convert(mode).save(file, kind, **options)
    whole = file.getvalue()
    for _ in range(COUNT):
        data = bytearray(whole)
        what = dice.random()
        if what < 0.2:
            data = data[: dice.randrange(len(data))]
        elif what < 0.3:
            start = dice.randrange(len(data))
            del data[start : start + dice.randrange(1, 40)]
        elif what < 0.4:
            data += dice.randbytes(30)
        else:
            # most of them near the start, where headers are
            for _ in range(dice.choice([1, 3, 20])):
                data[int(len(data) * dice.random() ** 3)] = dice.randrange(256)
        try:
            found = decode(bytes(data), "fuzz")
            assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3, found.shape
            fine += 1
        except BrokenPhoto as error:
            assert error.reason, data
            broken += 1
print(fine, broken)
"""


def test_damaged_files_raise_nothing_else_and_print_nothing():
    script = FUZZ.replace("COUNT", "120")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    fine, broken = map(int, done.stdout.split())
    assert fine + broken == 9 * 120
    assert fine > 50
    assert broken > 200
