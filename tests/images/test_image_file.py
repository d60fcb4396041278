"""Reading and writing image files."""

import errno
import io
import random
import resource
import signal
import time

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from chromahint.images import image_file
from chromahint.images.decode import UnreadableImageError
from chromahint.images.image_file import ImageFile, read_image, side_by_side_image, write_image
from chromahint.images.pixels import to_uint8
from support.icc_profiles import gamma, profile

PHOTO = data.coffee()[100:160, 150:240]
DEEP = np.random.default_rng(0).integers(0, 65536, (60, 90, 3), dtype=np.uint16)
LOSSLESS = [".png", ".tif", ".TIFF"]
LOSSY = [".jpg", ".JPEG", ".webp"]


def exif_of_a_camera():
    exif = Image.Exif()
    exif[0x010F], exif[0x0112], exif[0x0132] = "Maker", 6, "2026:01:01 00:00:00"
    exif[0x8769] = {0x829A: (1, 125), 0xA001: 65535, 0xA002: 4, 0xA003: 5}
    exif[0x8825] = {1: "N", 2: (51.0, 30.0, 0.0)}
    return exif.tobytes()


def files_in(folder):
    return [file.name for file in folder.iterdir()]


def saved(folder, image, file_format, **options):
    image.save(folder / f"photo.{file_format.lower()}", format=file_format, **options)
    return folder / f"photo.{file_format.lower()}"


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("alpha", [False, True])
def test_lossless_formats_round_trip(tmp_path, suffix, pixels, alpha):
    image = ImageFile(pixels, pixels[..., 1].copy() if alpha else None, dpi=(300.0, 600.0))
    write_image(tmp_path / f"new/p{suffix}", image)
    found = read_image(tmp_path / f"new/p{suffix}")
    assert found.pixels.dtype == pixels.dtype
    assert np.array_equal(found.pixels, pixels)
    assert np.array_equal(found.alpha, pixels[..., 1]) if alpha else found.alpha is None
    np.testing.assert_allclose(found.dpi, (300, 600), rtol=1e-3)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
def test_opencv_and_pillow_read_16_bit_files(tmp_path, suffix, channels):
    write_image(tmp_path / f"p{suffix}", ImageFile(DEEP, DEEP[..., 0].copy() if channels == 4 else None))
    found = cv2.imread(str(tmp_path / f"p{suffix}"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    assert found.shape[2] == channels
    assert np.array_equal(found[..., 2::-1], DEEP)
    with Image.open(tmp_path / f"p{suffix}") as image:  # reduced to 8 bits
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - DEEP / 257).max() <= 1


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("pixels", [PHOTO, PHOTO.astype(np.uint16) * 257], ids=["8 bits", "16 bits"])
def test_lossy_formats_are_close_with_8_bits(tmp_path, suffix, pixels):
    write_image(tmp_path / f"p{suffix}", ImageFile(pixels))
    found = read_image(tmp_path / f"p{suffix}").pixels
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - PHOTO).mean() < 4


def test_jpeg_composites_transparency_over_white(tmp_path):
    alpha = np.zeros(PHOTO.shape[:2], np.uint8)
    alpha[:, 45:] = 255
    write_image(tmp_path / "p.jpg", ImageFile(PHOTO, alpha))
    found = read_image(tmp_path / "p.jpg").pixels.astype(int)
    assert found[:, :40].min() > 250
    assert np.abs(found[:, 50:] - PHOTO[:, 50:]).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
@pytest.mark.parametrize("deep", [False, True])
def test_exif_orientation_is_applied(tmp_path, orientation, file_format, deep):
    upright = DEEP[..., 0].copy() if deep else PHOTO[..., 0].copy()
    stored = {
        1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
        5: lambda p: p.T, 6: lambda p: np.rot90(p, 1), 7: lambda p: p[::-1, ::-1].T, 8: lambda p: np.rot90(p, -1),
    }[orientation](upright)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = read_image(saved(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), file_format, exif=exif))
    assert np.array_equal(found.pixels, upright)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
@pytest.mark.parametrize("deep", [False, True])
def test_exif_of_the_photo_is_preserved(tmp_path, file_format, suffix, deep):
    image_data = read_image(saved(tmp_path, Image.fromarray(PHOTO), file_format, exif=exif_of_a_camera()))
    assert image_data.pixels.shape[:2] == (90, 60)
    pixels = image_data.pixels.astype(np.uint16) * 257 if deep else image_data.pixels
    write_image(tmp_path / f"out{suffix}", image_data.with_pixels(pixels))
    with Image.open(tmp_path / f"out{suffix}") as image:
        exif = image.getexif()
        assert exif[0x010F] == "Maker"
        assert exif[0x0132] == "2026:01:01 00:00:00"
        assert exif.get(0x0112, 1) == 1
        assert exif.get(0x0100) in (None, 60)
        camera = exif.get_ifd(0x8769)
        assert camera[0x829A] == pytest.approx(1 / 125) or camera[0x829A] == (1, 125)
        assert (camera[0xA001], camera[0xA002], camera[0xA003]) == (1, 60, 90)
        assert exif.get_ifd(0x8825)[1] == "N"


