"""Training losses: `loss(prediction, target, lightness, logits) -> scalar`.

Predictions and targets are ab B2HW in Lab units for every network. Each loss converts them to its own scale, which its
docstring states. Losses compute in float32, even inside an autocast region, because bf16 cannot resolve the squared
difference of similar colors.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le, MaxLen, MinLen
from torch import Tensor

from chromahint.color import AB_LIMIT, lab_to_rgb
from chromahint.data.color_prior import read_color_prior
from chromahint.hints.gamut_bins import NUM_GAMUT_BINS, soft_encode
from chromahint.models.ab_bins import CLASS_STRIDE, NUM_CLASSES, ab_classes
from chromahint.ranges import NonNegative, Positive, Probability, validate_arguments

_WINDOW = 11
_SIGMA = 1.5


class Loss(ABC):
    """Base class of color losses.

    Attributes:
        needs_classes: Whether the loss needs the logits of a network's color classes.
        num_classes: Number of these classes.
    """

    needs_classes: ClassVar[bool] = False
    num_classes: ClassVar[int] = 0

    def __call__(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None = None) -> Tensor:
        """Compute the loss in float32.

        Args:
            prediction: ab B2HW in Lab units, of any floating point type.
            target: ab B2HW in Lab units.
            lightness: B1HW in 0..100.
            logits: (B, num_classes, ceil(H / 4), ceil(W / 4)), only for a loss that needs classes.

        Returns:
            Mean over the batch, a float32 scalar.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            logits = None if logits is None else logits.float()
            return self.compute(prediction.float(), target.float(), lightness.float(), logits)

    @abstractmethod
    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the loss of float32 tensors, without autocast. See `__call__`."""


class PlainLoss(Loss):
    """Any function of prediction and target, such as `torch.nn.SmoothL1Loss()`, on ab in Lab units.

    Args:
        function: (prediction B2HW, target B2HW) -> scalar.
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        self.function = function

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the loss of ab B2HW."""
        return self.function(prediction, target)


@validate_arguments("loss")
class L1SSIM(Loss):
    """L1 and SSIM on (L / 100, (ab + 128) / 255): the loss of HSCAU-Net (2022).

    `l1_weight` * mean |ab error| + `ssim_weight` * (1 - SSIM of [L, a, b]).
    """

    def __init__(self, l1_weight: NonNegative = 0.8, ssim_weight: NonNegative = 0.2) -> None:
        _require_positive_weight(l1_weight=l1_weight, ssim_weight=ssim_weight)
        self.l1_weight = l1_weight
        self.ssim_weight = ssim_weight

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the weighted sum of L1 and 1 - SSIM."""
        l1 = (prediction - target).abs().mean() / 255
        if self.ssim_weight == 0:
            return self.l1_weight * l1
        # prediction and target share their lightness, whose SSIM is therefore exactly 1
        ssim = (1 + 2 * ab_ssim(prediction, target)) / 3
        return self.l1_weight * l1 + self.ssim_weight * (1 - ssim)


class MSE(Loss):
    """Squared error on (ab + 128) / 255, averaged over pixels and both channels."""

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the mean squared error."""
        return F.mse_loss(prediction / 255, target / 255)


@validate_arguments("loss")
class Huber(Loss):
    """Huber loss on ab / 110, summed over a and b and averaged over pixels.

    This is the textbook Huber loss divided by `delta` ("smooth L1" with beta = `delta`, as used by iColoriT). Its
    linear part has slope 1 whatever `delta` is, so a learning rate remains suitable when `delta` changes.

    Args:
        delta: Error at which the loss turns from quadratic to linear.
    """

    def __init__(self, delta: Positive = 0.01) -> None:
        self.delta = delta

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the Huber loss."""
        return 2 * F.smooth_l1_loss(prediction / AB_LIMIT, target / AB_LIMIT, beta=self.delta)


@validate_arguments("loss")
class PSNR(Loss):
    """Shortfall of each image's PSNR from `max_psnr`, on RGB in 0..1, in tens of dB, averaged over the batch.

    Halving the error of an image with many hints, which is nearly right, is worth as much as halving the error of one
    without hints.

    Args:
        max_psnr: PSNR in dB of a perfect image. Smaller errors have a vanishing gradient.
    """

    def __init__(self, max_psnr: Annotated[float, Gt(0), Le(200)] = 40.0) -> None:
        self.max_psnr = max_psnr

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the shortfall on displayable RGB."""
        error = lab_to_rgb(lightness, prediction) - lab_to_rgb(lightness, target)
        return torch.log10(1 + error.square().flatten(1).mean(dim=1) * 10 ** (self.max_psnr / 10)).mean()


@validate_arguments("loss")
class Zhang(Loss):
    """Cross-entropy of color classes and L1: the loss of the 2017 local hints network.

    `class_weight` * cross-entropy over 529 classes + `l1_weight` * |error of ab / 110|, where L1 is summed over a and b
    and averaged over pixels.
    """

    needs_classes: ClassVar[bool] = True
    num_classes: ClassVar[int] = NUM_CLASSES

    def __init__(self, class_weight: NonNegative = 1.0, l1_weight: NonNegative = 10.0) -> None:
        _require_positive_weight(class_weight=class_weight, l1_weight=l1_weight)
        self.class_weight = class_weight
        self.l1_weight = l1_weight

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute cross-entropy at a quarter of the resolution and L1 at full resolution."""
        classes = ab_classes(target)
        logits = _require_logits(logits, (len(classes), self.num_classes, *classes.shape[1:]), "zhang", "zhang2017")
        l1 = 2 * F.l1_loss(prediction / AB_LIMIT, target / AB_LIMIT)
        return self.class_weight * F.cross_entropy(logits, classes) + self.l1_weight * l1


