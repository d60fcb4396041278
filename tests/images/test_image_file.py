"""Picture files in and out."""

import errno
import io
import random
import resource
import signal

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms
from skimage import data

from chromahint.images import image_file
from chromahint.images.decode import UnreadableImageError
from chromahint.images.image_file import PictureFile, read_picture, side_by_side_image, write_picture
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


def saved(folder, image, kind, **options):
    image.save(folder / f"photo.{kind.lower()}", format=kind, **options)
    return folder / f"photo.{kind.lower()}"


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("pixels", [PHOTO, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("alpha", [False, True])
def test_what_is_written_is_read_again(tmp_path, suffix, pixels, alpha):
    picture = PictureFile(pixels, pixels[..., 1].copy() if alpha else None, dpi=(300.0, 600.0))
    write_picture(tmp_path / f"new/p{suffix}", picture)
    found = read_picture(tmp_path / f"new/p{suffix}")
    assert found.pixels.dtype == pixels.dtype
    assert np.array_equal(found.pixels, pixels)
    assert np.array_equal(found.alpha, pixels[..., 1]) if alpha else found.alpha is None
    np.testing.assert_allclose(found.dpi, (300, 600), rtol=1e-3)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
def test_others_read_sixteen_bits_alike(tmp_path, suffix, channels):
    write_picture(tmp_path / f"p{suffix}", PictureFile(DEEP, DEEP[..., 0].copy() if channels == 4 else None))
    found = cv2.imread(str(tmp_path / f"p{suffix}"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    assert found.shape[2] == channels
    assert np.array_equal(found[..., 2::-1], DEEP)
    with Image.open(tmp_path / f"p{suffix}") as image:  # 8 of them
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - DEEP / 257).max() <= 1


@pytest.mark.parametrize("suffix", LOSSY)
@pytest.mark.parametrize("pixels", [PHOTO, PHOTO.astype(np.uint16) * 257], ids=["8 bits", "16 bits"])
def test_others_are_close_and_have_eight_bits(tmp_path, suffix, pixels):
    write_picture(tmp_path / f"p{suffix}", PictureFile(pixels))
    found = read_picture(tmp_path / f"p{suffix}").pixels
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - PHOTO).mean() < 4


def test_transparency_of_a_jpeg_lies_over_white(tmp_path):
    alpha = np.zeros(PHOTO.shape[:2], np.uint8)
    alpha[:, 45:] = 255
    write_picture(tmp_path / "p.jpg", PictureFile(PHOTO, alpha))
    found = read_picture(tmp_path / "p.jpg").pixels.astype(int)
    assert found[:, :40].min() > 250
    assert np.abs(found[:, 50:] - PHOTO[:, 50:]).mean() < 4


@pytest.mark.parametrize("turned", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("deep", [False, True])
def test_photos_are_turned_upright(tmp_path, turned, kind, deep):
    upright = DEEP[..., 0].copy() if deep else PHOTO[..., 0].copy()
    stored = {
        1: lambda p: p, 2: lambda p: p[:, ::-1], 3: lambda p: p[::-1, ::-1], 4: lambda p: p[::-1],
        5: lambda p: p.T, 6: lambda p: np.rot90(p, 1), 7: lambda p: p[::-1, ::-1].T, 8: lambda p: np.rot90(p, -1),
    }[turned](upright)  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = turned
    found = read_picture(saved(tmp_path, Image.fromarray(np.ascontiguousarray(stored)), kind, exif=exif))
    assert np.array_equal(found.pixels, upright)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "JPEG", "WEBP"])
@pytest.mark.parametrize("suffix", [".png", ".tiff", ".jpg", ".webp"])
@pytest.mark.parametrize("deep", [False, True])
def test_exif_tells_the_same_of_the_photo(tmp_path, kind, suffix, deep):
    picture = read_picture(saved(tmp_path, Image.fromarray(PHOTO), kind, exif=exif_of_a_camera()))
    assert picture.pixels.shape[:2] == (90, 60)
    pixels = picture.pixels.astype(np.uint16) * 257 if deep else picture.pixels
    write_picture(tmp_path / f"out{suffix}", picture.colored(pixels))
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
def test_the_profile_is_srgb(tmp_path, suffix, pixels):
    write_picture(tmp_path / f"p{suffix}", PictureFile(pixels))
    with Image.open(tmp_path / f"p{suffix}") as image:
        found = ImageCms.ImageCmsProfile(io.BytesIO(image.info["icc_profile"]))
    assert "sRGB" in ImageCms.getProfileDescription(found)


@pytest.mark.parametrize(("space", "pixels"), [(b"RGB ", PHOTO), (b"GRAY", PHOTO[..., 1].copy())])
def test_other_profiles_become_srgb_alike_with_8_and_16_bits(tmp_path, space, pixels):
    made = profile(gamma(1.8), space)
    eight = read_picture(saved(tmp_path, Image.fromarray(pixels), "PNG", icc_profile=made)).pixels
    wanted = ImageCms.profileToProfile(
        Image.fromarray(pixels), io.BytesIO(made), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    assert np.array_equal(eight, np.asarray(wanted))
    deep = pixels.astype(np.uint16) * 257
    if pixels.ndim == 2:
        file = saved(tmp_path, Image.fromarray(deep), "TIFF", icc_profile=made)
    else:
        write_picture(file := tmp_path / "deep.png", PictureFile(deep))

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(image_file, "_profile", lambda: made)
            write_picture(file, PictureFile(deep))
    found = read_picture(file).pixels
    assert found.dtype == np.uint16
    layers = found if found.ndim == 3 else np.dstack([found] * 3)
    assert np.abs(layers / 257 - eight).max() < 2.5
    assert not np.array_equal(layers // 257, np.dstack([pixels] * 3) if pixels.ndim == 2 else pixels)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "RGBA", "LA", "I", "F"])
def test_pictures_of_any_mode(tmp_path, mode):
    found = read_picture(saved(tmp_path, Image.fromarray(PHOTO).convert(mode), "TIFF" if mode != "P" else "PNG"))
    assert found.pixels.shape[:2] == PHOTO.shape[:2]
    assert (found.alpha is not None) == (mode in ("RGBA", "LA"))


@pytest.mark.parametrize(("suffix", "width"), [(".webp", 17_000), (".jpg", 66_000)])
def test_more_than_a_kind_can_hold(tmp_path, suffix, width):
    picture = PictureFile(np.zeros((1, width, 3), np.uint8))
    with pytest.raises(ValueError, match=rf"{width}x1 pixels are more than .* can hold; write it as PNG"):
        write_picture(tmp_path / f"p{suffix}", picture)
    assert files_in(tmp_path) == []
    write_picture(tmp_path / "p.png", picture)


def test_before_beside_after():
    gray = PictureFile(np.tile(DEEP[..., 0], (40, 40)))
    strip = side_by_side_image(gray, np.tile(PHOTO, (40, 40, 1))).pixels
    assert strip.dtype == np.uint8
    assert strip.shape == (800, 2400, 3)
    assert (strip[:, :1200, 0] == strip[:, :1200, 2]).all()


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path):
    (tmp_path / "p.png").write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError) as caught:
            write_picture(tmp_path / "p.png", PictureFile(DEEP))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert caught.value.errno in (errno.EFBIG, errno.ENOSPC)
    assert files_in(tmp_path) == ["p.png"]
    assert (tmp_path / "p.png").read_bytes() == b"old"


def test_hundreds_of_damaged_files_are_read_or_refused(tmp_path, capfd):
    kinds = {}
    for kind in ("PNG", "JPEG", "WEBP", "TIFF", "GIF"):
        options = {} if kind == "GIF" else {"exif": exif_of_a_camera(), "icc_profile": profile(gamma(1.8))}
        kinds[kind] = saved(tmp_path, Image.fromarray(PHOTO), kind, **options).read_bytes()
    for suffix in (".png", ".tif"):
        write_picture(tmp_path / f"deep{suffix}", PictureFile(DEEP, exif=exif_of_a_camera()))
        kinds[f"deep{suffix}"] = (tmp_path / f"deep{suffix}").read_bytes()
    rng, refused = random.Random(0), 0
    for number in range(350):
        content = bytearray(list(kinds.values())[number % len(kinds)])
        if number % 3 == 0:
            del content[rng.randrange(len(content)) :]
        for _ in range(rng.choice([1, 4, 30])):
            if content:
                # headers are short, and most of what can go wrong is there
                content[rng.randrange(rng.choice([len(content), min(400, len(content))]))] = rng.randrange(256)
        (tmp_path / "damaged").write_bytes(content)
        try:
            picture = read_picture(tmp_path / "damaged")
        except UnreadableImageError:
            refused += 1
            continue
        colors = picture.pixels if picture.pixels.ndim == 3 else np.dstack([picture.pixels] * 3)
        if colors.size < 10**6:
            for suffix in (".jpg", ".png", ".tiff", ".webp"):
                write_picture(tmp_path / f"again{suffix}", picture.colored(colors))
    assert 50 < refused < 350
    assert "Traceback" not in capfd.readouterr().err