@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bits", "16 bits"])
def test_embedded_profile_is_srgb(tmp_path, suffix, pixels):
    write_image(tmp_path / f"p{suffix}", ImageFile(pixels))
    with Image.open(tmp_path / f"p{suffix}") as image:
        found = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(found)


@pytest.mark.parametrize("channels", [0, 1, 3])
def test_16_bits_are_rounded_to_8(tmp_path, channels):
    pixels = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    stacked = pixels if channels == 0 else np.stack([pixels] * channels, axis=2)
    assert np.array_equal(to_uint8(stacked), np.rint(stacked / 257).astype(np.uint8))


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bits", "16 bits"])
def test_same_bytes_at_any_time(suffix, pixels):
    first = image_file.encode_image(ImageFile(pixels), suffix)
    image_file._profile.cache_clear()
    time.sleep(1.1)  # the profile that Pillow creates has a date with seconds
    assert image_file.encode_image(ImageFile(pixels), suffix) == first


@pytest.mark.parametrize(("space", "pixels"), [(b"RGB ", PHOTO), (b"GRAY", PHOTO[..., 1].copy())])
def test_profiles_are_converted_alike_with_8_and_16_bits(tmp_path, space, pixels):
    icc_profile = profile(gamma(1.8), space)
    eight = read_image(saved(tmp_path, Image.fromarray(pixels), "PNG", icc_profile=icc_profile)).pixels
    expected = ImageCms.profileToProfile(
        Image.fromarray(pixels), io.BytesIO(icc_profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert np.array_equal(eight, np.asarray(expected))
    deep = pixels.astype(np.uint16) * 257
    if pixels.ndim == 2:
        file = saved(tmp_path, Image.fromarray(deep), "TIFF", icc_profile=icc_profile)
    else:
        write_image(file := tmp_path / "deep.png", ImageFile(deep))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(image_file, "_profile", lambda: icc_profile)
            write_image(file, ImageFile(deep))
    found = read_image(file).pixels
    assert found.dtype == np.uint16
    layers = found if found.ndim == 3 else np.dstack([found] * 3)
    assert np.abs(layers / 257 - eight).max() < 2.5
    assert not np.array_equal(layers // 257, np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "I", "F"])
def test_reads_images_of_any_mode(tmp_path, mode):
    found = read_image(saved(tmp_path, Image.fromarray(PHOTO).convert(mode), "TIFF" if mode != "P" else "PNG"))
    assert found.pixels.shape[:2] == PHOTO.shape[:2]
    assert (found.alpha is not None) == (mode in ("RGBA", "LA"))


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 17_000), (".jpg", 66_000)])
def test_image_too_large_for_the_format_raises_value_error(tmp_path, suffix, width):
    image_data = ImageFile(np.zeros((1, width, 3), np.uint8))
    with pytest.raises(ValueError, match=rf"{width}x1 pixels: too large for .* Write a PNG"):
        write_image(tmp_path / f"p{suffix}", image_data)
    assert files_in(tmp_path) == []
    write_image(tmp_path / "p.png", image_data)


def test_side_by_side_image():
    gray = ImageFile(np.tile(DEEP[..., 0], (40, 40)))
    strip = side_by_side_image(gray, np.tile(PHOTO, (40, 40, 1))).pixels
    assert strip.dtype == np.uint8
    assert strip.shape == (800, 2400, 3)
    assert (strip[:, :1200, 0] == strip[:, :1200, 2]).all()


def test_full_disk_keeps_the_old_file(tmp_path):
    (tmp_path / "p.png").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError) as caught:
            write_image(tmp_path / "p.png", ImageFile(DEEP))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert files_in(tmp_path) == ["p.png"]
    assert (tmp_path / "p.png").read_bytes() == b"old"


def test_damaged_files_are_read_or_raise_unreadable_image_error(tmp_path, capfd):
    kinds = {}
    for file_format in ("PNG", "JPEG", "WEBP", "TIFF", "GIF"):
        options = {} if file_format == "GIF" else {"exif": exif_of_a_camera(), "icc_profile": profile(gamma(1.8))}
        kinds[file_format] = saved(tmp_path, Image.fromarray(PHOTO), file_format, **options).read_bytes()
    for suffix in (".png", ".tif"):
        write_image(tmp_path / f"deep{suffix}", ImageFile(DEEP, exif=exif_of_a_camera()))
        kinds[f"deep{suffix}"] = (tmp_path / f"deep{suffix}").read_bytes()
    rng, rejected = random.Random(0), 0
    for number in range(350):
        content = bytearray(list(kinds.values())[number % len(kinds)])
        if number % 3 == 0:
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.choice([1, 4, 30])):
            if content:
                # mostly in the headers, which are short
                content[rng.randrange(rng.choice([len(content), min(400, len(content))]))] = rng.randrange(256)
        (tmp_path / "damaged").write_bytes(content)
        try:
            image_data = read_image(tmp_path / "damaged")
        except UnreadableImageError:
            rejected += 1
            continue
        colors = image_data.pixels if image_data.pixels.ndim == 3 else np.dstack([image_data.pixels] * 3)
        if colors.size < 10**6:
            for suffix in (".jpg", ".png", ".tiff", ".webp"):
                write_image(tmp_path / f"again{suffix}", image_data.with_pixels(colors))
    assert 50 < rejected < 350
    assert "Traceback" not in capfd.readouterr().err
