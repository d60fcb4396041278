"""Decoding image files to upright sRGB, and errors for unreadable files."""

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from chromahint.images.decode import UnreadableImageError, decode_rgb, read_photo

RGB = np.random.default_rng(0).integers(0, 256, (6, 9, 3), dtype=np.uint8)


def encoded(image: Image.Image, file_format: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "WEBP"])
def test_lossless_formats_preserve_every_pixel(file_format):
    options = {"lossless": True} if file_format == "WEBP" else {}
    assert np.array_equal(decode_rgb(encoded(Image.fromarray(RGB), file_format, **options), "x"), RGB)


def test_jpeg_is_decoded_approximately():
    smooth = np.full((16, 16, 3), (200, 90, 40), np.uint8)
    found = decode_rgb(encoded(Image.fromarray(smooth), "JPEG", quality=95), "x")
    assert np.abs(found.astype(int) - smooth).max() <= 4


def test_gray_palette_and_1_bit_images():
    gray = RGB[..., 0]
    assert np.array_equal(decode_rgb(encoded(Image.fromarray(gray), "PNG"), "x"), np.repeat(gray[..., None], 3, 2))
    few = (RGB // 128 * 255).astype(np.uint8)
    assert np.array_equal(decode_rgb(encoded(Image.fromarray(few).quantize(8), "PNG"), "x"), few)
    bits = gray > 127
    assert np.array_equal(decode_rgb(encoded(Image.fromarray(bits), "PNG"), "x")[..., 1], bits * np.uint8(255))


def test_transparency_is_composited_over_white():
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 255, np.uint8)])
    rgba[0, 0] = (10, 20, 30, 0)
    rgba[0, 1] = (0, 0, 0, 128)
    found = decode_rgb(encoded(Image.fromarray(rgba), "PNG"), "x")
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[0, 1].tolist() == [127, 127, 127]
    assert np.array_equal(found[1:], RGB[1:])
    gray = np.array([[[90, 255], [90, 0]]], np.uint8)
    assert decode_rgb(encoded(Image.fromarray(gray, "LA"), "PNG"), "x").tolist() == [[[90] * 3, [255] * 3]]


def test_transparent_palette_color():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    assert decode_rgb(encoded(image, "GIF", transparency=1), "x").tolist() == [[[255, 0, 0], [255, 255, 255]]]


def test_first_frame_of_an_animation_is_used():
    frames = [Image.new("RGB", (4, 4), color) for color in ("#ff0000", "#0000ff")]
    for file_format, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = encoded(frames[0], file_format, save_all=True, append_images=frames[1:], **options)
        assert decode_rgb(data, "x")[0, 0].tolist() == [255, 0, 0], file_format


def test_cmyk():
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for file_format in ("JPEG", "TIFF"):
        red, green, blue = decode_rgb(encoded(cyan, file_format), "x")[4, 4].tolist()
        assert red < 30
        assert green > 100
        assert blue > 150


