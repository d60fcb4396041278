"""Pictures as people hold them in Python: NumPy arrays, PIL images and tensors, and results of the same kind.

Shape suffixes: C one channel (gray) or three (RGB), H height, W width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from chromahint.images.decode import to_srgb

_ALLOWED = (
    "allowed are NumPy arrays HxW or HxWx3, PIL images, and tensors CxHxW or BxCxHxW with 1 or 3 channels; of uint8, "
    "uint16, or floating point from 0 to 1"
)
_FULL = {torch.uint8: 255, torch.uint16: 65535}
_SIXTEEN = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass
class ImageBuffer:
    """A picture to be colored, and where its colors go.

    Attributes:
        picture_CHW: uint8, uint16 or floating point.
        result_3HW: to be filled, of the result's type.
    """

    image_CHW: Tensor
    output_3HW: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image_CHW.shape[-2], self.image_CHW.shape[-1]

    def rows(self, first: int, last: int, device: torch.device) -> Tensor:
        """Some rows as RGB 13RW, float32 in 0..1."""
        part = self.image_CHW[:, first:last]
        # not every device knows uint16
        scaled = (part.float() if part.dtype == torch.uint16 else part.to(device).float()) / _FULL.get(part.dtype, 1)
        return scaled.to(device).expand(3, -1, -1)[None]

    def fill(self, first: int, rgb: Tensor) -> None:
        """Put RGB 13RW in 0..1 into the result, from a row on."""
        kind = self.output_3HW.dtype
        if kind in _FULL:
            rgb = rgb.mul(_FULL[kind]).round_()
        if kind == torch.uint16:  # by way of what every device knows
            rgb = rgb.to(torch.int32).cpu()
        self.output_3HW[:, first : first + rgb.shape[-2]] = rgb[0].to(self.output_3HW.device).to(kind)


def open_images(image: Any) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    """Take a picture, or a batch of them as a tensor.

    Returns:
        The pictures, and what gives the result of the same kind once they are filled.

    Raises:
        ValueError: it is something else; the message says what is allowed.
    """
    if isinstance(image, Image.Image):
        return _of_pil(image)
    if isinstance(image, Tensor):
        return _of_tensor(image)
    if isinstance(image, np.ndarray):
        return _of_array(image)
    raise ValueError(f"a picture came as {type(image).__name__}: {_ALLOWED}")


def _of_array(array: np.ndarray[Any, Any]) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    gray = array.ndim == 2
    if not gray and (array.ndim != 3 or array.shape[2] != 3):
        raise ValueError(f"a picture came as an array of shape {array.shape}: {_ALLOWED}")
    if array.dtype.name not in ("uint8", "uint16", "float16", "float32", "float64"):
        raise ValueError(f"a picture came as an array of {array.dtype}: {_ALLOWED}")
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if not native.flags.writeable:
        native = native.copy()
    picture = torch.from_numpy(native)
    result = torch.empty((*array.shape[:2], 3), dtype=picture.dtype)
    opened = ImageBuffer(picture[None] if gray else picture.permute(2, 0, 1), result.permute(2, 0, 1))
    _check(opened)
    return [opened], result.numpy


def _of_tensor(tensor: Tensor) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    if tensor.ndim not in (3, 4) or tensor.shape[-3] not in (1, 3):
        raise ValueError(f"a picture came as a tensor of shape {tuple(tensor.shape)}: {_ALLOWED}")
    if tensor.dtype not in _FULL and not tensor.is_floating_point():
        raise ValueError(f"a picture came as a tensor of {tensor.dtype}: {_ALLOWED}")
    pictures = tensor.detach() if tensor.ndim == 4 else tensor.detach()[None]
    shape = (len(pictures), 3, *pictures.shape[-2:])
    result = torch.empty(shape, dtype=tensor.dtype, device=tensor.device)
    opened = [ImageBuffer(picture, place) for picture, place in zip(pictures, result, strict=True)]
    for each in opened:
        _check(each)
    return opened, lambda: result if tensor.ndim == 4 else result[0]


def _of_pil(image: Image.Image) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    try:
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        if image.mode in _SIXTEEN:
            picture = np.asarray(image).astype(np.uint16)  # PIL knows no color of 16 bits: the result has 8
        else:
            plain = to_srgb(image)
            picture = np.array(plain if plain.mode == "L" else plain.convert("RGB"))
    except ValueError:
        raise ValueError(f"a PIL image of mode {image.mode}: convert it first with image.convert('RGB')") from None
    [opened], _ = _of_array(picture)
    filled = np.empty((*opened.size, 3), np.uint8)
    opened.output_3HW = torch.from_numpy(filled).permute(2, 0, 1)

    def close() -> Image.Image:
        result = Image.fromarray(filled)
        if alpha is not None:
            result.putalpha(alpha)
        result.info.update({key: image.info[key] for key in ("exif", "dpi") if key in image.info})
        return result

    return [opened], close


def _check(opened: ImageBuffer) -> None:
    picture = opened.image_CHW
    if not picture.numel():
        raise ValueError(f"a picture of {'x'.join(map(str, picture.shape))} has no pixels")
    if picture.is_floating_point():
        low, high = (float(value) for value in torch.aminmax(picture))
        if not (low >= -1e-3 and high <= 1.001):
            raise ValueError(f"a picture of floating point has values from {low:g} to {high:g}: 0 to 1 are allowed")
