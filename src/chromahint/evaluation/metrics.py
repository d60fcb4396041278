"""How close a colored image is to the photo, image by image: PSNR and SSIM of 8-bit RGB, and other PSNR.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

MAX_PSNR = 100.0
"""PSNR in dB that a perfect image gets; without a limit one such image would make a mean infinite."""

Lab = tuple[Tensor, Tensor]
"""Lightness B1HW in 0..100 and ab B2HW in Lab units."""

_WINDOW = 7
_UNIT = 10**6


def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image over all three channels.

    Args:
        prediction: B3HW uint8 RGB.
        target: B3HW uint8 RGB.

    Returns:
        B float32, in dB, at most 100.

    >>> psnr(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    tensor([100.])
    """
    _check(prediction, target)
    difference = prediction.to(torch.int32) - target.to(torch.int32)
    # whole numbers: the sum does not depend on the order in which a device adds
    squares_B = (difference * difference).flatten(1).sum(1)
    error_B = squares_B.float() / difference[0].numel()
    return (10 * torch.log10(255.0**2 / error_B)).clamp(max=MAX_PSNR)


def psnr_8bit_lab(prediction: Lab, target: Lab) -> Tensor:
    """PSNR of each image over L, a and b in 8-bit Lab: L * 255/100, a + 128 and b + 128, rounded and kept to 0..255.

    Args:
        prediction: lightness B1HW in 0..100 and ab B2HW in Lab units.
        target: the photo's.

    Returns:
        B float32, in dB, at most 100.
    """
    return psnr(_eight_bit(*prediction), _eight_bit(*target))


def psnr_float(prediction: Tensor, target: Tensor, max_psnr: float = MAX_PSNR) -> Tensor:
    """PSNR of each image that was not rounded to 8 bits.

    Args:
        prediction: B3HW float32 RGB in 0..1.
        target: B3HW float32 RGB in 0..1.
        most: what an image gets at most, in dB.

    Returns:
        B float32, in dB, at most `most`.
    """
    error_B = (prediction - target).square().flatten(1).mean(1)
    return (-10 * torch.log10(error_B)).clamp(max=max_psnr)


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Structural similarity of each image, in scikit-image's default convention.

    That is `structural_similarity(channel_axis=2, data_range=255)`: a uniform 7x7 window, sample covariance, K1 = 0.01,
    K2 = 0.03, windows inside the image only, mean over the channels. Computed in float32 whatever autocast is on.

    Args:
        prediction: B3HW uint8 RGB, H and W of 7 or more.
        target: B3HW uint8 RGB.

    Returns:
        B float32, at most 1.
    """
    _check(prediction, target)
    if min(target.shape[-2:]) < _WINDOW:
        raise ValueError(
            f"SSIM of images of {target.shape[-2]}x{target.shape[-1]} pixels: height and width must be {_WINDOW} or "
            "more, the side of its window. Use larger images."
        )
    # one image after the other stays in a CPU's cache, which is three times as fast; a GPU wants them at once
    pieces = len(target) if target.device.type == "cpu" else 1
    with torch.autocast(target.device.type, enabled=False):
        pairs = zip(prediction.tensor_split(pieces), target.tensor_split(pieces), strict=True)
        return torch.cat([_ssim(x.float(), y.float()) for x, y in pairs])


class _Mean(Metric):  # type: ignore[misc]
    """Mean over images; each image counts once, whatever the batches and processes were."""

    full_state_update = False
    higher_is_better = True
    total: Tensor
    images: Tensor

    def __init__(self) -> None:
        super().__init__()
        # summed in whole millionths: the mean does not depend on the order of batches and processes, and devices
        # without float64 can hold it
        self.add_state("total", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("images", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Add figures B of images; those with weight B of 0 are left out."""
        self._add(values, weight)

    def _add(self, values_B: Tensor, weight_B: Tensor | None) -> None:
        counted = torch.ones_like(values_B, dtype=torch.bool) if weight_B is None else weight_B > 0
        millionths = (values_B * _UNIT).round().to(torch.int64)
        # not in place: a state that was reset in inference mode could not be changed outside of it
        self.total = self.total + torch.where(counted, millionths, 0).sum()
        self.images = self.images + counted.sum()

    def compute(self) -> Tensor:
        """Give the mean, or nan where there was no image."""
        return self.total / self.images / _UNIT


class MeanPerImage(_Mean):
    """Mean of figures that are known already, such as the PSNR that a sweep hands out."""

    def update(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Add the images' values B, kept to a millionth; those with weight B of 0 are left out."""
        self._add(values, weight)


class PicturePSNR(_Mean):
    """Mean of the images' PSNR in dB, each capped at 100: the mean of images, not the PSNR of the pooled error."""

    def update(self, prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> None:  # type: ignore[override]
        """Add images B3HW uint8 RGB; those with weight B of 0 are left out."""
        self._add(psnr(prediction, target), weight)


class PictureSSIM(_Mean):
    """Mean of the images' SSIM in scikit-image's default convention."""

    def update(self, prediction: Tensor, target: Tensor, weight: Tensor | None = None) -> None:  # type: ignore[override]
        """Add images B3HW uint8 RGB; those with weight B of 0 are left out."""
        self._add(ssim(prediction, target), weight)


def _eight_bit(lightness: Tensor, ab: Tensor) -> Tensor:
    scaled = torch.cat([lightness.float() * 2.55, ab.float() + 128], dim=1)
    return scaled.round().clamp(0, 255).to(torch.uint8)


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    # moments about a value near the image's own: with large squares float32 would lose the small variances
    middle = y.mean(dim=(2, 3), keepdim=True)
    x, y = x - middle, y - middle
    mean_x, mean_y, squares, xy = _window_means(torch.cat([x, y, x * x + y * y, x * y], dim=1)).chunk(4, dim=1)
    sample = _WINDOW**2 / (_WINDOW**2 - 1)
    variances = sample * (squares - mean_x * mean_x - mean_y * mean_y)
    covariance = sample * (xy - mean_x * mean_y)
    mean_x, mean_y = mean_x + middle, mean_y + middle
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    structure = (2 * covariance + c2) / (variances + c2)
    brightness = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return (structure * brightness).mean(dim=(1, 2, 3))


def _window_means(maps_BCHW: Tensor) -> Tensor:
    return _window_sums(_window_sums(maps_BCHW, 2), 3) / _WINDOW**2


def _window_sums(maps: Tensor, axis: int) -> Tensor:
    """Sum 7 neighbors as 4 + 2 + 1, which takes 4 additions and several times less time than pooling."""
    length = maps.shape[axis] - _WINDOW + 1
    twos = maps.narrow(axis, 0, length + 5) + maps.narrow(axis, 1, length + 5)
    fours = twos.narrow(axis, 0, length) + twos.narrow(axis, 2, length)
    return fours + twos.narrow(axis, 4, length) + maps.narrow(axis, 6, length)


def _check(prediction: Tensor, target: Tensor) -> None:
    for name, image in (("prediction", prediction), ("target", target)):
        if image.dtype != torch.uint8 or image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f"The {name} is {image.dtype} of shape {tuple(image.shape)}: 8-bit RGB, uint8 B3HW, is compared. "
                "Make it with chromahint.color.lab_to_rgb8."
            )
    if prediction.shape != target.shape:
        raise ValueError(
            f"The prediction has shape {tuple(prediction.shape)} and the target {tuple(target.shape)}: they must be "
            "the same. Color the image at the photo's own size."
        )