Distribution = Annotated[list[Probability], MinLen(NUM_GAMUT_BINS), MaxLen(NUM_GAMUT_BINS)]


@validate_arguments("loss")
class RebalancedClasses(Loss):
    """Cross-entropy of 313 color classes with soft targets, in which rare colors count more (Zhang et al. 2016).

    The target of every fourth pixel is its color spread over its five nearest bins (`soft_encode`). A pixel's weight
    depends on its nearest bin: it is the inverse of the bin's probability, mixed with a uniform distribution, and its
    mean over the prior is 1. Saturated colors are rare, so that without the weights, the network would learn dull ones.

    Args:
        color_prior: Probability of each bin in the training photos: 313 numbers, or a file that `chromahint data
            color-prior` writes. None gives all pixels the same weight.
        uniform_weight: Share of the uniform distribution, which bounds the weight of colors that hardly occur.
    """

    needs_classes: ClassVar[bool] = True
    num_classes: ClassVar[int] = NUM_GAMUT_BINS

    def __init__(self, color_prior: Distribution | str | None = None, uniform_weight: Probability = 0.5) -> None:
        self.color_prior = read_color_prior(color_prior) if isinstance(color_prior, str) else color_prior
        self.uniform_weight = uniform_weight

    def class_weights(self, device: torch.device | str = "cpu") -> Tensor:
        """Return the weight of each bin, 313 float32."""
        if self.color_prior is None:
            return torch.ones(NUM_GAMUT_BINS, device=device)
        prior = torch.tensor(self.color_prior, device=device)
        weights = 1 / ((1 - self.uniform_weight) * prior + self.uniform_weight / NUM_GAMUT_BINS).clamp(min=1e-12)
        return weights / (prior * weights).sum()

    def compute(self, prediction: Tensor, target: Tensor, lightness: Tensor, logits: Tensor | None) -> Tensor:
        """Compute the weighted cross-entropy, averaged over pixels."""
        samples = target[..., ::CLASS_STRIDE, ::CLASS_STRIDE]
        expected = (len(samples), self.num_classes, *samples.shape[2:])
        logits = _require_logits(logits, expected, "rebalanced_classes", "zhang2016")
        bins, shares = soft_encode(samples.movedim(1, -1).reshape(-1, 2))
        log_probability = logits.log_softmax(dim=1).movedim(1, -1).reshape(-1, NUM_GAMUT_BINS)
        cross_entropy = -(shares * log_probability.gather(1, bins)).sum(dim=1)
        return (self.class_weights(target.device)[bins[:, 0]] * cross_entropy).mean()


def ab_ssim(prediction: Tensor, target: Tensor) -> Tensor:
    """Compute SSIM of two ab maps B2HW on the scale (ab + 128) / 255, averaged over batch, channels and pixels.

    Gaussian window of 11x11 with sigma 1.5, zero padding, data range 1, population covariance.
    """
    # Moments are taken around neutral gray instead of 0: a variance computed as the difference of two large numbers
    # would not survive the reduced precision of float32 convolutions on GPUs.
    neutral = 128 / 255
    pair = torch.stack([prediction, target]).flatten(1, 2) / 255
    x, y = F.pad(pair, [_WINDOW // 2] * 4, value=-neutral)
    moments = _blur(torch.cat([x, y, x * x, y * y, x * y]))
    mean_x, mean_y, square_x, square_y, product = moments.chunk(5)
    variances = square_x - mean_x**2 + square_y - mean_y**2
    covariance = product - mean_x * mean_y
    mean_x, mean_y = mean_x + neutral, mean_y + neutral
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return (luminance * (2 * covariance + 0.03**2) / (variances + 0.03**2)).mean()


def _blur(maps_NHW: Tensor) -> Tensor:
    # The window is not cached: one created during validation would be an inference tensor, unusable in training.
    offsets = torch.arange(_WINDOW, device=maps_NHW.device, dtype=torch.float32) - _WINDOW // 2
    window = torch.exp(-(offsets**2) / (2 * _SIGMA**2))
    # Maps are convolved as groups: on a CPU, a batch of maps takes many times as long.
    kernel = (window / window.sum()).expand(len(maps_NHW), 1, 1, _WINDOW)
    rows = F.conv2d(maps_NHW[None], kernel, groups=len(maps_NHW))
    return F.conv2d(rows, kernel.transpose(2, 3), groups=len(maps_NHW))[0]


def _require_logits(logits: Tensor | None, expected: tuple[int, ...], loss: str, model: str) -> Tensor:
    """Return the logits if they have the expected shape."""
    if logits is None or logits.shape != expected:
        got = "none" if logits is None else tuple(logits.shape)
        raise ValueError(
            f"loss={loss}: needs color class logits of shape {expected}, got {got}. Choose a network with these color "
            f"classes (model={model}) or a loss that needs none (loss=l1_ssim)."
        )
    return logits


def _require_positive_weight(**weights: float) -> None:
    if not any(weights.values()):
        given = " ".join(f"loss.{name}=0" for name in weights)
        raise ValueError(f"{given}: at least one weight must be > 0. Try loss.{next(iter(weights))}=1.")
