"""Files for others: metadata, quality, layers, color alone, and animations, read again with other libraries."""

import io
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, Resource
from skimage import data
from skimage.color import lab2rgb, rgb2lab

from chromahint.images.image_file import ImageFile, encode_image, side_by_side_image
from chromahint.images.provenance import colorized_xmp
from chromahint.images.sharing import color_picture, encode_animation

COLORED = data.coffee()[:120, 200:400].copy()
GRAY = cv2.cvtColor(COLORED, cv2.COLOR_RGB2GRAY)
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOURCE_TYPE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def encoded(suffix, pixels=COLORED, **options):
    return encode_image(
        ImageFile(GRAY if pixels.dtype == np.uint8 else GRAY * np.uint16(257)).colorized(pixels), suffix, **options
    )


def xmp_of(file):
    with Image.open(io.BytesIO(file)) as image:
        if image.format == "TIFF":
            return image.tag_v2[700]
        xmp = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
    return xmp.encode() if isinstance(xmp, str) else xmp


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_metadata_say_that_a_photo_was_colorized(suffix, depth):
    pixels = COLORED if depth == np.uint8 else COLORED.astype(np.uint16) * np.uint16(257)
    root = ElementTree.fromstring(
        xmp_of(encoded(suffix, pixels)).decode().partition("?>")[2].rpartition("<?xpacket")[0]
    )
    description = root.find(f"{RDF}RDF/{RDF}Description")
    assert description.get(SOURCE_TYPE).endswith("/digitalsourcetype/compositeWithTrainedAlgorithmicMedia")
    assert description.get("{http://ns.adobe.com/xap/1.0/}CreatorTool").startswith("Chromahint ")


def test_photos_that_were_not_colored_have_no_such_metadata():
    with Image.open(io.BytesIO(encode_image(ImageFile(COLORED), ".png"))) as image:
        assert "XML:com.adobe.xmp" not in image.info


@pytest.mark.parametrize("suffix", [".jpg", ".webp"])
def test_quality_decides_about_size_and_error(suffix):
    files = [encoded(suffix, quality=quality) for quality in (40, 80, 100)]
    sizes = [len(file) for file in files]
    errors = [np.abs(np.array(Image.open(io.BytesIO(file))).astype(int) - COLORED).mean() for file in files]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert len(set(sizes)) == 3


def test_16_bits_per_channel():
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 60, 3), dtype=np.uint16)
    image = ImageFile(GRAY[:40, :60]).with_16_bits().colorized(pixels)
    assert np.array_equal(tifffile.imread(io.BytesIO(encode_image(image, ".tif"))), pixels)
    assert np.array_equal(
        np.array(Image.open(io.BytesIO(encode_image(image.with_8_bits(), ".tif")))), np.rint(pixels / 257)
    )


@pytest.mark.parametrize("scale", [1, 257])
def test_layers_of_a_photoshop_file(scale):
    dtype = np.uint16 if scale > 1 else np.uint8
    file = encoded(".psd", (COLORED.astype(np.uint16) * scale).astype(dtype))
    document = PSDImage.open(io.BytesIO(file))
    gray, color = document
    assert (gray.name, gray.blend_mode) == ("Gray photo", BlendMode.NORMAL)
    assert (color.name, color.blend_mode) == ("Color", BlendMode.COLOR)
    assert np.array_equal(gray.numpy("color"), np.dstack([GRAY] * 3).astype(np.float32) / 255)
    assert np.array_equal(np.rint(color.numpy("color") * 255), COLORED)
    with Image.open(io.BytesIO(file)) as image:  # what programs without layers show
        assert np.array_equal(np.array(image), COLORED)
        assert image.info["icc_profile"]
    assert document.image_resources.get_data(Resource.XMP_METADATA) == colorized_xmp()


def test_photoshop_files_have_a_largest_size():
    with pytest.raises(ValueError, match="30001x1 pixels: too large for PSD"):
        encode_image(ImageFile(np.zeros((1, 30001, 3), np.uint8)), ".psd")


@pytest.mark.parametrize("scale", [1, 257])
def test_the_color_alone_brings_the_photo_back(scale):
    colored = COLORED if scale == 1 else COLORED.astype(np.uint16) * np.uint16(257)
    picture = color_picture(colored)
    assert picture.dtype == colored.dtype
    middle, steps = (128, 1) if scale == 1 else (32768, 256)
    assert (picture[..., 2] == middle).all()
    ab = (picture[..., :2].astype(float) - middle) / steps
    lightness = rgb2lab(COLORED)[..., :1]
    back = lab2rgb(np.dstack([lightness, ab])) * 255
    assert np.abs(back - COLORED).max() < (6 if scale == 1 else 0.6)


@pytest.mark.parametrize("file_format", ["WEBP", "GIF"])
def test_animations_begin_gray_and_end_colored(file_format):
    file = encode_animation(GRAY, COLORED, file_format, colorized_xmp())
    with Image.open(io.BytesIO(file)) as image:
        assert image.format == file_format
        assert image.n_frames > 20
        assert image.info["loop"] == 0
        frames = []
        for number in range(image.n_frames):
            image.seek(number)
            frames.append(np.array(image.convert("RGB")).astype(int))
    shares = [np.mean(np.ptp(frame, axis=2) > 40) for frame in frames]
    assert shares[0] < 0.05
    assert max(shares) > 0.3
    middle = len(frames) // 2
    assert np.abs(frames[middle] - COLORED).mean() < 12
    assert np.argmax(shares) in range(middle - 4, middle + 5)


def test_a_comparison_says_so_too():
    picture = side_by_side_image(ImageFile(GRAY), COLORED)
    assert picture.pixels.shape == (120, 400, 3)
    assert picture.xmp == colorized_xmp()
