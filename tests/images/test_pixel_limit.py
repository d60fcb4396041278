"""The limit of an image's size: a default, an environment variable, and lower ones."""

import io

import pytest
from PIL import Image

from chromahint.images.decode import UnreadableImageError, decode_rgb
from chromahint.images.image_file import decode_image
from chromahint.images.pixel_limit import VARIABLE


def encode(width, height, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("decode", [decode_rgb, decode_image])
def test_variable_sets_the_limit_and_is_named(monkeypatch, decode):
    monkeypatch.setenv(VARIABLE, "999")
    with pytest.raises(UnreadableImageError) as raised:
        decode(encode(40, 25), "photo.png")
    assert str(raised.value) == (
        "photo.png: 40x25 pixels exceed the limit of 0.000999 million. To read it, set the environment variable "
        "CHROMAHINT_MAX_PIXELS=1000"
    )
    monkeypatch.setenv(VARIABLE, "1000")
    decode(encode(40, 25), "photo.png")


def test_higher_limit_holds_in_pillow_too(monkeypatch):
    """Pillow refuses more than twice its own limit."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    monkeypatch.setenv(VARIABLE, "400")
    with pytest.raises(UnreadableImageError, match=f"limit of 0.0004 million.*{VARIABLE}"):
        decode_image(encode(40, 25), "photo.png")
    monkeypatch.setenv(VARIABLE, "1000")
    assert decode_image(encode(40, 25), "photo.png").pixels.shape[:2] == (25, 40)


def test_the_lower_of_two_limits_holds(monkeypatch):
    with pytest.raises(UnreadableImageError, match="limit of 0.0005 million$"):
        decode_image(encode(40, 25), "photo.png", 500)
    monkeypatch.setenv(VARIABLE, "100")
    with pytest.raises(UnreadableImageError, match=f"limit of 0.0001 million.*{VARIABLE}=400"):
        decode_image(encode(20, 20), "photo.png", 500)


@pytest.mark.parametrize("value", ["0", "-1", "many", "1e9", "\u0661"])
def test_other_values_are_refused(monkeypatch, value):
    monkeypatch.setenv(VARIABLE, value)
    with pytest.raises(UnreadableImageError, match=f"{VARIABLE}={value}: must be a number of pixels, such as"):
        decode_rgb(encode(4, 4), "photo.png")
