"""Image metrics: PSNR, SSIM and color differences of 8-bit RGB, PSNR in other color spaces, and the mean over images.

Shape suffixes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torchmetrics import Metric

from chromahint.color import rgb_to_lab
from chromahint.evaluation.color_difference import ciede2000, colorfulness

MAX_PSNR = 100.0
"""Upper cap of PSNR in dB. Without it, one perfect image would make the mean infinite."""

Lab = tuple[Tensor, Tensor]
"""Lightness B1HW in 0..100 and ab B2HW in Lab units."""

_WINDOW = 7
"""Height and width of the SSIM window."""
_RESOLUTION = 10**6
"""Values are summed in units of 1 / _RESOLUTION."""


def psnr(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the peak signal-to-noise ratio of each image over all three channels.

    Args:
        prediction: B3HW uint8 RGB.
        target: B3HW uint8 RGB.

    Returns:
        B float32 in dB, at most 100.

    >>> psnr(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    tensor([100.])
    """
    _check_rgb8(prediction, target)
    difference = prediction.to(torch.int32) - target.to(torch.int32)
    # sums of integers do not depend on the order of addition, which differs between devices
    squares_B = (difference * difference).flatten(1).sum(1)
    error_B = squares_B.float() / difference[0].numel()
    return (10 * torch.log10(255.0**2 / error_B)).clamp(max=MAX_PSNR)


def psnr_8bit_lab(prediction: Lab, target: Lab) -> Tensor:
    """Return the PSNR of each image in 8-bit Lab: L * 255/100, a + 128 and b + 128, rounded and clamped to 0..255.

    Args:
        prediction: Lightness B1HW in 0..100 and ab B2HW in Lab units.
        target: Lightness and ab of the photos.

    Returns:
        B float32 in dB, at most 100.
    """
    return psnr(_to_lab8(*prediction), _to_lab8(*target))


def psnr_float(prediction: Tensor, target: Tensor, max_psnr: float = MAX_PSNR) -> Tensor:
    """Return the PSNR of each image without rounding to 8 bits.

    Args:
        prediction: B3HW float32 RGB in 0..1.
        target: B3HW float32 RGB in 0..1.
        max_psnr: Upper cap in dB.

    Returns:
        B float32 in dB, at most `max_psnr`.
    """
    error_B = (prediction - target).square().flatten(1).mean(1)
    return (-10 * torch.log10(error_B)).clamp(max=max_psnr)


def ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the structural similarity (SSIM) of each image, as defined by scikit-image's defaults.

    That is `structural_similarity(channel_axis=2, data_range=255)`: a uniform 7x7 window, sample covariance, K1 = 0.01,
    K2 = 0.03, only windows inside the image, mean over the channels. It is always computed in float32, even under
    autocast.

    Args:
        prediction: B3HW uint8 RGB, H and W of 7 or more.
        target: B3HW uint8 RGB.

    Returns:
        B float32, at most 1.
    """
    _check_rgb8(prediction, target)
    if min(target.shape[-2:]) < _WINDOW:
        raise ValueError(
            f"{target.shape[-2]}x{target.shape[-1]} pixels: too small for SSIM, whose window is {_WINDOW}x{_WINDOW}. "
            "Use larger images."
        )
    # on a CPU, one image at a time fits into the cache and is three times as fast; a GPU takes the whole batch
    chunks = len(target) if target.device.type == "cpu" else 1
    with torch.autocast(target.device.type, enabled=False):
        pairs = zip(prediction.tensor_split(chunks), target.tensor_split(chunks), strict=True)
        return torch.cat([_ssim(x.float(), y.float()) for x, y in pairs])


def ciede2000_scores(prediction: Tensor, target: Lab) -> tuple[Tensor, Tensor]:
    """Return the color difference CIEDE2000 of each image: the mean and the 95th percentile over its pixels.

    Args:
        prediction: B3HW uint8 RGB.
        target: Lightness B1HW in 0..100 and ab B2HW in Lab units.

    Returns:
        Mean and 95th percentile, B float32 each. The percentile is that of `numpy.percentile`.
    """
    with torch.autocast(prediction.device.type, enabled=False):
        # on a CPU, one image at a time fits into the cache
        chunks = len(prediction) if prediction.device.type == "cpu" else 1
        parts = zip(*(tensor.tensor_split(chunks) for tensor in (prediction, *target)), strict=True)
        maps = [ciede2000(torch.cat(rgb_to_lab(x), dim=1), torch.cat([light, ab], dim=1)) for x, light, ab in parts]
        difference_BN = torch.cat(maps).flatten(1)
    return difference_BN.mean(dim=1), percentile(difference_BN, 95)


def colorfulness_difference(prediction: Tensor, target: Tensor) -> Tensor:
    """Return how much more colorful each prediction is than its target, both B3HW uint8 RGB; B float32."""
    _check_rgb8(prediction, target)
    return colorfulness(prediction) - colorfulness(target)


def percentile(values_BN: Tensor, percent: float) -> Tensor:
    """Return a percentile of each row, linearly interpolated between two values as by `numpy.percentile`.

    It is much faster than `torch.quantile`, which sorts, and has no limit on the number of values.
    """
    position = (values_BN.shape[1] - 1) * percent / 100
    below = int(position)
    low_B = values_BN.kthvalue(below + 1, dim=1).values
    if below == position:
        return low_B
    return torch.lerp(low_B, values_BN.kthvalue(below + 2, dim=1).values, position - below)


class MeanPerImage(Metric):  # type: ignore[misc]
    """Mean of per-image values, such as the PSNR of each image. Images of weight 0 are ignored.

    Every image counts once, however images are distributed over batches and processes.
    """

    full_state_update = False
    higher_is_better = True
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        # integer sums do not depend on the order of batches and processes, and some devices lack float64
        self.add_state("total", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, values: Tensor, weight: Tensor | None = None) -> None:
        """Add values of images, rounded to a millionth.

        Args:
            values: B float32.
            weight: B weights, or None for all 1.
        """
        included = torch.ones_like(values, dtype=torch.bool) if weight is None else weight > 0
        millionths = (values * _RESOLUTION).round().to(torch.int64)
        # not in place: a state that was reset in inference mode could not be modified outside of it
        self.total = self.total + torch.where(included, millionths, 0).sum()
        self.count = self.count + included.sum()

    def compute(self) -> Tensor:
        """Return the mean, or nan if there was no image."""
        return self.total / self.count / _RESOLUTION


def _to_lab8(lightness: Tensor, ab: Tensor) -> Tensor:
    scaled = torch.cat([lightness.float() * 2.55, ab.float() + 128], dim=1)
    return scaled.round().clamp(0, 255).to(torch.uint8)


def _ssim(x: Tensor, y: Tensor) -> Tensor:
    # subtract the mean first: small variances would be lost next to large squares in float32
    offset = y.mean(dim=(2, 3), keepdim=True)
    x, y = x - offset, y - offset
    mean_x, mean_y, squares, xy = _window_means(torch.cat([x, y, x * x + y * y, x * y], dim=1)).chunk(4, dim=1)
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    variances = unbiased * (squares - mean_x * mean_x - mean_y * mean_y)
    covariance = unbiased * (xy - mean_x * mean_y)
    mean_x, mean_y = mean_x + offset, mean_y + offset
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    structure = (2 * covariance + c2) / (variances + c2)
    luminance = (2 * mean_x * mean_y + c1) / (mean_x * mean_x + mean_y * mean_y + c1)
    return (structure * luminance).mean(dim=(1, 2, 3))


def _window_means(maps_BCHW: Tensor) -> Tensor:
    return _window_sums(_window_sums(maps_BCHW, 2), 3) / _WINDOW**2


def _window_sums(maps: Tensor, axis: int) -> Tensor:
    """Sum 7 neighbors as 4 + 2 + 1: four additions, several times faster than pooling."""
    length = maps.shape[axis] - _WINDOW + 1
    twos = maps.narrow(axis, 0, length + 5) + maps.narrow(axis, 1, length + 5)
    fours = twos.narrow(axis, 0, length) + twos.narrow(axis, 2, length)
    return fours + twos.narrow(axis, 4, length) + maps.narrow(axis, 6, length)


def _check_rgb8(prediction: Tensor, target: Tensor) -> None:
    for name, image in (("prediction", prediction), ("target", target)):
        if image.dtype != torch.uint8 or image.ndim != 4 or image.shape[1] != 3:
            raise ValueError(
                f"{name} of {image.dtype} and shape {tuple(image.shape)}: must be 8-bit RGB, uint8 B3HW. "
                "Convert it with chromahint.color.lab_to_rgb8."
            )
    if prediction.shape != target.shape:
        raise ValueError(
            f"prediction of shape {tuple(prediction.shape)}, target of shape {tuple(target.shape)}: shapes must be "
            "equal. Color the image at the size of the photo."
        )