def test_16_bit_and_float_images():
    deep = np.array([[0, 257 * 100, 65535]], np.uint16)
    for file_format in ("PNG", "TIFF"):
        assert decode_rgb(encoded(Image.fromarray(deep), file_format), "x")[0, :, 0].tolist() == [0, 100, 255]
    # the scale does not depend on the brightest pixel
    assert decode_rgb(encoded(Image.fromarray(deep // 257), "PNG"), "x").max() == 1
    unit = Image.fromarray(np.array([[0.0, 0.5, 1.0, np.nan]], np.float32))
    assert decode_rgb(encoded(unit, "TIFF"), "x")[0, :, 0].tolist() == [0, 128, 255, 0]
    eight = Image.fromarray(np.array([[0.0, 128.0, 300.0]], np.float32))
    assert decode_rgb(encoded(eight, "TIFF"), "x")[0, :, 0].tolist() == [0, 128, 255]


def sixteen_bit_rgb(values) -> bytes:
    """Return a PNG with 16 bits per channel, which Pillow cannot write."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", len(values), 1, 16, 2, 0, 0, 0)
    pixels = b"\0" + b"".join(struct.pack(">HHH", *value) for value in values)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")


def test_16_bit_rgb():
    found = decode_rgb(sixteen_bit_rgb([(65535, 257 * 7, 0), (257 * 200, 0, 65535)]), "x")
    assert found.tolist() == [[[255, 7, 0], [200, 0, 255]]]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG"])
def test_exif_orientation_is_applied(file_format, orientation):
    upright = np.zeros((32, 48, 3), np.uint8)
    upright[:16, :24] = (255, 0, 0)
    upright[16:, 24:] = (0, 0, 255)
    # pixels that a viewer displays as `upright` if it applies the tag
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
    found = decode_rgb(encoded(Image.fromarray(np.ascontiguousarray(stored)), file_format, exif=exif), "x")
    assert found.shape == upright.shape
    for pixel in ((6, 6), (6, 42), (26, 6), (26, 42)):
        assert np.abs(found[pixel].astype(int) - upright[pixel]).max() < 12


def swapped_profile() -> bytes:
    """Return sRGB with the red and blue primaries exchanged, so that a conversion is visible."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack(">I", profile[128:132])[0]
    offsets = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 132 + 12 * n for n in range(count)}
    red, blue = offsets[b"rXYZ"], offsets[b"bXYZ"]
    profile[red : red + 4], profile[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be")).replace(b"sRGB b", b"swap b")


def test_profile_is_converted_and_a_damaged_one_ignored():
    image = Image.fromarray(RGB)
    found = decode_rgb(encoded(image, "PNG", icc_profile=swapped_profile()), "x")
    assert np.abs(found.astype(int) - RGB[..., ::-1]).max() <= 2
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode_rgb(encoded(image, "PNG", icc_profile=srgb), "x"), RGB)
    for damaged in (b"nonsense", srgb[:200], srgb[:128] + bytes(300)):
        assert np.array_equal(decode_rgb(encoded(image, "PNG", icc_profile=damaged), "x"), RGB)


def test_profile_conversion_preserves_transparency():
    rgba = Image.fromarray(np.dstack([RGB, np.zeros(RGB.shape[:2], np.uint8)]))
    assert (decode_rgb(encoded(rgba, "PNG", icc_profile=swapped_profile()), "x") == 255).all()


def test_errors_name_file_and_reason(tmp_path: Path):
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
    assert "file not found" in reason("a.jpg", None)
    assert "empty" in reason("b.jpg", b"")
    assert "not an image" in reason("c.jpg", b"plain text")
    assert "truncated" in reason("d.jpg", whole[: len(whole) // 2])
    png = encoded(Image.fromarray(np.tile(RGB, (20, 20, 1))), "PNG")
    assert reason("e.png", png[: len(png) // 2])
    with pytest.raises(UnreadableImageError, match=r"(?i)directory|denied"):
        read_photo(tmp_path)


@pytest.mark.parametrize("pixels", [np.uint16(40000), np.int32(40000), np.float32(0.5)], ids=["I;16", "I", "F"])
def test_small_file_of_a_large_image_needs_little_memory(pixels):
    """In floating point, all pixels at once would take eight bytes each, several times."""
    side = 4000
    content = io.BytesIO()
    Image.fromarray(np.full((side, side), pixels)).save(content, "TIFF", compression="tiff_adobe_deflate")
    assert len(content.getvalue()) < side * side / 50
    tracemalloc.start()
    try:
        rgb = decode_rgb(content.getvalue(), "large.tif")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rgb.shape == (side, side, 3)
    assert len(np.unique(rgb)) == 1
    assert peak < 8 * side * side


@pytest.mark.parametrize("side", [13_000, 60_000])
def test_decompression_bombs_are_rejected(side):
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    with pytest.raises(UnreadableImageError, match="150 million"):
        decode_rgb(data, "bomb.png")


FUZZ = """
import io, random, sys
import numpy as np
from PIL import Image
from chromahint.images.decode import UnreadableImageError, decode_rgb

image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (40, 50, 3), dtype=np.uint8))
rng, decoded, rejected = random.Random(0), 0, 0
for file_format, mode in (("JPEG", "RGB"), ("JPEG", "CMYK"), ("PNG", "RGBA"), ("PNG", "P"), ("WEBP", "RGB"),
                          ("BMP", "RGB"), ("TIFF", "RGB"), ("TIFF", "L"), ("GIF", "P")):
    file = io.BytesIO()
    options = {"compression": rng.choice(["tiff_lzw", "jpeg"])} if file_format == "TIFF" else {}
    exif = Image.Exif()
    exif[0x0112] = 6
    if file_format not in ("BMP", "GIF"):
        options["exif"] = exif
    image.convert(mode).save(file, file_format, **options)
    whole = file.getvalue()
    for _ in range(COUNT):
        data = bytearray(whole)
        mutation = rng.random()
        if mutation < 0.2:
            data = data[: rng.randrange(len(data))]
        elif mutation < 0.3:
            start = rng.randrange(len(data))
            del data[start : start + rng.randrange(1, 40)]
        elif mutation < 0.4:
            data += rng.randbytes(30)
        else:
            # mostly near the start, where the headers are
            for _ in range(rng.choice([1, 3, 20])):
                data[int(len(data) * rng.random() ** 3)] = rng.randrange(256)
        try:
            found = decode_rgb(bytes(data), "fuzz")
            assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3, found.shape
            decoded += 1
        except UnreadableImageError as error:
            assert error.reason, data
            rejected += 1
print(decoded, rejected)
"""


def test_damaged_files_only_raise_unreadable_image_error_and_print_nothing():
    script = FUZZ.replace("COUNT", "120")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.returncode == 0
    decoded, rejected = map(int, done.stdout.split())
    assert decoded + rejected == 9 * 120
    assert decoded > 50
    assert rejected > 200
