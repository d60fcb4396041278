"""What a network is trained to make small: `loss(prediction, target, lightness, logits) -> scalar`.

Predictions and targets are ab B2HW in Lab units, whichever network they come from. Each loss moves them to the scale
that it is defined on, which its docstring states. All of it is float32, inside an autocast region too: squared
differences of colors that nearly agree are lost in bf16.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from chromahint.color import AB_LIMIT, lab_to_rgb
from chromahint.models.ab_bins import CLASSES, ab_classes

_WINDOW = 11
_SIGMA = 1.5


class Loss(ABC):
    """A loss over color.

    Attributes:
        needs_classes: whether it wants the logits of a network's color classes.
    """

    needs_classes: ClassVar[bool] = False

    def __call__(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None = None) -> Tensor:
        """Measure a batch, in float32.

        Args:
            prediction: ab B2HW in Lab units, of any floating point type.
            target: ab B2HW in Lab units.
            lightness: B1HW in 0..100.
            logits: B x 529 x ceil(H/4) x ceil(W/4), only for a loss that needs classes.

        Returns:
            The mean over the batch, a scalar of float32.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            classes = None if logits is None else logits.float()
            return self.measure(prediction.float(), target.float(), lightness.float(), classes)

    @abstractmethod
    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Do what calling the loss says, given float32 and no autocast."""


class L1SSIM(Loss):
    """Absolute error and structure, on (L / 100, (ab + 128) / 255): the loss of HSCAU-Net (2022).

    `l1_weight` * mean |error of ab| + `ssim_weight` * (1 - SSIM of [L, a, b]).
    """

    def __init__(self, l1_weight: float = 0.8, ssim_weight: float = 0.2) -> None:
        _check_weights(l1_weight=l1_weight, ssim_weight=ssim_weight)
        self.l1_weight = l1_weight
        self.ssim_weight = ssim_weight

    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Weigh the two parts against each other."""
        absolute = (prediction - target).abs().mean() / 255
        if self.ssim_weight == 0:
            return self.l1_weight * absolute
        # prediction and target share their lightness, whose SSIM is therefore exactly 1: only a and b need work
        ssim = (1 + 2 * ab_ssim(prediction, target)) / 3
        return self.l1_weight * absolute + self.ssim_weight * (1 - ssim)


class MSE(Loss):
    """Squared error on (ab + 128) / 255, mean over pixels and both channels."""

    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Take the mean of squares."""
        return F.mse_loss(prediction / 255, target / 255)


class Huber(Loss):
    """Error on ab / 110, quadratic below `delta` and linear beyond: summed over a and b, mean over pixels.

    The linear part has slope 1 whatever `delta` is ("smooth L1" with beta = `delta`, as iColoriT trains), so that a
    learning rate stays right when `delta` changes. It is the textbook Huber loss divided by `delta`.
    """

    def __init__(self, delta: float = 0.01) -> None:
        if delta <= 0:
            raise ValueError(f"loss.delta is {delta}; it must be above 0, on the scale of ab / 110: loss.delta=0.01")
        self.delta = delta

    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Sum over the two channels."""
        return 2 * F.smooth_l1_loss(prediction / AB_LIMIT, target / AB_LIMIT, beta=self.delta)


class PSNR(Loss):
    """How far the PSNR of each picture, RGB in 0..1, stays below a perfect one's, in tens of dB: mean over the batch.

    A picture with many hints, which is nearly right, counts as much as one with none: to halve the error of the one is
    worth as much as to halve that of the other.

    Args:
        most: PSNR of a perfect picture, in dB; errors smaller than this fade.
    """

    def __init__(self, max_psnr: float = 40.0) -> None:
        if max_psnr <= 0:
            raise ValueError(f"loss.max_psnr is {max_psnr}; it must be above 0, in dB: loss.max_psnr=40")
        self.max_psnr = max_psnr

    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compare pictures as a screen shows them."""
        error = lab_to_rgb(lightness, prediction) - lab_to_rgb(lightness, target)
        return torch.log10(1 + error.square().flatten(1).mean(dim=1) * 10 ** (self.max_psnr / 10)).mean()


class Zhang(Loss):
    """Color classes and absolute error: the loss of the 2017 network with local hints.

    `class_weight` * cross-entropy over the 529 classes + `l1_weight` * |error of ab / 110|, the latter summed over a
    and b, mean over pixels.
    """

    needs_classes: ClassVar[bool] = True

    def __init__(self, class_weight: float = 1.0, l1_weight: float = 10.0) -> None:
        _check_weights(class_weight=class_weight, l1_weight=l1_weight)
        self.class_weight = class_weight
        self.l1_weight = l1_weight

    def measure(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compare classes at a quarter of the size and colors at full size."""
        classes = ab_classes(target)
        expected = (len(classes), CLASSES, *classes.shape[1:])
        if logits is None or logits.shape != expected:
            came = "none" if logits is None else tuple(logits.shape)
            raise ValueError(
                f"loss=zhang needs logits of color classes shaped {expected}, got {came}: choose a network with "
                "color classes (model=zhang2017) or a loss without (loss=l1_ssim)"
            )
        absolute = 2 * F.l1_loss(prediction / AB_LIMIT, target / AB_LIMIT)
        return self.class_weight * F.cross_entropy(logits, classes) + self.l1_weight * absolute


def ab_ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """SSIM of two ab maps B2HW on the scale (ab + 128) / 255, mean over batch, channels and all pixels.

    Gaussian window of 11 x 11 with sigma 1.5, zero padding, data range 1, population covariance.
    """
    # Measured around neutral gray, not around 0: a variance taken as a difference of two large numbers would not
    # survive the reduced precision that GPUs use for float32 convolutions.
    neutral = 128 / 255
    pair = torch.stack([prediction, target]).flatten(1, 2) / 255
    x, y = F.pad(pair, [_WINDOW // 2] * 4, value=-neutral)
    means = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = means.chunk(5)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    mean_x, mean_y = mean_x + neutral, mean_y + neutral
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return (luminance * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean()


def _blur(maps_NHW: Tensor) -> Tensor:
    # The window is made anew each time: one kept from validation would be an inference tensor, useless in training.
    offsets = torch.arange(_WINDOW, device=maps_NHW.device, dtype=torch.float32) - _WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    # Each map is its own group: on a CPU, the same convolution with the maps as a batch takes many times as long.
    kernel = (window / window.sum()).expand(len(maps_NHW), 1, 1, _WINDOW)
    rows = F.conv2d(maps_NHW[None], kernel, groups=len(maps_NHW))
    return F.conv2d(rows, kernel.transpose(2, 3), groups=len(maps_NHW))[0]


def _check_weights(**weights: float) -> None:
    for name, weight in weights.items():
        if weight < 0:
            raise ValueError(f"loss.{name} is {weight}; a weight is 0 or more: loss.{name}={-weight}")
    if not any(weights.values()):
        names = " and ".join(f"loss.{name}" for name in weights)
        raise ValueError(f"{names} are all 0, so there is nothing to learn from: leave at least one above 0")
