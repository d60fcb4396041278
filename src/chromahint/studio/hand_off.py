"""What a colored photo can be downloaded as."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple, get_args

from chromahint.images.image_file import OUTPUT_FORMATS, ImageFile, encode_image, side_by_side_image
from chromahint.images.pixels import Pixels
from chromahint.images.provenance import colorized_xmp
from chromahint.images.sharing import color_picture, encode_animation

Content = Literal["photo", "color", "comparison", "animation"]
_ANIMATIONS = {".webp": "WEBP", ".gif": "GIF"}


class HandOff(NamedTuple):
    """A kind of file to download.

    Attributes:
        content: the colored photo; its color alone; before and after; or an animation from before to after.
        suffix: extension of the file.
        quality: 1 to 100, of JPEG and WebP files, or None.
        bits: bits per channel of PNG and TIFF files; 0 for those of the photo.
    """

    content: Content = "photo"
    suffix: str = ".png"
    quality: int | None = None
    bits: int = 0


def parse_hand_off(query: Mapping[str, str]) -> HandOff:
    """Parse the parameters of a request.

    Raises:
        ValueError: One of them is unknown or out of range. The message names it.
    """
    content, suffix, bits = query.get("content", "photo"), query.get("suffix", ".png"), query.get("bits", "0")
    if content not in get_args(Content):
        raise ValueError(f"content={content:.20}: must be one of {', '.join(get_args(Content))}.")
    suffixes = _ANIMATIONS if content == "animation" else OUTPUT_FORMATS
    if suffix not in suffixes:
        raise ValueError(f"suffix={suffix:.20}: unknown image format. Use one of {', '.join(suffixes)}.")
    if bits not in ("0", "8", "16"):
        raise ValueError(f"bits={bits:.20}: must be 8, 16, or 0 for those of the photo.")
    quality = query.get("quality")
    if quality is not None and not re.fullmatch("[1-9][0-9]?|100", quality):
        raise ValueError(f"quality={quality:.20}: must be an integer from 1 to 100.")
    return HandOff(content, suffix, None if quality is None else int(quality), int(bits))  # type: ignore[arg-type]


def encode_hand_off(image: ImageFile, colored: Pixels, form: HandOff) -> bytes:
    """Encode a colored photo.

    Args:
        image: the photo.
        colored: its colored version; with 16 bits per channel if the file is to have them.
        form: what to write.

    Raises:
        ValueError: the photo is too large for the format.
    """
    if form.content == "animation":
        return encode_animation(image.pixels, colored, _ANIMATIONS[form.suffix], colorized_xmp())
    if form.content == "comparison":
        return encode_image(side_by_side_image(image, colored), form.suffix, form.quality)
    result = image.colorized(color_picture(colored) if form.content == "color" else colored)
    return encode_image(result.with_8_bits() if form.bits == 8 else result, form.suffix, form.quality)
