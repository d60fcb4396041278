"""Adapters between NumPy arrays, PIL images or tensors and the buffers that are colored.

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

from chromahint.images.decode import to_array, to_srgb

_SUPPORTED = (
    "Pass a NumPy array HxW or HxWx3, a PIL image, or a tensor CxHxW or BxCxHxW with 1 or 3 channels, of uint8, "
    "uint16, or floating point from 0 to 1."
)
_MAX_VALUE = {torch.uint8: 255, torch.uint16: 65535}
_MODES_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")


@dataclass
class ImageBuffer:
    """An image and the buffer of its colored version.

    Attributes:
        image_CHW: uint8, uint16 or floating point.
        output_3HW: Buffer to fill, of the result's type.
    """

    image_CHW: Tensor
    output_3HW: Tensor

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.image_CHW.shape[-2], self.image_CHW.shape[-1]

    def rows(self, first: int, last: int, device: torch.device) -> Tensor:
        """Return rows `first` to `last - 1` as RGB 13RW, float32 in 0..1."""
        part = self.image_CHW[:, first:last]
        # some devices don't support uint16
        values = part.float() if part.dtype == torch.uint16 else part.to(device).float()
        scaled = values / _MAX_VALUE.get(part.dtype, 1)
        return scaled.to(device).expand(3, -1, -1)[None]

    def fill(self, first: int, rgb: Tensor) -> None:
        """Write RGB 13RW in 0..1 to the output, beginning at row `first`."""
        dtype = self.output_3HW.dtype
        if dtype in _MAX_VALUE:
            rgb = rgb.mul(_MAX_VALUE[dtype]).round_()
        if dtype == torch.uint16:  # some devices don't support it
            rgb = rgb.to(torch.int32).cpu()
        self.output_3HW[:, first : first + rgb.shape[-2]] = rgb[0].to(self.output_3HW.device).to(dtype)


def open_images(image: Any) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    """Open an image, or a batch of images as a tensor.

    Returns:
        The buffers, and a function that returns the result, of the same kind as `image`, once they are filled.

    Raises:
        ValueError: The type, shape or value range is not supported.
    """
    if isinstance(image, Image.Image):
        return _open_pil(image)
    if isinstance(image, Tensor):
        return _open_tensor(image)
    if isinstance(image, np.ndarray):
        return _open_array(image)
    raise ValueError(f"image of type {type(image).__name__}: not supported. {_SUPPORTED}")


def _open_array(array: np.ndarray[Any, Any]) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    is_gray = array.ndim == 2
    if not is_gray and (array.ndim != 3 or array.shape[2] != 3):
        raise ValueError(f"array of shape {array.shape}: not supported. {_SUPPORTED}")
    if array.dtype.name not in ("uint8", "uint16", "float16", "float32", "float64"):
        raise ValueError(f"array of {array.dtype}: not supported. {_SUPPORTED}")
    native = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("="))
    if not native.flags.writeable:
        native = native.copy()
    tensor = torch.from_numpy(native)
    output = torch.empty((*array.shape[:2], 3), dtype=tensor.dtype)
    buffer = ImageBuffer(tensor[None] if is_gray else tensor.permute(2, 0, 1), output.permute(2, 0, 1))
    _check_values(buffer)
    return [buffer], output.numpy


def _open_tensor(tensor: Tensor) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    if tensor.ndim not in (3, 4) or tensor.shape[-3] not in (1, 3):
        raise ValueError(f"tensor of shape {tuple(tensor.shape)}: not supported. {_SUPPORTED}")
    if tensor.dtype not in _MAX_VALUE and not tensor.is_floating_point():
        raise ValueError(f"tensor of {tensor.dtype}: not supported. {_SUPPORTED}")
    batch = tensor.detach() if tensor.ndim == 4 else tensor.detach()[None]
    output = torch.empty((len(batch), 3, *batch.shape[-2:]), dtype=tensor.dtype, device=tensor.device)
    buffers = [ImageBuffer(image, output_3HW) for image, output_3HW in zip(batch, output, strict=True)]
    for buffer in buffers:
        _check_values(buffer)
    return buffers, lambda: output if tensor.ndim == 4 else output[0]


def _open_pil(image: Image.Image) -> tuple[list[ImageBuffer], Callable[[], Any]]:
    try:
        alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
        array: np.ndarray[Any, Any]
        if image.mode in _MODES_16_BIT:
            array = np.asarray(image).astype(np.uint16)  # PIL has no 16-bit color: the result has 8 bits
        else:
            srgb = to_srgb(image)
            array = to_array(srgb if srgb.mode == "L" else srgb.convert("RGB"))
    except ValueError:
        raise ValueError(
            f"PIL image of mode {image.mode}: not supported. Convert it first with image.convert('RGB')."
        ) from None
    [buffer], _ = _open_array(array)
    output = np.empty((*buffer.size, 3), np.uint8)
    buffer.output_3HW = torch.from_numpy(output).permute(2, 0, 1)

    def get_result() -> Image.Image:
        result = Image.fromarray(output)
        if alpha is not None:
            result.putalpha(alpha)
        result.info.update({key: image.info[key] for key in ("exif", "dpi") if key in image.info})
        return result

    return [buffer], get_result


def _check_values(buffer: ImageBuffer) -> None:
    image = buffer.image_CHW
    if not image.numel():
        raise ValueError(f"image of shape {'x'.join(map(str, image.shape))}: has no pixels. {_SUPPORTED}")
    if image.is_floating_point():
        low, high = (float(value) for value in torch.aminmax(image))
        if not (low >= -1e-3 and high <= 1.001):
            raise ValueError(
                f"floating-point image with values from {low:g} to {high:g}: must be from 0 to 1. Scale it to 0..1."
            )
