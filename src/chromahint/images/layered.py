"""Layered Photoshop files: the gray photo, and its color as a layer of its own."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, Resource
from psd_tools.psd.image_resources import ImageResource

GRAY_LAYER, COLOR_LAYER = "Gray photo", "Color"
_MAX_SIDE = 30_000


def encode_psd(gray: NDArray[np.uint8], colored: NDArray[np.uint8], profile: bytes, xmp: bytes) -> bytes:
    """Encode a Photoshop file with 8 bits per channel.

    The color layer has the blend mode "color": its lightness does not count, and its opacity is the strength of the
    color.

    Args:
        gray: HxW or HxWx3, the photo that was colored.
        colored: HxWx3, the result.
        profile: ICC profile.
        xmp: XMP packet, may be empty.

    Raises:
        ValueError: The image is too large for the format.
    """
    height, width = colored.shape[:2]
    if max(height, width) > _MAX_SIDE:
        raise ValueError(f"{width}x{height} pixels: too large for PSD. Write a PNG or TIFF file.")
    picture = Image.fromarray(colored)
    document = PSDImage.frompil(picture)
    document.create_pixel_layer(Image.fromarray(gray).convert("RGB"), name=GRAY_LAYER)
    document.create_pixel_layer(picture, name=COLOR_LAYER, blend_mode=BlendMode.COLOR)
    for kind, data in ((Resource.ICC_PROFILE, profile), (Resource.XMP_METADATA, xmp)):
        if data:
            document.image_resources[kind] = ImageResource(key=kind.value, data=data)
    file = io.BytesIO()
    # `document.save` would compute the merged picture from the layers, which takes 20 s; it is known already
    document._record.write(file)
    return file.getvalue()
